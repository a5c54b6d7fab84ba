"""Stands between a connector and any simulated machine, and does to the line what networks do."""

import asyncio
import random
import socket
import ssl
import struct
from contextlib import suppress
from enum import StrEnum
from typing import Self

_CHUNK = 65_536


class LineFault(StrEnum):
    REFUSE = "refuse"  # nobody listens
    SILENT = "silent"  # takes connections and requests; no answer comes through while it lasts
    HALF = "half"  # half of the next answer comes through, and nothing after it
    RESET = "reset"  # half of the next answer, then the connection is reset
    GARBAGE = "garbage"  # other bytes instead of the answer
    SLOW = "slow"  # every answer comes late


class FaultyProxy:
    """`async with FaultyProxy(machine.port) as proxy:` gives the machine a second port, `proxy.port`.

    `await proxy.turn("half")` breaks the line, also for connections that are open; `await proxy.turn(None)` repairs it.
    What was silent then goes on, with late answers; what broke off within an answer is reset.
    """

    def __init__(
        self,
        machine_port: int,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        slow_seconds: float = 0.5,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.machine_port = machine_port
        self.host = host
        self.port = port
        self.tls = tls  # ours, in front of a machine that has none; another one counts from the next start
        self.slow_seconds = slow_seconds
        self.fault: LineFault | None = None
        self.connections = 0  # how many there have been
        self.most_at_once = 0
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._random = random.Random(7)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._stop_listening()
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        if lines:
            await asyncio.wait(lines, timeout=10)

    def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server:
            server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def turn(self, fault: str | None) -> None:
        """From now on the line has this fault, a word of `LineFault`; None repairs it."""
        self.fault = LineFault(fault) if fault else None
        self._changed.set()
        self._changed = asyncio.Event()
        if self.fault is LineFault.REFUSE:
            await self.stop()
        elif self._server is None:
            await self.start()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._lines.add(task)
        self.most_at_once = max(self.most_at_once, len(self._lines))
        task.add_done_callback(self._lines.discard)
        with suppress(OSError, asyncio.CancelledError):  # cancelled by `stop`, which waits for the end
            try:
                machine = await asyncio.open_connection(self.host, self.machine_port)
                try:
                    await self._join((reader, writer), machine)
                finally:
                    cut(machine[1])
            finally:
                cut(writer)

    async def _join(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        machine: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Until one of both hangs up; the other is then hung up on, as a machine does."""
        asked = asyncio.create_task(_pass_on(client[0], machine[1]))
        answered = asyncio.create_task(self._answer(machine[0], client[1]))
        try:
            await asyncio.wait([asked, answered], return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not asked.exception():
                await asyncio.wait([answered])  # who has asked enough may still want the answers
            if answered.done() and not answered.exception():
                client[1].close()
                await client[1].wait_closed()
        finally:
            for task in (asked, answered):
                task.cancel()
            await asyncio.gather(asked, answered, return_exceptions=True)

    async def _answer(self, machine: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await machine.read(_CHUNK):
            while self.fault is LineFault.SILENT:
                await self._changed.wait()
            if self.fault is LineFault.SLOW:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.slow_seconds):
                        await self._changed.wait()
            if self.fault is LineFault.GARBAGE:
                data = self._random.randbytes(len(data))
            if self.fault in (LineFault.HALF, LineFault.RESET):
                await self._break_off(data, client)
            client.write(data)
            await client.drain()

    async def _break_off(self, data: bytes, client: asyncio.StreamWriter) -> None:
        client.write(data[: len(data) // 2])
        await client.drain()
        if self.fault is LineFault.HALF:
            await self._changed.wait()
        raise ConnectionResetError


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():  # TLS has no way to end one direction alone
        target.write_eof()
    else:
        target.close()


def cut(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, rather than close it politely; what is not sent yet is lost."""
    if writer.transport.is_closing():
        return
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
