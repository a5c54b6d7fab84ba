"""Keeps one line open to every machine of a gateway, and hands what they say to the outbox.

Run it once per gateway: some machines serve a single client, and a second collector would push the first one out.
It has one asyncio loop for the machines and one thread for the database; nothing of one waits in the other.
"""

import asyncio
import heapq
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import psycopg
from django.db import DatabaseError, InterfaceError, connection

from connectors import AddressPolicy, ConnectorError
from equipment.models import ConnectionEventType, ConnectionLog, Equipment, IoTConnectionStatus
from equipment.selectors import list_equipment_to_poll
from telemetry.line import Line, LineSettings
from telemetry.outbox import BATCH_SIZE, Outbox

logger = logging.getLogger(__name__)

T = TypeVar("T")
# Without a tick for this long (beat or Redis is down, or tests hold all threads) the collector looks by itself.
TICK_PATIENCE_SECONDS = 5.0
OWN_PACE_SECONDS = 1.0
GATHER_SECONDS = 0.25
# A stand-by leaves the lock to a collector that has only lost its database for a moment.
STAND_BY_SECONDS = 3.0
LONGEST_WAIT_SECONDS = 10.0
EVENT_TYPE = {
    IoTConnectionStatus.CONNECTED: ConnectionEventType.CONNECTED,
    IoTConnectionStatus.DISCONNECTED: ConnectionEventType.DISCONNECTED,
    IoTConnectionStatus.ERROR: ConnectionEventType.ERROR,
}


class Lock(Protocol):
    def acquire(self) -> bool: ...
    def release(self) -> None: ...


