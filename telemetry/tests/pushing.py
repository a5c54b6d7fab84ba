"""A machine that pushes, and its connector: lines of JSON over TCP, repeated over each new line until acknowledged."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors import BaseIoTConnector, ConnectorConfig, ConnectorError, Reading, ResponseError, UnreachableError
from connectors.base import Options
from connectors.registry import PROTOCOLS, Protocol

PROTOCOL = "pushing"
START = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)


class PushingMachine:
    """As a broker does it: keeps a message until it is acknowledged, and has at most `window` under way."""

    def __init__(self, window: int = 20) -> None:
        self.window = window
        self.kept: dict[int, dict[str, Any]] = {}  # not acknowledged yet, in order
        self.acknowledged: list[int] = []
        self.sent = 0
        self.lines = 0  # how many connections there were
        self.port = 0
        self._number = 0
        self._under_way: set[int] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        if self._writer:
            self._writer.close()

    def settings(self, **options: bool) -> dict[str, Any]:
        return {"endpoint": "127.0.0.1", "port": self.port, "additional_config": {"timeout": 3, **options}}

    async def say(self, count: int = 1, **values: Any) -> list[int]:
        """Readings of distinct moments, one second apart; a value may be anything, sense or nonsense."""
        said = []
        for _ in range(count):
            self._number += 1
            self.kept[self._number] = {"id": self._number, "temperature": 180.0, **values}
            said.append(self._number)
        await self._send_on()
        return said

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.cut()
        self._writer, self.lines = writer, self.lines + 1
        self._under_way.clear()
        with suppress(ConnectionError):
            await self._send_on()
            while line := await reader.readline():
                number = int(line)
                self._under_way.discard(number)
                if self.kept.pop(number, None):
                    self.acknowledged.append(number)
                await self._send_on()
        writer.close()

    async def _send_on(self) -> None:
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        with suppress(ConnectionError):
            for number, message in list(self.kept.items()):
                if len(self._under_way) >= self.window:
                    break
                if number not in self._under_way:
                    self._under_way.add(number)
                    self.sent += 1
                    writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()


class PushingOptions(Options):
    pushes: bool = True
    repeats: bool = True


class PushingConfig(ConnectorConfig):
    additional_config: PushingOptions = PushingOptions()


class PushingConnector(BaseIoTConnector[PushingConfig]):
    config_class = PushingConfig
    example: ClassVar[dict[str, Any]] = {}

    def __init__(self, equipment_id: str, config: PushingConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self.pushes = config.additional_config.pushes
        self.repeats = config.additional_config.repeats
        self._writer: asyncio.StreamWriter | None = None
        self._numbers: dict[int, int] = {}  # id of the reading -> number of its message

    @property
    def place(self) -> str:
        return f"{self.config.endpoint}:{self.config.port}"

    async def connect(self) -> None:
        try:
            self._reader, self._writer = await asyncio.open_connection(self.config.endpoint, self.config.port)
        except OSError:
            raise UnreachableError("Nobody listens there. Switch the machine on.", code="refused") from None

    async def close(self) -> None:
        if self._writer:
            self._writer.close()

    async def get_current_reading(self) -> Reading:
        async with self._time_limit():
            reading = self._parse(await self._reader.readline())
        await self.confirm([reading])
        return reading

    async def readings(self) -> AsyncIterator[Reading | ConnectorError]:
        while line := await self._reader.readline():
            message = json.loads(line)
            if "news" in message:
                yield ResponseError(message["news"], code=message.get("code", "mapping"))
                self._acknowledge(message["id"])
            elif message["temperature"] == "bug":
                raise RuntimeError("a connector with a bug")
            else:
                yield self._parse(line)
        raise UnreachableError("The machine hung up. Look whether it is switched on.", code="reset")

    def _parse(self, line: bytes) -> Reading:
        message = json.loads(line)
        if message["temperature"] == "cancelled":
            raise asyncio.CancelledError  # as libraries do to whoever waits when their connection breaks
        moment = START + timedelta(seconds=message.get("moment", message["id"]))
        reading = Reading(reading_time=moment, temperature=message["temperature"])
        self._numbers[id(reading)] = message["id"]
        return reading

    async def confirm(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            self._acknowledge(self._numbers.pop(id(reading)))

    def _acknowledge(self, number: int) -> None:
        if self._writer and not self._writer.is_closing():
            self._writer.write(b"%d\n" % number)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, PROTOCOL, Protocol("Pushing", f"{__name__}:PushingConnector"))
