"""Brokers and machines for the MQTT tests: Mosquitto, a machine that publishes, and a broker that misbehaves."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import pytest

from connectors import BaseIoTConnector, ConnectorError, Reading, create_connector
from connectors.identity import Identity
from connectors.simulators.broker import INSTALL_LINE, LocalBroker, find_mosquitto
from connectors.simulators.mqtt import end_tasks

from .machines import LOOPBACK

TOPIC = "bakery/oven-7/data"
PATIENCE_SECONDS = 60


def mosquitto(*arguments: Any, **more: Any) -> LocalBroker:
    """Mosquitto itself: amqtt forgets sessions."""
    if find_mosquitto() is None:
        pytest.skip(f"needs Mosquitto: {INSTALL_LINE}")
    return LocalBroker(*arguments, **more)


def connect(
    broker: LocalBroker,
    machine: str = "oven-7",
    *,
    endpoint: str = "mqtt://127.0.0.1",
    credentials: dict[str, Any] | None = None,
    identity: Identity | None = None,
    **options: Any,
) -> BaseIoTConnector[Any]:
    where = {} if options.keys() & {"topics", "group_id", "discovery_prefix"} else {"topic": TOPIC}
    config = {
        "endpoint": endpoint,
        "port": broker.websocket_port if endpoint.startswith("ws") and broker.websocket_port else broker.port,
        "credentials": credentials or {},
        "additional_config": {"timeout": 20, **where, **options},
    }
    return create_connector("mqtt", machine, config, policy=LOOPBACK, identity=identity)


@asynccontextmanager
async def machine(broker: LocalBroker, **client: Any) -> AsyncIterator[aiomqtt.Client]:
    port = broker.websocket_port if "websocket_path" in client else broker.port
    async with aiomqtt.Client("127.0.0.1", port, timeout=PATIENCE_SECONDS, **client) as found:
        yield found
        if found._disconnected.done():
            found._disconnected.exception()  # asyncio complains of those nobody looked at


async def publish(
    broker: LocalBroker, *documents: Any, topic: str = TOPIC, retain: bool = False, **client: Any
) -> None:
    async with machine(broker, **client) as found:
        for document in documents:
            payload = document if isinstance(document, bytes) else json.dumps(document)
            await found.publish(topic, payload, 1, retain)


def numbered(number: int, start: int = 1_790_000_000) -> dict[str, Any]:
    return {"temperature": number / 10, "timestamp": start + number}


async def eventually(condition: Callable[[], Any], what: str = "it") -> None:
    """Until the condition is true; never a fixed sleep."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  what other programs do gives us no event
            await asyncio.sleep(0.02)


@dataclass
class Ears:
    """Listens to a connector as the collector does; confirms what it hears if it shall."""

    connector: BaseIoTConnector[Any]
    confirms: bool = True
    readings: list[Reading] = field(default_factory=list)
    news: list[ConnectorError] = field(default_factory=list)
    ended: ConnectorError | None = None

    @property
    def temperatures(self) -> list[float]:
        return [round((reading.temperature or 0) * 10) for reading in self.readings]

    async def listen(self) -> None:
        try:
            async for item in self.connector.readings():
                if isinstance(item, ConnectorError):
                    self.news.append(item)
                    continue
                self.readings.append(item)
                if self.confirms:
                    await self.connector.confirm([item])
        except ConnectorError as error:
            self.ended = error

    async def heard(self, count: int) -> None:
        await eventually(lambda: len(self.readings) >= count, f"{count} readings")

    async def told(self, code: str) -> ConnectorError:
        await eventually(lambda: any(error.code == code for error in self.news), code)
        return next(error for error in self.news if error.code == code)


@asynccontextmanager
async def listening(connector: BaseIoTConnector[Any], *, confirms: bool = True) -> AsyncIterator[Ears]:
    """The connector open, and listened to until the end."""
    async with connector:
        ears = Ears(connector, confirms)
        task = asyncio.create_task(ears.listen())
        try:
            yield ears
        finally:
            await end_tasks([task])


@asynccontextmanager
async def strange_broker(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Any]:
    """Somebody who answers at a broker's port; has `port` like one."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found = LocalBroker(port=server.sockets[0].getsockname()[1])
    try:
        yield found
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind, await reader.readexactly(length)


def answering(connack: int = 0, suback: Sequence[int] = (1,)) -> Any:
    """A broker that lets in, or not, and grants, or not. It speaks the version that it is spoken to in."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await read_packet(reader)
        mqtt5 = body[6] == 5
        writer.write(bytes([0x20, 3 if mqtt5 else 2, 0, connack]) + (b"\x00" if mqtt5 else b""))
        while connack == 0:
            kind, body = await read_packet(reader)
            if kind & 0xF0 == 0x80:
                rest = body[:2] + (b"\x00" if mqtt5 else b"") + bytes(suback)
                writer.write(struct.pack("BB", 0x90, len(rest)) + rest)

    return talk
