"""When to write: one statement takes many readings as fast as one, so what arrives is gathered for a moment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from telemetry.outbox import BATCH_SIZE, Outbox

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.3
# What a machine tells by itself is to be seen sooner; what is polled was old when it came.
GATHER_PUSHED_SECONDS = 0.125
# Half of what a broker lets be under way: then the rest keeps coming while these are committed and confirmed. This
# is Mosquitto's half; one that lets more be under way is found out by waiting until it pauses, now and then.
HURRY_UNCONFIRMED = 10
MOST_HURRY_UNCONFIRMED = 200
LOOK_FOR_MORE_SECONDS = 10.0
LONGEST_LOOK_SECONDS = GATHER_PUSHED_SECONDS  # so that nobody waits longer for it
PAUSE_SECONDS = 0.06  # a broker is read some forty times a second (connectors/mqtt_intake.py)
LONGEST_WAIT_SECONDS = 10.0


class Gatherer:
    """Calls `flush` for what lies in the outbox; `flush` is False if it has to wait."""

    def __init__(self, outbox: Outbox, flush: Callable[[], Awaitable[bool]]) -> None:
        self.outbox, self.flush = outbox, flush
        self._arrived, self._urgent = asyncio.Event(), asyncio.Event()
        self._stopping, self._closed = asyncio.Event(), asyncio.Event()
        self._hurry = HURRY_UNCONFIRMED
        self._loop = asyncio.get_running_loop()
        self._pushed_at: float | None = None  # the first of those that wait
        self._patience: asyncio.Timeout | None = None  # of the gathering that is going on
        self._look_for_more_at = self._loop.time() + LOOK_FOR_MORE_SECONDS

    def note_arrival(self, *, pushed: bool = False) -> None:
        if pushed and self._pushed_at is None:
            self._pushed_at = self._loop.time()
            if self._patience and (until := self._patience.when()):
                self._patience.reschedule(min(until, self._pushed_at + GATHER_PUSHED_SECONDS))
        self._arrived.set()
        if self._is_urgent():
            self._urgent.set()

    def stop(self) -> None:
        """From now on do not wait: neither for more nor for a database."""
        self._stopping.set()
        self._urgent.set()

    def close(self) -> None:
        """Nothing more will arrive."""
        self._closed.set()
        self._arrived.set()

    async def run(self) -> None:
        """Until closed and all is written. After `stop`, one batch that has to wait ends it too."""
        wait, went = 0.0, True
        while len(self.outbox) or not self._closed.is_set():
            if not len(self.outbox):
                self._arrived.clear()
                await self._arrived.wait()
            await self._gather(wait, stuck=not went)
            self._pushed_at = None
            went = await self.flush()
            if went and not self.outbox.database_away:
                wait = 0.0
            elif self._stopping.is_set() and not (went and self.outbox.readings):
                if lost := len(self.outbox.readings):
                    logger.error("%s readings could not be stored before the stop", lost)
                return
            else:
                wait = 1.0 if went else min(wait * 2 + GATHER_SECONDS, LONGEST_WAIT_SECONDS)

    async def _gather(self, wait: float, stuck: bool) -> None:
        self._urgent.clear()
        now = self._loop.time()
        if self.outbox.unconfirmed and now >= self._look_for_more_at and not stuck and not self._stopping.is_set():
            self._look_for_more_at = now + LOOK_FOR_MORE_SECONDS
            await self._look_for_more(now + LONGEST_LOOK_SECONDS)
            return
        if self._stopping.is_set() or (self._is_urgent() and not stuck):
            return
        until = now + GATHER_SECONDS + wait
        if self._pushed_at is not None and not wait:
            until = min(until, self._pushed_at + GATHER_PUSHED_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until) as patience:
                self._patience = None if wait else patience
                await (self._stopping if stuck else self._urgent).wait()
        self._patience = None

    async def _look_for_more(self, until: float) -> None:
        """Wait until the broker pauses because nothing is confirmed: what has come by then is what it lets be."""
        self._hurry = BATCH_SIZE
        while self._loop.time() < until and not self._is_urgent():
            before = len(self.outbox.unconfirmed)
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._urgent.wait()
            if self._stopping.is_set() or HURRY_UNCONFIRMED <= before == len(self.outbox.unconfirmed):
                break
        half = len(self.outbox.unconfirmed) // 2
        self._hurry = min(max(half, HURRY_UNCONFIRMED), MOST_HURRY_UNCONFIRMED)

    def _is_urgent(self) -> bool:
        unconfirmed = 0 if self.outbox.database_away else len(self.outbox.unconfirmed)
        return len(self.outbox.readings) >= BATCH_SIZE or unconfirmed >= self._hurry
