"""A machine with registers: a real Modbus TCP server whose answers are replaced to break and to repair it."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from connectors import create_connector
from connectors.modbus import ModbusConnector

from .machines import LOOPBACK

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
Point = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    connection: int
    number: int
    unit: int
    table: str
    address: int
    count: int
    moment: float

    @property
    def place(self) -> tuple[str, int, int]:
        return self.table, self.address, self.count


class HangUp(bytes):
    """Send these bytes and hang up."""


# Registers or bits; an exception code; whole bytes to send instead; None for silence.
Answer = list[int] | int | bytes | None


@dataclass
class RegisterMachine:
    """Assign `answer` to change how it behaves; `requests` holds what it was asked."""

    memory: Mapping[str, Mapping[int, int]]
    port: int = 0
    requests: list[Asked] = field(default_factory=list)
    connections: int = 0
    talking: int = 0
    answer: Callable[[Asked], Awaitable[Answer]] | None = None

    def look_up(self, asked: Asked) -> list[int] | int:
        """Its registers, or exception 2."""
        table = self.memory.get(asked.table, {})
        found = [table.get(address) for address in range(asked.address, asked.address + asked.count)]
        return [value for value in found if value is not None] if None not in found else 2

    @property
    def places(self) -> list[tuple[str, int, int]]:
        return [asked.place for asked in self.requests]

    def settings(self, *points: Point, **options: Any) -> dict[str, Any]:
        return {
            "endpoint": "127.0.0.1",
            "port": self.port,
            "additional_config": {"points": list(points), "timeout": 30, "request_timeout": 20, **options},
        }

    def connector(self, *points: Point, **options: Any) -> ModbusConnector:
        connector = create_connector("modbus", "oven-7", self.settings(*points, **options), policy=LOOPBACK)
        assert isinstance(connector, ModbusConnector)
        return connector


def frame(number: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu


def pdu_of(asked: Asked, answer: list[int] | int) -> bytes:
    function = next(function for function, table in TABLES.items() if table == asked.table)
    if isinstance(answer, int):
        return bytes((function | 0x80, answer))
    if function in (3, 4):
        return struct.pack(f">BB{len(answer)}H", function, 2 * len(answer), *answer)
    packed = sum(bit << place for place, bit in enumerate(answer)).to_bytes((len(answer) + 7) // 8, "little")
    return bytes((function, len(packed))) + packed


@asynccontextmanager
async def serve_registers(**memory: Mapping[int, int]) -> AsyncIterator[RegisterMachine]:
    """`serve_registers(input={0: 2325}, coil={0: 1})`."""
    machine = RegisterMachine(memory)
    tasks: set[asyncio.Task[None]] = set()

    async def respond(asked: Asked, writer: asyncio.StreamWriter) -> None:
        answer = await machine.answer(asked) if machine.answer else machine.look_up(asked)
        if answer is None:
            return
        whole = answer if isinstance(answer, bytes) else frame(asked.number, asked.unit, pdu_of(asked, answer))
        with suppress(ConnectionError):
            writer.write(whole)
            await writer.drain()
        if isinstance(answer, HangUp):
            writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        machine.connections += 1
        machine.talking += 1
        connection = machine.connections
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    number, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                    function, address, count = struct.unpack(">BHH", (await reader.readexactly(length - 1))[:5])
                    moment = asyncio.get_running_loop().time()
                    asked = Asked(connection, number, unit, TABLES[function], address, count, moment)
                    machine.requests.append(asked)
                    keep(respond(asked, writer))  # so that a request that comes too early shows
        finally:
            machine.talking -= 1
            writer.transport.abort()

    def keep(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(lambda *line: keep(talk(*line)), "127.0.0.1", 0)
    machine.port = server.sockets[0].getsockname()[1]
    try:
        yield machine
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
