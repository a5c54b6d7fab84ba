"""Keeps one line open to every machine of a gateway, and hands what they say to the outbox.

Run it once per gateway: some machines serve a single client, and a second collector would push the first one out.
It has one asyncio loop for the machines and one thread for the database; nothing of one waits in the other.
"""

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError

from connectors import AddressPolicy, ConnectorError, Reading, UnreachableError
from equipment.models import ConnectionLog, IoTConnectionStatus
from telemetry.due_lines import DueLines
from telemetry.gateway_table import GatewayTable, Lock
from telemetry.gathering import Gatherer
from telemetry.line import Line, LineSettings
from telemetry.listening import Listener
from telemetry.load import Load
from telemetry.news import News
from telemetry.outbox import Outbox

logger = logging.getLogger(__name__)

T = TypeVar("T")
# Without a tick for this long (beat or Redis is down, or tests hold all threads) the collector looks by itself.
TICK_PATIENCE_SECONDS = 5.0
OWN_PACE_SECONDS = 1.0
# A stand-by leaves the lock to a collector that has only lost its database for a moment.
STAND_BY_SECONDS = 3.0
REPORT_SECONDS = 5.0


class Collector:
    """The lines to one gateway's machines, and their outbox. Everything here runs on its loop, unless it says so."""

    def __init__(self, gateway: str, *, lock: Lock, outbox: Outbox, policy: AddressPolicy) -> None:
        self.gateway, self.outbox, self.policy = gateway, outbox, policy
        self._table = GatewayTable(gateway, lock)
        self.lines: dict[int, Line] = {}
        self.active = False
        self.load = Load()
        self._loop = asyncio.get_running_loop()
        self._due_lines = DueLines(self._begin)
        self._parked: Counter[int] = Counter()  # by machine, as its line may be replaced meanwhile
        self.gatherer = Gatherer(outbox, self.flush)
        self._tick, self._stopping = asyncio.Event(), asyncio.Event()
        self._database = ThreadPoolExecutor(
            1,
            thread_name_prefix=f"database-{gateway}",
            initializer=functools.partial(structlog.contextvars.bind_contextvars, gateway=gateway),
        )
        self._reconciling: asyncio.Task[None] | None = None
        self._next_reconcile = 0.0
        self._next_report = 0.0
        self._trouble = ""  # what the database said last, to say it once

    async def run(self) -> None:
        """Poll until `stop`; then close the lines and store what is left."""
        flusher = asyncio.create_task(self.gatherer.run())
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
        self._due_lines.close()
        await self._close_lines(list(self.lines.values()))
        self.gatherer.close()
        await flusher
        await self._in_database(self._table.leave)
        self._database.shutdown()

    def wake(self) -> None:
        """Look now. Also from other threads, through `call_soon_threadsafe`."""
        self._tick.set()

    def stop(self) -> None:
        self._stopping.set()
        self.gatherer.stop()
        self._tick.set()

    def poll_due(self) -> None:
        """Start one read on every line that is due and not still reading. Also called when the next one is due."""
        self._due_lines.start_due()

    def _begin(self, line: Line) -> None:
        machine = line.settings.equipment_id
        if self.lines.get(machine) is line and machine not in self._parked:
            if line.is_open:
                self.load.note_poll(self._loop.time() - line.due)
            line.task = self._loop.create_task(self._read(line))

    async def _read(self, line: Line) -> None:
        """One reading; from a machine that pushes all it says, until the line breaks."""
        error: ConnectorError | None = None
        try:
            if not line.is_open:
                await line.open()
            if line.pushes:
                await line.listen(functools.partial(self._take, line))
            else:
                asked_at = self._loop.time()
                self._keep(line, await line.read(), asked_at=asked_at)
        except ConnectorError as failure:
            error = failure
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            # Not by us: some libraries cancel whoever waits for an answer when their connection breaks.
            error = UnreachableError("The connection broke off. It will be opened again.", code="reset")
        except Exception as failure:
            machine = line.settings.equipment_id
            logger.exception("The connector of equipment %s has a bug", machine, extra={"equipment": machine})
            error = ConnectorError(
                f"The connection failed in a way nobody foresaw ({type(failure).__name__}). "
                "The log of the poll worker has the details; please report them.",
                code="internal",
            )
        if error:
            self.load.note_failure(error.code)
            line.news.report(IoTConnectionStatus(error.status), error)
        self.load.note_missed(line.plan_next(self._loop.time(), error))
        line.task = None
        self._enqueue(line)

    def _take(self, line: Line, listener: Listener, item: Reading | ConnectorError) -> None:
        if isinstance(item, ConnectorError):
            self.load.note_failure(item.code)
            line.news.report(IoTConnectionStatus(item.status), item)
        else:
            line.note_reading(self._loop.time())
            self._keep(line, item, listener)

    def _keep(
        self, line: Line, reading: Reading, listener: Listener | None = None, *, asked_at: float | None = None
    ) -> None:
        self.load.note_reading()
        self.outbox.add(line.settings.equipment_id, reading, datetime.now(UTC), listener)
        if not line.news.is_well:
            took_ms = None if asked_at is None else round((self._loop.time() - asked_at) * 1000)
            line.news.report(IoTConnectionStatus.CONNECTED, took_ms=took_ms, data_points=reading.data_points)
        self.gatherer.note_arrival(pushed=listener is not None)

    def _write_event(self, event: ConnectionLog) -> None:
        self.outbox.events.append(event)
        self.gatherer.note_arrival()

    def _enqueue(self, line: Line) -> None:
        if not line.ended:
            self._due_lines.add(line)

    def _reconcile_beside(self) -> None:
        """Beside the polling: a database that hangs must not stop the machines from being read."""
        now = self._loop.time()
        if (self._reconciling is None or self._reconciling.done()) and now >= self._next_reconcile:
            self._reconciling = asyncio.create_task(self.reconcile())

    async def reconcile(self) -> None:
        """Make the lines what the table says: the old line is closed before the new one opens."""
        known = {line.settings.equipment_id: line.settings for line in self.lines.values()}
        try:
            holding, wanted = await self._in_database(functools.partial(self._table.look, known))
            if holding:
                await self._report_load()
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            if str(error) != self._trouble:
                logger.warning("Gateway %s goes on with the machines it knows: %s", self.gateway, error)
            self._trouble = str(error)
            await self._in_database(self._table.hang_up)
            return
        self._trouble = ""
        if not holding:
            self._next_reconcile = self._loop.time() + STAND_BY_SECONDS
        if holding != self.active:
            self.active = holding
            logger.info("Gateway %s: %s", self.gateway, "polling" if holding else "standing by")
        leaving = [line for line in self.lines.values() if wanted.get(line.settings.equipment_id) != line.settings]
        await self._close_lines(leaving)
        for settings in wanted.values():
            if settings.equipment_id not in self.lines and not self._stopping.is_set():
                self._open_line(settings)
        self.poll_due()

    async def _report_load(self) -> None:
        """What we are able to do, for everybody to see; every few seconds."""
        if self._loop.time() < self._next_report:
            return
        self._next_report = self._loop.time() + REPORT_SECONDS
        report = functools.partial(self._table.report, self.load.measure())
        await self._in_database(functools.partial(report, machines=len(self.lines), waiting_readings=len(self.outbox)))

    def _open_line(self, settings: LineSettings) -> None:
        """Read at once if the machine is read seldom: nobody wants to wait an hour for the first value."""
        news = News(settings.equipment_id, settings.name, settings.reported, self._write_event)
        line = Line(settings, self.policy, news, self._table.identity)
        line.due = self._loop.time() + line.phase % min(settings.interval, 5)
        self.lines[settings.equipment_id] = line
        self._enqueue(line)

    async def _close_lines(self, lines: list[Line]) -> None:
        for line in lines:
            self.lines.pop(line.settings.equipment_id, None)
            line.news.close()
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
                line.due = self._loop.time()
                self._enqueue(line)
                self.poll_due()

    async def flush(self) -> bool:
        """Write one batch, and tell the listeners which of their readings wait no longer."""
        went = await self._in_database(self.outbox.flush)
        settled: dict[Any, list[Reading]] = {}
        while self.outbox.settled:
            item = self.outbox.settled.popleft()
            settled.setdefault(item.origin, []).append(item.reading)
        for origin, readings in settled.items():
            origin.settle(readings)
        return went

    async def _in_database(self, function: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._database, function)
