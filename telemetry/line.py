"""One machine as the collector sees it: its settings, its open line, when it is due, and what went wrong."""

import asyncio
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from connectors import (
    AddressPolicy,
    BaseIoTConnector,
    ConnectorError,
    Identity,
    Reading,
    UnreachableError,
    create_connector,
)
from connectors.deadlines import TimeLimit
from equipment.models import Equipment
from telemetry.listening import Listener
from telemetry.news import News

LONGEST_PAUSE_SECONDS = 300.0
# A machine that has just worked is being restarted, or its cable changed: somebody stands there and waits for it.
PATIENCE_SECONDS = 300.0
# To open the line to a machine that pushes, whose interval says nothing about how often one may call.
LISTEN_AGAIN_SECONDS = 5


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


@dataclass(eq=False, slots=True)
class Line:
    """The line to one machine. It is opened at its first use, and stays open until that fails."""

    settings: LineSettings
    policy: AddressPolicy
    news: News = field(repr=False)
    identity: Identity | None = field(default=None, repr=False)
    due: float = 0.0  # in the loop's clock
    seen: float | None = None  # when a reading came last, in the loop's clock
    failures: int = 0
    ended: bool = False  # trying on would be wrong until somebody changes the settings
    pushes: bool = False  # known once the connector is made
    task: asyncio.Task[None] | None = None
    connector: BaseIoTConnector[Any] | None = field(default=None, repr=False)
    listener: Listener | None = field(default=None, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _place: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._place = zlib.crc32(self.settings.uuid.encode()) / 2**32

    @property
    def pace(self) -> float:
        """Seconds from one try to the next while all goes well."""
        return min(self.settings.interval, LISTEN_AGAIN_SECONDS) if self.pushes else self.settings.interval

    @property
    def phase(self) -> float:
        """A machine's own place in the interval, so that not all are asked at once; the same after a restart."""
        return self._place * self.pace

    @property
    def is_open(self) -> bool:
        return self.connector is not None

    def note_reading(self, now: float) -> None:
        self.seen, self.failures = now, 0

    def plan_next(self, now: float, error: ConnectorError | None = None) -> int:
        """When to read next: on the machine's own grid, or later the more often it failed.

        Returns how many moments of the grid have passed meanwhile, without being used.
        """
        before, pace, phase = self.due, self.pace, self.phase
        self.due = (now - phase) // pace * pace + phase + pace
        if error is None:
            self.note_reading(now)
            return max(0, round((self.due - before) / pace) - 1) if before else 0
        self.ended = not error.retry
        just_worked = self.seen is not None and now - self.seen < PATIENCE_SECONDS
        if not just_worked or error.code == "rate_limited":
            self.failures += 1
            longest = min(pace * 2.0**self.failures, max(LONGEST_PAUSE_SECONDS, pace))
            self.due = now + random.uniform(pace, longest)
        self.due = max(self.due, now + (error.retry_after or 0.0))
        return 0

    async def open(self) -> BaseIoTConnector[Any]:
        """Open if it is down. Raises `ConnectorError`."""
        if self.connector is None:
            connector = create_connector(
                self.settings.protocol,
                self.settings.uuid,
                self.settings.config,
                policy=self.policy,
                identity=self.identity,
            )
            self._loop = asyncio.get_running_loop()
            self.pushes = connector.pushes
            self.connector = await connector.__aenter__()
            self.listener = Listener(connector) if self.pushes else None
        return self.connector

    async def read(self) -> Reading:
        """Raises `ConnectorError`; then the line is down."""
        connector = await self.open()
        # Beyond the connector's own limit: one that forgets it must not keep its machine forever.
        try:
            with TimeLimit(connector.timeout + 5, self._loop):
                return await connector.get_current_reading()
        except BaseException as failure:  # noqa: BLE001  it is raised again
            await self._go_down(failure)

    async def listen(self, take: Callable[[Listener, Reading | ConnectorError], None]) -> NoReturn:
        """Give what a machine pushes to `take`. Ends by raising `ConnectorError`; then the line is down."""
        await self.open()
        assert self.listener, "a machine that does not push is read"
        try:
            await self.listener.listen(take)
        except BaseException as failure:  # noqa: BLE001  it is raised again
            await self._go_down(failure)

    async def _go_down(self, failure: BaseException) -> NoReturn:
        await self.hang_up()
        if isinstance(failure, TimeoutError):
            raise UnreachableError(
                "The machine did not answer in time. Check that it is switched on and in the network."
            ) from None
        raise failure

    async def hang_up(self) -> None:
        connector, listener = self.connector, self.listener
        self.connector = self.listener = None
        if listener:
            await listener.end()
        if connector is not None:
            await connector.__aexit__(None, None, None)

    async def stop(self) -> None:
        """Give up a running read and close. Awaited before a new line to the same machine is opened."""
        if self.task and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task], timeout=5)
        await self.hang_up()
