"""The simulated ovens behind one Modbus TCP gateway: unit ids 1, 2, ... in the order of the ovens.

Written by hand, and not with pymodbus's server: that one cannot hang up in the middle of an answer.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from .faults import HttpFault
from .modbus_registers import Registers, blank, list_points, write_registers
from .served import ServedOven

_HEADER = struct.Struct(">HHHB")  # transaction, protocol (0), length of what follows, unit
_TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_LIMITS = {1: 2000, 2: 2000, 3: 125, 4: 125}
_HOLE = range(20, 22)  # the humidity, with the fault `hole`
_EXCEPTIONS = {
    HttpFault.HTTP_500: 4,
    HttpFault.BUSY: 6,
    HttpFault.HTTP_429: 6,
    HttpFault.HTTP_503: 6,
    HttpFault.UNIT_SILENT: 11,
}
_GARBAGE = b"\x7f"  # a function that does not exist
_FUNCTION, _ADDRESS, _VALUE, _NO_UNIT = 1, 2, 3, 11


class ModbusOvens:
    """`async with ModbusOvens(ovens) as gateway:` serves them; `start` after `stop` takes the same port again."""

    def __init__(self, ovens: Mapping[str, ServedOven], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.ovens = ovens
        self.host = host
        self.port = port
        self.unit_ids = {key: number for number, key in enumerate(ovens, start=1)}
        self._units = {number: ovens[key] for key, number in self.unit_ids.items()}
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]:
        """How our connector reads this oven: endpoint, port, credentials, additional_config."""
        return {
            "endpoint": self.host,
            "port": port or self.port,
            "credentials": {},
            "additional_config": {
                "transport": "tcp",
                "unit_id": self.unit_ids[key],
                "timeout": 5,
                "points": list_points(self.ovens[key].spec),
            },
        }

    async def start(self) -> None:
        # Each oven integrates its day on first use; a client should not wait for that.
        await asyncio.to_thread(lambda: [oven.read() for oven in self.ovens.values()])
        self._server = await asyncio.start_server(self._accept, self.host, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Not a coroutine: asyncio would complain about each of its tasks that `stop` cancels."""
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    number, protocol, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                    if protocol or not 2 <= length <= 254:
                        return
                    await self._answer(writer, number, unit, await reader.readexactly(length - 1))
        finally:
            writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, number: int, unit: int, request: bytes) -> None:
        oven = self._units.get(unit)
        if oven is None:
            await _send(writer, number, unit, bytes((request[0] | 0x80, _NO_UNIT)))
            return
        oven.requests += 1
        oven.asked.set()
        fault = oven.server.fault
        if fault is HttpFault.HANG:
            return
        if fault is HttpFault.SLOW:
            await oven.server.delay()
        if fault is HttpFault.REFUSE:
            _cut(writer)
            return
        answer = _exception(request, _EXCEPTIONS[fault]) if fault in _EXCEPTIONS else _read(oven, request)
        if fault is HttpFault.RESET:
            writer.write(_frame(number, unit, answer)[: 7 + len(answer) // 2])
            await writer.drain()
            _cut(writer)
            return
        await _send(writer, number, unit, _GARBAGE + os.urandom(8) if fault is HttpFault.GARBAGE else answer)


def _read(oven: ServedOven, request: bytes) -> bytes:
    """The answer to a request for coils or registers, or an exception."""
    function = request[0]
    if function not in _TABLES or len(request) != 5:
        return _exception(request, _FUNCTION)
    address, count = struct.unpack(">HH", request[1:])
    if not 1 <= count <= _LIMITS[function]:
        return _exception(request, _VALUE)
    table = _memory_of(oven)[_TABLES[function]]
    values = [table.get(place) for place in range(address, address + count)]
    found = [value for value in values if value is not None]
    if len(found) < count:
        return _exception(request, _ADDRESS)
    if function in (3, 4):
        return struct.pack(f">BB{count}H", function, 2 * count, *found)
    packed = sum(bit << place for place, bit in enumerate(found)).to_bytes((count + 7) // 8, "little")
    return bytes((function, len(packed))) + packed


def _memory_of(oven: ServedOven) -> Registers:
    reading = oven.read()
    fault = oven.server.fault
    memory = write_registers(blank(reading) if fault is HttpFault.NULL_VALUES else reading)
    if fault is HttpFault.HOLE:
        for address in _HOLE:
            del memory["input"][address]
    return memory


def _exception(request: bytes, code: int) -> bytes:
    return bytes((request[0] | 0x80, code))


def _frame(number: int, unit: int, answer: bytes) -> bytes:
    return _HEADER.pack(number, 0, len(answer) + 1, unit) + answer


async def _send(writer: asyncio.StreamWriter, number: int, unit: int, answer: bytes) -> None:
    writer.write(_frame(number, unit, answer))
    await writer.drain()


def _cut(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, rather than close it politely."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
