"""What can go wrong between an oven's web server and us, on demand: for tests and for training."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web

from .oven import PhysicalFault

CLOCK_AHEAD = timedelta(hours=2)
_TOO_LARGE_BYTES = 10_000_000
_KEPT_WHEN_BLANK = ("equipment_id", "timestamp", "unit", "clock", "id", "time", "_src", "_cmd", "_ts", "no")


class HttpFault(StrEnum):
    HANG = "hang"  # takes the request and never answers
    SLOW = "slow"
    REFUSE = "refuse"  # hangs up without an answer
    RESET = "reset"  # breaks off in mid answer
    HTTP_401 = "http_401"
    HTTP_403 = "http_403"
    HTTP_404 = "http_404"
    HTTP_409 = "http_409"
    HTTP_429 = "http_429"
    HTTP_500 = "http_500"
    HTTP_503 = "http_503"
    HTML = "html"
    BROKEN_JSON = "broken_json"
    TOO_LARGE = "too_large"
    FROZEN_TIMESTAMP = "frozen_timestamp"
    CLOCK_AHEAD = "clock_ahead"
    NULL_VALUES = "null_values"
    # What other protocols can do, and HTTP cannot.
    GARBAGE = "garbage"  # bytes that break the protocol's rules
    BUSY = "busy"  # asks to be asked again later
    UNIT_SILENT = "unit_silent"  # the gateway answers: this machine does not
    HOLE = "hole"  # some of the values are no longer there to be read


FAULTS: Mapping[str, HttpFault | PhysicalFault] = {str(fault): fault for fault in (*HttpFault, *PhysicalFault)}

_RETRY_AFTER = (429, 503)
_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"


class Misbehaviour:
    """The present fault of one oven's web server, and how it behaves with it."""

    def __init__(self) -> None:
        self.slow_seconds = 3.0
        self.retry_after_seconds = 20
        self._fault: HttpFault | None = None
        self._since: datetime | None = None
        self._changed = asyncio.Event()

    @property
    def fault(self) -> HttpFault | None:
        return self._fault

    def set(self, fault: HttpFault | None, now: datetime) -> None:
        """Whoever waits because of the old fault is let go."""
        self._fault, self._since = fault, now
        self._changed.set()
        self._changed = asyncio.Event()

    def reported_time(self, moment: datetime) -> datetime:
        if self._fault is HttpFault.FROZEN_TIMESTAMP and self._since:
            return min(moment, self._since)
        return moment + CLOCK_AHEAD if self._fault is HttpFault.CLOCK_AHEAD else moment

    def spoil(self, document: dict[str, Any]) -> dict[str, Any]:
        return _blank(document) if self._fault is HttpFault.NULL_VALUES else document

    async def delay(self) -> None:
        """For servers of other protocols: waits as `hang` and `slow` do."""
        if self._fault is HttpFault.HANG:
            await self._changed.wait()
        elif self._fault is HttpFault.SLOW:
            changed = asyncio.create_task(self._changed.wait())
            await asyncio.wait([changed], timeout=self.slow_seconds)
            changed.cancel()

    async def answer(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        """The faulty answer, or None for the proper one."""
        if self._fault is None:
            return None
        if self._fault.startswith("http_"):
            return self._refusal(int(self._fault.removeprefix("http_")))
        behave = _BEHAVIOURS.get(self._fault)
        return await behave(self, request, body) if behave else None

    def _refusal(self, status: int) -> web.Response:
        headers = {"Retry-After": str(self.retry_after_seconds)} if status in _RETRY_AFTER else {}
        return web.json_response({"error": f"simulated answer {status}"}, status=status, headers=headers)

    async def _wait(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        await self.delay()
        return None

    async def _refuse(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        _cut(request)
        return web.Response()

    async def _reset(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        _cut(request)
        return response

    async def _html(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _broken_json(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        return web.Response(body=body[: len(body) * 2 // 3], content_type="application/json")

    async def _too_large(self, request: web.Request, body: bytes) -> web.StreamResponse | None:
        """Valid JSON without an announced length: only counting it helps."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        chunk = b" " * 100_000
        for _ in range(_TOO_LARGE_BYTES // len(chunk)):
            await response.write(chunk)
        await response.write(body)
        return response


_Behaviour = Callable[[Misbehaviour, web.Request, bytes], Awaitable[web.StreamResponse | None]]
_BEHAVIOURS: Mapping[HttpFault, _Behaviour] = {
    HttpFault.HANG: Misbehaviour._wait,
    HttpFault.SLOW: Misbehaviour._wait,
    HttpFault.REFUSE: Misbehaviour._refuse,
    HttpFault.RESET: Misbehaviour._reset,
    HttpFault.HTML: Misbehaviour._html,
    HttpFault.BROKEN_JSON: Misbehaviour._broken_json,
    HttpFault.TOO_LARGE: Misbehaviour._too_large,
}


def _cut(request: web.Request) -> None:
    """Reset the connection, rather than close it politely."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


def _blank(value: Any, key: str = "") -> Any:
    if key in _KEPT_WHEN_BLANK:
        return value
    if isinstance(value, dict):
        return {name: _blank(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_blank(item) for item in value]
    return None