class Collector:
    """The lines to one gateway's machines, and their outbox. Everything here runs on its loop, unless it says so."""

    def __init__(self, gateway: str, *, lock: Lock, outbox: Outbox, policy: AddressPolicy) -> None:
        self.gateway, self.lock, self.outbox, self.policy = gateway, lock, outbox, policy
        self.lines: dict[int, Line] = {}
        self.active = False
        self._queue: list[tuple[float, int, Line]] = []  # when each line is due; stale entries are skipped
        self._parked: Counter[int] = Counter()  # by machine, as its line may be replaced meanwhile
        self._tick, self._arrived, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._database = ThreadPoolExecutor(1, thread_name_prefix=f"database-{gateway}")
        self._reconciling: asyncio.Task[None] | None = None
        self._next_reconcile = 0.0
        self._trouble = ""  # what the database said last, to say it once

    async def run(self) -> None:
        """Poll until `stop`; then close the lines and store what is left."""
        flusher = asyncio.create_task(self._flush_forever())
        patience = OWN_PACE_SECONDS
        while not self._stopping.is_set():
            self._reconcile_beside()
            self.poll_due()
            try:
                async with asyncio.timeout(patience):
                    await self._tick.wait()
                patience = TICK_PATIENCE_SECONDS
            except TimeoutError:
                patience = OWN_PACE_SECONDS
            self._tick.clear()
            if flusher.done():
                break  # only a bug ends it; its exception ends us too, and the supervisor starts anew
        if self._reconciling:
            await asyncio.wait([self._reconciling], timeout=10)
        await self._close_lines(list(self.lines.values()))
        self._arrived.set()
        await flusher
        await self._in_database(self.lock.release)
        await self._in_database(_close_connection)
        self._database.shutdown()

    def wake(self) -> None:
        """Look now. Also from other threads, through `call_soon_threadsafe`."""
        self._tick.set()

    def stop(self) -> None:
        self._stopping.set()
        self._tick.set()

    def poll_due(self) -> None:
        """Start one read on every line that is due and not still reading."""
        now = asyncio.get_running_loop().time()
        while self._queue and self._queue[0][0] <= now:
            due, _, line = heapq.heappop(self._queue)
            machine = line.settings.equipment_id
            if self.lines.get(machine) is line and line.due == due and not self._parked[machine]:
                line.task = asyncio.create_task(self._read(line))

    async def _read(self, line: Line) -> None:
        error: ConnectorError | None = None
        try:
            reading, took_ms = await line.read()
        except ConnectorError as failure:
            error = failure
        except Exception as failure:
            logger.exception("The connector of equipment %s has a bug", line.settings.equipment_id)
            error = ConnectorError(
                f"The connection failed in a way nobody foresaw ({type(failure).__name__}). "
                "The log of the poll worker has the details; please report them.",
                code="internal",
            )
        else:
            self.outbox.add(line.settings.equipment_id, reading, datetime.now(UTC))
            self._report(line, IoTConnectionStatus.CONNECTED, took_ms=took_ms, data_points=reading.data_points)
            self._arrived.set()
        if error:
            self._report(line, IoTConnectionStatus(error.status), error)
        line.plan_next(asyncio.get_running_loop().time(), error)
        self._enqueue(line)

    def _enqueue(self, line: Line) -> None:
        if not line.ended:
            heapq.heappush(self._queue, (line.due, id(line), line))

    def _report(
        self,
        line: Line,
        status: IoTConnectionStatus,
        error: ConnectorError | None = None,
        took_ms: int | None = None,
        data_points: int | None = None,
    ) -> None:
        """Keep a connection event, and log it, when it is news."""
        news = (status.value, error.code if error else "")
        if line.reported == news:
            return
        line.reported = news
        logger.info("%s: %s %s", line.settings.name, status.value, error or "")
        self.outbox.events.append(
            ConnectionLog(
                equipment_id=line.settings.equipment_id,
                event_type=EVENT_TYPE[status],
                event_time=datetime.now(UTC),
                connection_status=status,
                error_message=str(error or ""),
                error_code=error.code if error else "",
                response_time_ms=took_ms,
                data_points_received=data_points,
            )
        )
        self._arrived.set()

    def _reconcile_beside(self) -> None:
        """Beside the polling: a database that hangs must not stop the machines from being read."""
        now = asyncio.get_running_loop().time()
        if (self._reconciling is None or self._reconciling.done()) and now >= self._next_reconcile:
            self._reconciling = asyncio.create_task(self.reconcile())

    async def reconcile(self) -> None:
        """Make the lines what the table says: the old line is closed before the new one opens."""
        try:
            holding, wanted = await self._in_database(self._look)
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            if str(error) != self._trouble:
                logger.warning("Gateway %s goes on with the machines it knows: %s", self.gateway, error)
            self._trouble = str(error)
            await self._in_database(_close_connection)
            return
        self._trouble = ""
        if not holding:
            self._next_reconcile = asyncio.get_running_loop().time() + STAND_BY_SECONDS
        if holding != self.active:
            self.active = holding
            logger.info("Gateway %s: %s", self.gateway, "polling" if holding else "standing by")
        leaving = [line for line in self.lines.values() if wanted.get(line.settings.equipment_id) != line.settings]
        await self._close_lines(leaving)
        for settings in wanted.values():
            if settings.equipment_id not in self.lines and not self._stopping.is_set():
                self._open_line(settings)
        self.poll_due()

    def _look(self) -> tuple[bool, dict[int, LineSettings]]:
        """On the database thread: whether the gateway is ours, and what its machines are."""
        if not self.lock.acquire():
            return False, {}
        known = {line.settings.equipment_id: line.settings for line in list(self.lines.values())}
        wanted = {}
        versions = dict(list_equipment_to_poll(self.gateway).values_list("pk", "config_version"))
        for equipment_id, version in versions.items():
            if (settings := known.get(equipment_id)) and settings.version == version:
                wanted[equipment_id] = settings
        for machine in Equipment.objects.filter(pk__in=versions.keys() - wanted.keys()):
            wanted[machine.pk] = LineSettings.of(machine)
        return True, wanted

    def _open_line(self, settings: LineSettings) -> None:
        """Read at once if the machine is read seldom: nobody wants to wait an hour for the first value."""
        line = Line(settings, self.policy, reported=settings.reported)
        line.due = asyncio.get_running_loop().time() + line.phase % min(settings.interval, 5)
        self.lines[settings.equipment_id] = line
        self._enqueue(line)

    async def _close_lines(self, lines: list[Line]) -> None:
        for line in lines:
            self.lines.pop(line.settings.equipment_id, None)
        await asyncio.gather(*(line.stop() for line in lines))

    async def park(self, equipment_id: int) -> None:
        """Take the machine's line down until `unpark`: somebody else wants to speak with it."""
        self._parked[equipment_id] += 1
        if line := self.lines.get(equipment_id):
            await line.stop()

    async def unpark(self, equipment_id: int) -> None:
        self._parked[equipment_id] -= 1
        if not self._parked[equipment_id]:
            del self._parked[equipment_id]
            if line := self.lines.get(equipment_id):
                line.due = asyncio.get_running_loop().time()
                self._enqueue(line)
                self.poll_due()

    async def _flush_forever(self) -> None:
        """Until stopped and empty. At a stop one failing batch ends it: SIGTERM does not wait for a database."""
        wait = 0.0
        while len(self.outbox) or not self._stopping.is_set():
            if not len(self.outbox):
                self._arrived.clear()
                await self._arrived.wait()
            if len(self.outbox) < BATCH_SIZE and not self._stopping.is_set():
                await asyncio.sleep(GATHER_SECONDS + wait)
            if await self._in_database(self.outbox.flush):
                wait = 0.0 if not self.outbox.database_away else 1.0
            elif self._stopping.is_set():
                logger.error("%s readings could not be stored before the stop", len(self.outbox.readings))
                return
            else:
                wait = min(wait * 2 + GATHER_SECONDS, LONGEST_WAIT_SECONDS)

    async def _in_database(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._database, function)


def _close_connection() -> None:
    connection.close()  # looked up here, because each thread has its own
