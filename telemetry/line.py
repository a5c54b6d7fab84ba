"""One machine as the collector sees it: its settings, its open line, when it is due, and what went wrong."""

import asyncio
import random
import zlib
from dataclasses import dataclass, field
from typing import Any

from connectors import AddressPolicy, BaseIoTConnector, ConnectorError, Reading, UnreachableError, create_connector
from equipment.models import Equipment

LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LineSettings:
    """What a line is made from. Two that are equal need no new line."""

    equipment_id: int
    version: int
    uuid: str
    name: str
    protocol: str
    interval: int
    config: dict[str, Any] = field(repr=False, compare=False)  # holds secrets; the version speaks for it
    reported: tuple[str, str] = field(compare=False)  # what people saw of it last

    @classmethod
    def of(cls, machine: Equipment) -> "LineSettings":
        return cls(
            equipment_id=machine.pk,
            version=machine.config_version,
            uuid=str(machine.uuid),
            name=machine.name,
            protocol=machine.iot_protocol,
            interval=machine.poll_interval_seconds,
            config=machine.connector_config,
            reported=(machine.iot_connection_status, machine.iot_connection_error_code),
        )


@dataclass(eq=False)
class Line:
    """The line to one machine. It is opened at its first read, and stays open until a read fails."""

    settings: LineSettings
    policy: AddressPolicy
    due: float = 0.0  # in the loop's clock
    failures: int = 0
    ended: bool = False  # trying on would be wrong until somebody changes the settings
    reported: tuple[str, str] = ("", "")  # status and code of the last connection event
    task: asyncio.Task[None] | None = None
    connector: BaseIoTConnector[Any] | None = field(default=None, repr=False)

    @property
    def phase(self) -> float:
        """A machine's own place in the interval, so that not all are asked at once; the same after a restart."""
        return zlib.crc32(self.settings.uuid.encode()) / 2**32 * self.settings.interval

    def plan_next(self, now: float, error: ConnectorError | None = None) -> None:
        """When to read next: on the machine's own grid, or later the more often it failed."""
        interval = self.settings.interval
        on_grid = (now - self.phase) // interval * interval + self.phase + interval
        if error is None:
            self.failures, self.due = 0, on_grid
            return
        self.failures += 1
        self.ended = not error.retry
        longest = min(interval * 2.0**self.failures, max(LONGEST_PAUSE_SECONDS, interval))
        pause = max(random.uniform(interval, longest), error.retry_after or 0.0)
        self.due = now + pause

    async def read(self) -> tuple[Reading, int]:
        """One reading, and how many milliseconds it took. Raises `ConnectorError`; then the line is down."""
        started = asyncio.get_running_loop().time()
        try:
            if self.connector is None:
                connector = create_connector(
                    self.settings.protocol, self.settings.uuid, self.settings.config, policy=self.policy
                )
                self.connector = await connector.__aenter__()
            # Beyond the connector's own limit: one that forgets it must not keep its machine forever.
            async with asyncio.timeout(self.connector.config.additional_config.timeout + 5):
                reading = await self.connector.get_current_reading()
        except TimeoutError:
            await self.hang_up()
            raise UnreachableError(
                "The machine did not answer in time. Check that it is switched on and in the network."
            ) from None
        except BaseException:
            await self.hang_up()
            raise
        return reading, round((asyncio.get_running_loop().time() - started) * 1000)

    async def hang_up(self) -> None:
        connector, self.connector = self.connector, None
        if connector is not None:
            await connector.__aexit__(None, None, None)

    async def stop(self) -> None:
        """Give up a running read and close. Awaited before a new line to the same machine is opened."""
        if self.task and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task], timeout=5)
        await self.hang_up()
