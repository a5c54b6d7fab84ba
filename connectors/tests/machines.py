"""Machines for the tests: real servers on real sockets, whose answer is replaced to break and to repair them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from aiohttp import web

from connectors import AddressPolicy, BaseIoTConnector, ConnectorError, create_connector

LOOPBACK = AddressPolicy(allow_loopback=True)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GOOD = {"temperature": 185.5, "humidity": 65.0, "operational_status": "running", "temperature_zones": {"cabinet": 180}}


async def answer_well(request: web.Request) -> web.StreamResponse:
    return web.json_response(GOOD)


@dataclass
class Machine:
    """Assign `answer` to change how it behaves; `requests` holds what it was asked."""

    answer: Handler = answer_well
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    requests: list[web.Request] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answer(request)

    def connector(self, credentials: dict[str, Any] | None = None, **options: Any) -> BaseIoTConnector[Any]:
        config = {"endpoint": self.endpoint, "credentials": credentials or {}, "additional_config": options}
        return create_connector("rest_api", "oven-7", config, policy=LOOPBACK)


@asynccontextmanager
async def serve(answer: Handler = answer_well, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Machine]:
    machine = Machine(answer)

    async def pass_on(request: Any) -> web.StreamResponse:
        return await machine.handle(request)

    runner = web.ServerRunner(web.Server(pass_on, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    machine.scheme = "https" if tls else "http"
    machine.port = runner.addresses[0][1]
    try:
        yield machine
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_bytes(*pieces: bytes, pause: float = 0, at_once: bool = False) -> AsyncIterator[Machine]:
    """A machine below HTTP: sends these bytes whatever it is asked, or before it is, and hangs up."""
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            if not at_once:
                await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            if at_once:
                await reader.read()  # hanging up on unread bytes would reset the line
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield Machine(port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.close()


def server_context(issued: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


def always(status: int, headers: dict[str, str] | None = None, **content: Any) -> Handler:
    """An answer that is the same each time; `body` or `text` as aiohttp takes them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, **content)

    return answer


async def failure_of(connector: BaseIoTConnector[Any]) -> ConnectorError:
    """The error of one reading on a fresh line."""
    with pytest.raises(ConnectorError) as caught:
        async with connector:
            await connector.get_current_reading()
    assert caught.value.__cause__ is None, "the library's own message must not be shown"
    return caught.value


async def assert_well(connector: BaseIoTConnector[Any]) -> None:
    async with connector:
        assert (await connector.get_current_reading()).temperature == GOOD["temperature"]
