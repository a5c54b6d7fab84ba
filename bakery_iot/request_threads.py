"""Threads for requests that are used again, and with them their database connections.

Under ASGI Django gives each request a thread of its own, which ends with it. Its connection was opened for this request
alone, and stays open until the garbage collector comes by: at some hundred requests a second none is left to be had.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import FileResponse
from django.http.response import HttpResponseBase

MOST_IDLE = 8


class StraightHandler(ASGIHandler):
    """Runs all middleware and the view, none of which is asynchronous, in one go on the request's thread.

    Django's own goes back to the loop between any two middleware of which one could be asynchronous and the other not:
    six changes of thread for each request, which cost more than most answers.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def run_get_response(self, request: ASGIRequest) -> HttpResponseBase:  # type: ignore[override]
        response = await sync_to_async(self.get_response)(request)
        response._handler_class = type(self)  # type: ignore[attr-defined]
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        return response


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
