"""How many lines may be open to the web server, and how long one may keep it waiting: uvicorn's `--http` and `--ws`.

Without it ten thousand lines that say nothing hold everybody else out: uvicorn waits for a request without end.
"""

import asyncio
from collections import Counter
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEADERS_WITHIN_SECONDS = 10.0
_SENTENCE = b"Too many connections are open to this server. Close some, and try again in a minute.\n"
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 60\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)


class Door:
    """Counts the open lines of this process, in all and by address."""

    def __init__(self) -> None:
        self.lines: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        if self.lines.total() >= settings.MOST_LINES or self.lines[address] >= settings.MOST_LINES_PER_ADDRESS:
            return False
        self.lines[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.lines[address] -= 1
        if self.lines[address] <= 0:
            del self.lines[address]


DOOR = Door()


def address_of(transport: Any) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


class HttpLine(HttpToolsProtocol):
    is_counted = False
    patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = address_of(transport)
        self.is_counted = DOOR.admit(self.address)
        if self.is_counted:
            self._wait()
        else:
            transport.write(REFUSAL)
            transport.close()

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self.is_counted:
            self.is_counted = False
            DOOR.leave(self.address)
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self.patience = self.loop.call_later(HEADERS_WITHIN_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self.patience:
            self.patience.cancel()
            self.patience = None


class SocketLine(WebSocketsSansIOProtocol):
    """Takes a line over from `HttpLine`, which has counted it."""

    def connection_lost(self, exc: Exception | None) -> None:
        DOOR.leave(address_of(self.transport))
        super().connection_lost(exc)
