"""Ovens that answer every GET with JSON, each at a port of its own."""

import asyncio
import time
from typing import Any

from bench.fleet.documents import document_at
from bench.fleet.ports import listen_on_many

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Oven(asyncio.Protocol):
    """Looks for the end of a request, and not into it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's own kind, which asyncio's classes do not know

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for _ in requests:
            body = document_at(self.number, time.time())
            self._transport.write(_HEAD % len(body) + body)


async def start(ovens: int, hanging: int, dead: int) -> list[int]:
    return await listen_on_many(Oven, ovens, hanging, dead)
