"""The open line to a machine that speaks by itself. What is confirmed was committed before.

A broker has few messages under way at a time (Mosquitto: 20), so a confirmation that lags slows the machine down.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, NoReturn, cast

from connectors import BaseIoTConnector, ConnectorError, Reading, UnreachableError
from connectors.bell import Bell
from connectors.deadlines import TimeLimit

# Of one machine, on their way to the database. Beyond it the machine has to wait, and not the others behind it.
MOST_WAITING = 5_000
ITEMS_IN_A_ROW = 10
CONFIRM_SECONDS = 5.0
SETTLE_SECONDS = 1.0


class Listener:
    """Lives as long as its connection: what came over one cannot be confirmed over another."""

    def __init__(self, connector: BaseIoTConnector[Any]) -> None:
        self.connector, self.repeats = connector, connector.repeats
        self._waiting = 0  # readings that are not stored yet, or not confirmed where that is wanted
        self._committed: list[Reading] = []
        self._to_confirm, self._has_room = Bell(), Bell()
        self._idle = asyncio.Event()
        self._idle.set()
        self._confirming: asyncio.Task[NoReturn] | None = None
        self._loop = asyncio.get_running_loop()

    async def listen(self, take: "Callable[[Listener, Reading | ConnectorError], None]") -> NoReturn:
        """Give what arrives to `take`, until it raises. If it is cancelled, confirming goes on until `end`."""
        listening = asyncio.create_task(self._take_all(take))
        confirming = self._confirming = asyncio.create_task(self._confirm_forever())
        try:
            await asyncio.wait([listening, confirming], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(listening)
        await asyncio.gather(*(task for task in (confirming, listening) if task.done() and not task.cancelled()))
        raise UnreachableError("The connection broke off. It will be opened again.", code="reset")

    async def _take_all(self, take: "Callable[[Listener, Reading | ConnectorError], None]") -> None:
        taken, stream = 0, cast(Any, self.connector.readings())
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, Reading):
                    self._waiting += 1
                    self._idle.clear()
                take(self, item)
                # A machine that floods must neither keep the loop from the others nor fill the outbox.
                taken += 1
                if taken % ITEMS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
                while self._waiting >= MOST_WAITING:
                    await self._has_room.wait()

    def settle(self, readings: Sequence[Reading]) -> None:
        """These are stored, or handed over. On the collector's loop, in the order in which they came."""
        if self.repeats:
            self._committed.extend(readings)
            self._to_confirm.ring()
        else:
            self._done_with(readings)

    def _done_with(self, readings: Sequence[Reading]) -> None:
        self._waiting -= len(readings)
        self._has_room.ring()
        if not self._waiting:
            self._idle.set()

    async def _confirm_forever(self) -> NoReturn:
        while True:
            while self._committed:
                committed, self._committed = self._committed, []
                with TimeLimit(CONFIRM_SECONDS, self._loop):
                    await self.connector.confirm(committed)
                self._done_with(committed)
            await self._to_confirm.wait()

    async def end(self) -> None:
        """Before hanging up: confirm what is committed, and for a moment what is about to be."""
        if self._confirming and not self._confirming.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._idle.wait()
            await _cancel(self._confirming)


async def _cancel(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.wait([task], timeout=5)
