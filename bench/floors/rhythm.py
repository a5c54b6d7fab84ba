"""Each oven once a second at its own place in the second, by a task of its own: the plain way to write it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

INTERVAL_SECONDS = 1.0


@dataclass
class Count:
    """How many readings came; keeps the tasks that count them alive."""

    readings: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def poll(self, read: Callable[[], Awaitable[object]], place: float) -> None:
        """From now on, `place` seconds into each interval."""
        self.tasks.append(asyncio.create_task(self._poll(read, place)))

    async def _poll(self, read: Callable[[], Awaitable[object]], place: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + place
        while True:
            await asyncio.sleep(due - loop.time())
            await read()
            self.readings += 1
            due += INTERVAL_SECONDS
