"""The intake between paho and a socket: gulps, rests, and the end of a connection."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from connectors import mqtt_intake
from connectors.mqtt_intake import Intake


class Desk:
    """A paho client at one end of a line. `heard` are the payloads of the messages it was sent."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.asked = 0  # how often the socket was
        self.failures: list[Exception] = []
        ours, self.theirs = socket.socketpair()
        for line in (ours, self.theirs):
            line.setblocking(False)
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client._sock = ours
        self.client._handle_publish = self._take  # type: ignore[method-assign]
        self._recv, self.client._sock_recv = self.client._sock_recv, self._count  # type: ignore[method-assign]
        self.intake = Intake(self.client, asyncio.get_running_loop(), self.failures.append)
        self.client.on_socket_close = lambda *_: self.intake.stop()
        self.intake.start(ours.fileno())

    def _count(self, bufsize: int) -> bytes:
        self.asked += 1
        return self._recv(bufsize)

    def _take(self) -> MQTTErrorCode:
        self.heard.append(bytes(self.client._in_packet["packet"][3:]))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def close(self) -> None:
        self.intake.stop()
        self.client._sock_close()
        self.theirs.close()

    async def hears(self, count: int) -> list[bytes]:
        async with asyncio.timeout(10):
            while len(self.heard) < count:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.001)
        return self.heard


@pytest.fixture
async def desk() -> Any:
    desk = Desk()
    yield desk
    desk.close()


def packets(payloads: list[bytes]) -> bytes:
    """PUBLISH with QoS 0 to the topic `t`."""
    return b"".join(_packet(b"\0\1t" + payload) for payload in payloads)


def _packet(body: bytes) -> bytes:
    return bytes([0x30, *_length(len(body))]) + body


def _length(rest: int) -> Iterator[int]:
    while rest > 127:
        yield rest & 127 | 128
        rest >>= 7
    yield rest


async def test_what_came_together_is_taken_with_one_question(desk: Desk) -> None:
    payloads = [b"%d" % number for number in range(100)]
    desk.theirs.sendall(packets(payloads))
    assert await desk.hears(100) == payloads
    assert desk.asked <= 2, "once for the bytes, and once to learn that there are no more"


async def test_after_a_gulp_it_rests_and_then_takes_what_has_come(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_intake, "REST_SECONDS", 0.5)
    desk.theirs.sendall(packets([b"first"]))
    await desk.hears(1)
    asked = desk.asked
    desk.theirs.sendall(packets([b"second"]))
    await asyncio.sleep(0.05)
    desk.theirs.sendall(packets([b"third"]))
    await asyncio.sleep(0.05)
    assert desk.asked == asked
    assert await desk.hears(3) == [b"first", b"second", b"third"]


async def test_a_flood_is_taken_in_its_order_and_others_have_their_turn(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_intake, "_GULP", 700)
    monkeypatch.setattr(mqtt_intake, "_MOST_GULPS", 2)
    payloads = [b"%0500d" % number for number in range(200)]
    flood = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(desk.theirs, packets(payloads)))
    turns, most = 0, 0
    while len(desk.heard) < 200:
        before = len(desk.heard)
        await asyncio.sleep(0)
        most, turns = max(most, len(desk.heard) - before), turns + 1
    await flood
    assert desk.heard == payloads
    assert most <= 4


async def test_a_message_may_come_in_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_intake, "REST_SECONDS", 0.001)
    whole = packets([b"x" * 300, b"y"])
    for piece in (whole[:1], whole[1:2], whole[2:100], whole[100:]):
        desk.theirs.sendall(piece)
        await asyncio.sleep(0.01)
    assert await desk.hears(2) == [b"x" * 300, b"y"]


async def test_the_end_of_a_connection_is_noticed_behind_its_last_message(desk: Desk) -> None:
    ended = asyncio.Event()
    desk.client.on_disconnect = lambda *_: ended.set()
    desk.theirs.sendall(packets([b"last"]))
    desk.theirs.close()
    await asyncio.wait_for(ended.wait(), 5)
    assert desk.heard == [b"last"]


async def test_once_stopped_it_reads_no_more(desk: Desk) -> None:
    desk.intake.stop()
    desk.theirs.sendall(packets([b"late"]))
    await asyncio.sleep(0.1)
    assert (desk.heard, desk.asked) == ([], 0)


async def test_what_paho_raises_is_told_and_ends_the_reading(desk: Desk) -> None:
    def burst() -> MQTTErrorCode:
        raise ZeroDivisionError

    desk.client._handle_publish = burst  # type: ignore[method-assign]
    desk.theirs.sendall(packets([b"one", b"two"]))
    async with asyncio.timeout(5):
        while not desk.failures:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)
    assert [type(failure) for failure in desk.failures] == [ZeroDivisionError]
