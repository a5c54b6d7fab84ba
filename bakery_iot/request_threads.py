"""Threads for requests that are used again, and with them their database connections.

Under ASGI Django gives each request a thread of its own, which ends with it. Its connection was opened for this request
alone, and stays open until the garbage collector comes by: at some hundred requests a second none is left to be had.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.db import connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

MOST_IDLE = 8


class StraightHandler(ASGIHandler):
    """Runs the signals, all middleware and the view, none of which is asynchronous, in one go on the request's thread.

    Django's own goes back to the loop after each of them, and between any two middleware of which one could be
    asynchronous and the other not: up to eight changes of thread for each request, which cost more than most answers.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            response = await sync_to_async(self._respond)(scope, body)
            if response.streaming:
                await self._stream(response, receive, send)
            else:
                await self.send_response(response, send)

    def _respond(self, scope: Any, body: IO[bytes]) -> Any:
        """What is not streamed is whole, and closed: nobody who goes away now could break it off."""
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = self.get_response(request) if request else refusal
        response._handler_class = type(self)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()
        return response

    async def _stream(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Until it is sent or its reader is gone."""
        sending = asyncio.ensure_future(self.send_response(response, send))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            sent, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
            await sync_to_async(response.close)()
        if isinstance(sent, Exception):
            raise sent


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
