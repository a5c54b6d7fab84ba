"""The simulated gateway with one oven behind it, and a server that answers with bytes of our choice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from connectors.modbus import ModbusConnector
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.served import make_ovens

refusing = None  # Modbus has no sign-in


@asynccontextmanager
async def good() -> AsyncIterator[dict[str, Any]]:
    ovens = make_ovens()
    async with ModbusOvens({"sol-2": ovens["sol-2"]}) as gateway:
        yield gateway.settings("sol-2")


@asynccontextmanager
async def nonsense(data: bytes) -> AsyncIterator[dict[str, Any]]:
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(data)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield {
            "endpoint": "127.0.0.1",
            "port": server.sockets[0].getsockname()[1],
            "credentials": {},
            "additional_config": {**ModbusConnector.example["additional_config"], "timeout": 1, "request_timeout": 0.4},
        }
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
