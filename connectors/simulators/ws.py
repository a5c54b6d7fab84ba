"""The simulated ovens as machines with the Weihenstephan (WS) protocol: one TCP port each, as in a bakery.

The numbers of the oven's own tags are ours: those of the standard for ovens are not public.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from connectors.reading import Reading
from connectors.ws_wire import NO_ACCESS, NO_SUCH_TAG, OK, READ_STRING, READ_VALUE, UNKNOWN_COMMAND

from .faults import HttpFault
from .served import ServedOven
from .ws_tags import list_tags, write_tags

_FRAME = struct.Struct("<HHI")
_NO_OPERATION, _ALIVE = 1, 0xFFFF
_REFUSALS = {
    HttpFault.HTTP_401: NO_ACCESS,
    HttpFault.HTTP_403: NO_ACCESS,
    HttpFault.HTTP_404: NO_SUCH_TAG,
    HttpFault.HTTP_429: 0xCCCC,
    HttpFault.HTTP_500: 0x9999,
    HttpFault.HTTP_503: 0xCCCC,
}
_GARBAGE = {HttpFault.HTML: b"<!DOCTYPE html>\n", HttpFault.BROKEN_JSON: b'{"temperature": '}
_RESET = struct.pack("ii", 1, 0)


class WsOvens:
    """`async with WsOvens(make_ovens()) as served:`; `served.settings(key)` names that oven's port.

    With a `port` the ovens take it and those that follow, in their order. `port` is the first oven's.
    """

    def __init__(self, ovens: Mapping[str, ServedOven], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.ovens = ovens
        self.host = host
        self.ports = {key: port + place if port else 0 for place, key in enumerate(ovens)}
        self._controls: list[_Control] = []

    @property
    def port(self) -> int:
        return next(iter(self.ports.values()))

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        """How our connector reaches this oven: endpoint, port, credentials, additional_config."""
        options = {"timeout": 5, "tags": [tag.settings for tag in list_tags(self.ovens[key].read())]}
        return {
            "endpoint": self.host,
            "port": port or self.ports[key],
            "credentials": {},
            "additional_config": options,
        }

    async def start(self) -> None:
        try:
            for key, oven in self.ovens.items():
                # Each oven integrates its day on first use; a client should not wait for that.
                await asyncio.to_thread(oven.read)
                control = _Control(oven)
                self.ports[key] = await control.start(self.host, self.ports[key])
                self._controls.append(control)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        while self._controls:
            await self._controls.pop().stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()


class _Control:
    """One oven's control."""

    def __init__(self, oven: ServedOven) -> None:
        self._oven = oven
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._written: tuple[Reading, Mapping[int, bytes | str]] | None = None

    async def start(self, host: str, port: int) -> int:
        self._server = await asyncio.start_server(self._talk, host, port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._talks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while request := await reader.readexactly(_FRAME.size):
                    self._oven.requests += 1
                    self._oven.asked.set()
                    await self._oven.server.delay()
                    await self._answer(writer, request)
        finally:
            self._talks.discard(task)
            writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, request: bytes) -> None:
        answer = self._make_answer(*_FRAME.unpack(request)[:2])
        fault = self._oven.server.fault
        if fault in (HttpFault.REFUSE, HttpFault.RESET):
            if fault is HttpFault.RESET:
                writer.write(answer[: len(answer) // 2])
                await writer.drain()
            # Reset the connection, rather than close it politely.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            raise ConnectionResetError
        writer.write(answer)
        await writer.drain()

    def _make_answer(self, command: int, tag: int) -> bytes:
        fault = self._oven.server.fault
        if fault in _GARBAGE:
            return _GARBAGE[fault]
        if fault in _REFUSALS:
            return _FRAME.pack(_REFUSALS[fault], 0, 0)
        if command == _NO_OPERATION:
            return _FRAME.pack(_ALIVE, 0, 0)
        if command not in (READ_VALUE, READ_STRING):
            return _FRAME.pack(UNKNOWN_COMMAND, 0, 0)
        value = self._values().get(tag)
        if value is None or isinstance(value, str) is not (command == READ_STRING):
            return _FRAME.pack(NO_SUCH_TAG, 0, 0)
        if isinstance(value, bytes):
            return struct.pack("<HH", OK, tag) + value
        if fault is HttpFault.TOO_LARGE:
            return _FRAME.pack(OK, tag, 1 << 30)
        text = value.encode("utf-16-le")
        # What follows the text in its last frame is whatever was in the controller's memory.
        return _FRAME.pack(OK, tag, len(text) // 2) + text + b"\xa5" * (-len(text) % _FRAME.size)

    def _values(self) -> Mapping[int, bytes | str]:
        reading = self._oven.read()
        if self._written is None or self._written[0] != reading:
            self._written = reading, write_tags(reading, blank=self._oven.server.fault is HttpFault.NULL_VALUES)
        return self._written[1]
