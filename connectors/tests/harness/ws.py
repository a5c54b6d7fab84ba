"""A simulated oven with the WS protocol, and a server that sends what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.simulators.fleet import FLEET
from connectors.simulators.served import make_ovens
from connectors.simulators.ws import WsOvens
from connectors.ws import WsConnector

refusing = None  # the protocol knows neither names nor passwords


@asynccontextmanager
async def good() -> AsyncIterator[dict[str, Any]]:
    async with WsOvens(make_ovens(FLEET[:1])) as served:
        config = served.settings(FLEET[0].key)
        yield config | {"additional_config": config["additional_config"] | {"timeout": 1}}


@asynccontextmanager
async def nonsense(data: bytes) -> AsyncIterator[dict[str, Any]]:
    async with serve_bytes(data) as port:
        example = WsConnector.example
        options = example["additional_config"] | {"timeout": 1}
        yield example | {"endpoint": "127.0.0.1", "port": port, "additional_config": options}


@asynccontextmanager
async def serve_bytes(data: bytes) -> AsyncIterator[int]:
    """A port on which every connection is answered with these bytes, whatever it asks, and then closed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(data)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
