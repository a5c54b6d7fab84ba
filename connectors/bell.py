"""Waiting for news, a thousand times a second: asyncio.Event asks the system for the process's number each time."""

import asyncio


class Bell:
    """For one who waits at a time. Not for several threads."""

    __slots__ = ("_loop", "_waiter", "_has_rung")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._has_rung = False

    def ring(self) -> None:
        self._has_rung = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Until it has rung since the last wait."""
        if not self._has_rung:
            self._loop = self._loop or asyncio.get_running_loop()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._has_rung = False
