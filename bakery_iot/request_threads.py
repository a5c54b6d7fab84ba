"""Threads for requests that are used again, and with them their database connections.

Under ASGI Django gives each request a thread of its own, which ends with it. Its connection was opened for this request
alone, and stays open until the garbage collector comes by: at some hundred requests a second none is left to be had.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from django.db import connections

MOST_IDLE = 8


class RequestThreads:
    """Gives each request that comes a thread that waits, or a new one. So many stay as are used at once, up to a few.

    A long download keeps its thread as long, and nobody waits for it.
    """

    def __init__(self, inner: Any, most_idle: int = MOST_IDLE) -> None:
        self.inner = inner
        self.most_idle = most_idle
        self.idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        # The one that was used last: the others may grow old, and their connections with them.
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.inner(scope, receive, send)
        finally:
            self._put_back(thread)

    def _put_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self.idle) < self.most_idle:
            self.idle.append(thread)
        else:
            _end(thread)

    def close(self) -> None:
        """End all that wait, and their connections."""
        while self.idle:
            _end(self.idle.pop())


def _end(thread: ThreadPoolExecutor) -> None:
    thread.submit(connections.close_all)
    thread.shutdown(wait=False)
