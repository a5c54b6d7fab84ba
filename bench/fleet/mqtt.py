"""Ovens that publish to Mosquitto once a second with QoS 1, each at the moment at which its temperature may step.

The packets are written by hand, because a client library would cost more than what is measured. A machine that hangs
and one that is dead are the same here: both are silent.
"""

import asyncio
import struct
import time
from typing import Any

from bench.fleet.documents import document_at
from bench.values import place_in_second
from connectors.simulators.broker import INSTALL_LINE, LocalBroker, find_mosquitto

_OVENS_PER_LINE = 25
_CONNECT = b"\x00\x04MQTT\x04\x02\x00\x00"  # MQTT 3.1.1, a clean session, no keep-alive
_running: list[object] = []  # kept from the garbage collector


def topic_of(number: int) -> str:
    return f"bench/{number}/data"


class Line(asyncio.Protocol):
    """One connection to the broker. Acknowledgements are read and forgotten: there is nothing to repeat."""

    def __init__(self) -> None:
        self._packet = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's own kind, which asyncio's classes do not know

    def connect(self, name: bytes) -> None:
        self._send(0x10, _CONNECT + struct.pack(">H", len(name)) + name)

    def publish(self, topic: bytes, payload: bytes) -> None:
        self._packet = self._packet % 65_535 + 1
        self._send(0x32, struct.pack(">H", len(topic)) + topic + struct.pack(">H", self._packet) + payload)

    def _send(self, kind: int, body: bytes) -> None:
        length, head = len(body), bytearray([kind])
        while length > 127:
            head.append(length & 127 | 128)
            length >>= 7
        head.append(length)
        self._transport.write(bytes(head) + body)


async def start(ovens: int, hanging: int, dead: int) -> list[int]:
    """The broker's port, once."""
    if find_mosquitto() is None:  # any other broker would be the bottleneck
        raise SystemExit(f"This needs Mosquitto: {INSTALL_LINE}")
    broker = LocalBroker(listener=["max_inflight_messages 1000"])  # as docs/connectors/mqtt.md advises for many ovens
    await broker.start()
    loop = asyncio.get_running_loop()
    lines = []
    for number in range(-(-ovens // _OVENS_PER_LINE)):
        _, line = await loop.create_connection(Line, broker.host, broker.port)
        line.connect(b"bench-%d" % number)
        lines.append(line)
    _running.extend((broker, asyncio.create_task(_publish(lines, ovens))))
    return [broker.port]


async def stop() -> None:
    for thing in _running:
        if isinstance(thing, LocalBroker):
            await thing.close()


async def _publish(lines: list[Line], ovens: int) -> None:
    """In the order of their places in the second, round after round on the wall clock."""
    places = sorted((place_in_second(number), number) for number in range(ovens))
    topics = [topic_of(number).encode() for number in range(ovens)]
    second = int(time.time()) + 1
    while True:
        for place, number in places:
            await _sleep_until(second + place)
            now = time.time()
            moment = b',"timestamp":%d' % (now * 1000)
            lines[number // _OVENS_PER_LINE].publish(topics[number], document_at(number, now, moment))
        second += 1


async def _sleep_until(moment: float) -> None:
    """Never a little less: the step would come a second later."""
    while (rest := moment - time.time()) > 0:  # noqa: ASYNC110  nobody tells us what the clock says
        await asyncio.sleep(rest)
