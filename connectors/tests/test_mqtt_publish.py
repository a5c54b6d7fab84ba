"""The short way through a PUBLISH packet gives what paho's gives, or nothing."""

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.client import MQTTv5, MQTTv311
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.mqtt_inbox import Delivery
from connectors.mqtt_publish import parse_publish


def pack(topic: str, payload: bytes, *, qos: int = 1, number: int = 7, properties: bytes = b"\0") -> bytes:
    name = topic.encode()
    return struct.pack(">H", len(name)) + name + (struct.pack(">H", number) if qos else b"") + properties + payload


def as_paho_says(command: int, packet: bytes, *, mqtt5: bool) -> Delivery | None:
    with contextlib.suppress(MalformedPacket, struct.error, UnicodeDecodeError, IndexError):
        found = _packet.decode_publish(command, packet, MQTTv5 if mqtt5 else MQTTv311)
        number = found.mid if found.qos else None
        return Delivery(found.topic.decode(), bytes(found.payload), found.retain, found.dup, number)
    return None


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("mqtt5", [True, False])
def test_a_plain_message_is_taken_as_it_is(qos: int, mqtt5: bool) -> None:
    packet = pack("bakery/horno-ñ/data", b'{"t": 1}', qos=qos, properties=b"\0" if mqtt5 else b"")
    delivery = parse_publish(0x30 | qos << 1 | 0x09, packet, mqtt5=mqtt5)
    assert delivery == Delivery("bakery/horno-ñ/data", b'{"t": 1}', True, True, 7 if qos else None)


def test_what_has_properties_or_is_odd_is_left_to_paho() -> None:
    properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = 60
    for command, packet in (
        (0x32, pack("topic", b"1", properties=properties.pack())),
        (0x34, pack("topic", b"1", qos=2)),
        (0x32, pack("", b"1")),
        (0x32, pack("topic", b"1", number=0)),
        (0x30, b"\0\2\xff\xfe\0" + b"1"),
        (0x30, b"\0"),
        (0x32, pack("topic", b"")[:-3]),
    ):
        assert parse_publish(command, packet, mqtt5=True) is None


@given(st.integers(0x30, 0x3F), st.binary(max_size=40), st.booleans())
@example(0x30, b"\0\1a", False)
@example(0x30, b"\0\1a\0", True)
def test_whatever_comes_paho_would_have_said_the_same(command: int, packet: bytes, mqtt5: bool) -> None:
    delivery = parse_publish(command, packet, mqtt5=mqtt5)
    if delivery is not None:
        assert delivery == as_paho_says(command, packet, mqtt5=mqtt5)
