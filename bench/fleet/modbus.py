"""Ovens that speak Modbus TCP, each at a port of its own: twelve input registers."""

import asyncio
import struct
import time
from typing import Any

from bench.fleet.ports import listen_on_many
from bench.values import VALUES, numbers_at

_HEADER = struct.Struct(">HHHBBHH")
_ANSWER = struct.Struct(f">HHHBBB{len(VALUES)}H")
_READ_INPUT_REGISTERS = 4


class Oven(asyncio.Protocol):
    """Answers the one request that anybody asks it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's own kind, which asyncio's classes do not know

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while len(data) >= _HEADER.size:
            transaction, _, _, unit, function, address, count = _HEADER.unpack_from(data)
            data = data[_HEADER.size :]
            if (function, address, count) == (_READ_INPUT_REGISTERS, 0, len(VALUES)):
                values = numbers_at(self.number, time.time())
                size = 2 * len(VALUES)
                self._transport.write(_ANSWER.pack(transaction, 0, 3 + size, unit, function, size, *values))
            else:
                self._transport.write(struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 2))
        self._rest = data


async def start(ovens: int, hanging: int, dead: int) -> list[int]:
    return await listen_on_many(Oven, ovens, hanging, dead)
