"""pymodbus, one line to each oven, kept open."""

import asyncio
import functools
from collections.abc import Sequence

from pymodbus.client import AsyncModbusTcpClient

from bench.floors.rhythm import INTERVAL_SECONDS, Count
from bench.values import VALUES


async def start(ports: list[int], ovens: int, count: Count) -> None:
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, timeout=60) for port in ports[:ovens]]
    await asyncio.gather(*(client.connect() for client in clients))
    for number, client in enumerate(clients):
        count.poll(functools.partial(_read, client), number / ovens * INTERVAL_SECONDS)


async def _read(client: AsyncModbusTcpClient) -> Sequence[int]:
    answer = await client.read_input_registers(0, count=len(VALUES))
    return answer.registers
