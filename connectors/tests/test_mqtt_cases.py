"""Recorded messages and the reading they make, and every feed against broken ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import Reading, ResponseError, UnreachableError, parse_config
from connectors.mqtt_feeds import DocumentFeed, Feed, Item, MergedFeed
from connectors.mqtt_settings import MqttConfig, MqttOptions
from connectors.sparkplug_feed import SparkplugFeed

from .mutations import assert_sound, damaged

CASES = sorted((Path(__file__).parent / "cases" / "mqtt").iterdir())
RECEIVED = datetime(2025, 1, 12, 10, 31, tzinfo=UTC)


@dataclass
class Said:
    topic: str
    payload: bytes
    retained: bool = False
    received_at: datetime = RECEIVED


def options_of(**written: Any) -> MqttOptions:
    config = parse_config("mqtt", {"endpoint": "broker", "additional_config": written})
    assert isinstance(config, MqttConfig)
    return config.additional_config


def feed_for(options: MqttOptions) -> Feed:
    own = options.device_id or "equipment-7"
    topics = [(None, options.topic.replace("{device_id}", own))] if options.topic else list(options.topics.items())
    if options.format == "sparkplug_b":
        return SparkplugFeed(options, own, None)
    return MergedFeed(options, own, topics) if options.is_merged else DocumentFeed(options, own)


def hear(feed: Feed, messages: list[Said], seconds: float = 60) -> list[Item]:
    """What comes of messages that follow each other at once, and of the time after them."""
    items = [item for number, message in enumerate(messages) for item in feed.take(message, number / 1000)]
    return items + feed.tick(seconds)


def messages_of(case: Path, options: MqttOptions) -> Iterator[Said]:
    topic = (options.topic or "t").replace("{device_id}", options.device_id or "")
    if (case / "payload.json").exists():
        yield Said(topic, (case / "payload.json").read_bytes())
    elif (case / "payload.hex").exists():
        yield Said(topic, bytes.fromhex((case / "payload.hex").read_text()))
    else:
        for message in json.loads((case / "messages.json").read_text()):
            text = message.get("text", "") if "json" not in message else json.dumps(message["json"])
            payload = bytes.fromhex(message["hex"]) if "hex" in message else text.encode()
            yield Said(message["topic"], payload, message.get("retained", False))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_messages_give_their_reading(case: Path) -> None:
    options = options_of(**json.loads((case / "config.json").read_text()))
    feed = feed_for(options)
    feed.takes_last_known = True
    items = hear(feed, list(messages_of(case, options)))
    expected = json.loads((case / "reading.json").read_text())
    wanted = Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})
    assert items[-1] == wanted


def test_a_retained_message_without_a_time_is_no_reading_of_now() -> None:
    feed = feed_for(options_of(topic="t"))
    assert feed.take(Said("t", b'{"temperature": 1}', retained=True), 0) == []
    assert isinstance(feed.take(Said("t", b'{"temperature": 2}'), 0)[0], Reading)
    feed.takes_last_known = True
    assert feed.take(Said("t", b'{"temperature": 1}', retained=True), 0) == [], "something newer is known"


def test_a_retained_message_with_a_time_counts_for_that_time_unless_it_is_old_or_known() -> None:
    feed = feed_for(options_of(topic="t", interval=30))

    def retained(age: float) -> list[Item]:
        at = RECEIVED - timedelta(seconds=age)
        document = {"temperature": 1, "timestamp": at.isoformat()}
        return feed.take(Said("t", json.dumps(document).encode(), retained=True), 0)

    assert retained(91) == []
    (reading,) = retained(60)
    assert isinstance(reading, Reading)
    assert reading.reading_time == RECEIVED - timedelta(seconds=60)
    assert retained(60) == retained(70) == []
    feed.takes_last_known = True
    assert retained(100) == [], "something newer is known"


def test_the_values_of_a_burst_make_one_reading_and_a_pause_ends_it() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw"))
    assert not feed.take(Said("oven/temperature", b"180"), 0)
    assert feed.holds
    assert not feed.take(Said("oven/humidity", b"61"), 0.04)
    assert feed.deadline == pytest.approx(0.09)
    assert feed.tick(0.08) == []
    (reading,) = feed.tick(0.1)
    assert isinstance(reading, Reading)
    assert (reading.temperature, reading.humidity, feed.holds, feed.deadline) == (180.0, 61.0, False, None)


def test_the_second_half_of_a_burst_waits_for_the_next_one() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw", interval=1))
    feed.begin(10)
    feed.take(Said("oven/temperature", b"20", retained=True), 10.01)
    feed.take(Said("oven/humidity", b"61"), 10.03)
    feed.take(Said("oven/humidity", b"62"), 10.06)
    assert feed.holds
    assert feed.deadline == pytest.approx(11.03)
    feed.take(Said("oven/temperature", b"180"), 10.5)
    assert feed.deadline == pytest.approx(10.55)
    (reading,) = feed.tick(10.6)
    assert isinstance(reading, Reading)
    assert (reading.temperature, reading.humidity, dict(reading.quality)) == (180.0, 62.0, {})


def test_the_second_half_of_a_burst_counts_if_nothing_follows() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw", interval=60))
    feed.begin(10)
    feed.take(Said("oven/humidity", b"61"), 10.03)
    assert isinstance(feed.tick(15.1)[0], Reading)


def test_a_burst_without_end_is_cut() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw"))
    for step in range(30):
        feed.take(Said("oven/temperature", b"180"), step * 0.04)
    assert feed.deadline == pytest.approx(0.5)


def test_a_value_that_did_not_come_for_long_is_stale_and_the_others_are_not() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw", stale_after=60))
    hear(feed, [Said("oven/humidity", b"61"), Said("oven/temperature", b"180")], 1)
    later = Said("oven/temperature", b"181", received_at=RECEIVED + timedelta(seconds=61))
    feed.take(later, 61)
    (reading,) = feed.tick(62)
    assert isinstance(reading, Reading)
    assert (reading.humidity, dict(reading.quality)) == (61.0, {"humidity": "stale"})


def test_a_retained_value_is_stale_beside_fresh_ones_and_never_overwrites_one() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw"))
    said = [
        Said("oven/humidity", b"61", retained=True),
        Said("oven/temperature", b"180"),
        Said("oven/temperature", b"20", retained=True),
    ]
    (reading,) = hear(feed, said)
    assert isinstance(reading, Reading)
    assert (reading.temperature, reading.humidity, dict(reading.quality)) == (180.0, 61.0, {"humidity": "stale"})


def test_only_retained_values_make_no_reading_of_now() -> None:
    feed = feed_for(options_of(topic="oven/#", format="raw"))
    assert hear(feed, [Said("oven/temperature", b"20", retained=True)]) == []
    assert not feed.holds


def test_a_part_that_comes_late_does_not_overwrite_a_newer_one() -> None:
    mapping = {"timestamp": "ts", "temperature_zones": {"deck_1": '"1".t'}}
    feed = feed_for(options_of(topic="t", part_path="no", mapping=mapping))
    said = [{"no": 1, "ts": "2025-01-12T10:30:09Z", "t": 200}, {"no": 1, "ts": "2025-01-12T10:30:01Z", "t": 100}]
    (reading,) = hear(feed, [Said("t", json.dumps(part).encode()) for part in said])
    assert isinstance(reading, Reading)
    assert reading.temperature_zones == {"deck_1": 200.0}


def test_a_clock_that_was_ahead_does_not_hide_what_comes_after_it_is_right() -> None:
    mapping = {"timestamp": "ts", "temperature_zones": {"deck_1": '"1".t'}}
    feed = feed_for(options_of(topic="t", part_path="no", mapping=mapping))
    hear(feed, [Said("t", b'{"no": 1, "ts": "2025-01-12T12:30:00Z", "t": 100}')])
    right = Said("t", b'{"no": 1, "ts": "2025-01-12T10:31:01Z", "t": 200}', received_at=RECEIVED + timedelta(seconds=1))
    (reading,) = hear(feed, [right])
    assert isinstance(reading, Reading)
    assert reading.temperature_zones == {"deck_1": 200.0}


def test_a_message_for_another_machine_is_nobodys_fault_and_its_name_is_kept() -> None:
    feed = feed_for(options_of(topic="all", device_id="a", device_path="id"))
    assert feed.take(Said("all", b'{"id": "b", "temperature": 1}'), 0) == []
    assert feed.take(Said("all", b'{"temperature": 1}'), 0) == []
    assert feed.others == {"b"}
    assert isinstance(feed.take(Said("all", b'{"id": "a", "temperature": 1}'), 0)[0], Reading)


def test_one_senml_pack_can_hold_several_moments() -> None:
    feed = feed_for(options_of(topic="t", format="senml"))
    pack = [{"bt": 1736677800, "n": "temperature", "v": 1}, {"n": "temperature", "v": 2, "t": -10}]
    items = feed.take(Said("t", json.dumps(pack).encode()), 0)
    readings = [item for item in items if isinstance(item, Reading)]
    assert [(item.reading_time.second, item.temperature) for item in readings] == [(50, 2.0), (0, 1.0)]


_FORMATS: dict[str, dict[str, Any]] = {
    "json": {"topic": "t"},
    "mapped": {"topic": "t", "mapping": {"timestamp": "ts", "temperature": "zones.a[0]"}, "device_path": "id"},
    "parts": {"topic": "t", "part_path": "zones", "mapping": {"timestamp": "ts", "temperature": '"1".t'}},
    "raw": {"topic": "t/#", "format": "raw"},
    "named": {"topics": {"a": "t/+", "b": "t/#"}, "format": "raw", "mapping": {"temperature": "a.x", "humidity": "b"}},
    "senml": {"topic": "t", "format": "senml"},
    "struct": {
        "topic": "t",
        "format": "struct",
        "struct": {"fields": [{"name": "temperature", "type": "float32"}, {"name": "humidity", "type": "int8"}]},
    },
    "sparkplug_b": {"format": "sparkplug_b", "group_id": "g", "edge_node_id": "e", "device_id": "d"},
}
_TOPICS = ["t", "t/x", "t/temperature", "spBv1.0/g/NBIRTH/e", "spBv1.0/g/DBIRTH/e/d", "spBv1.0/g/DDATA/e/d"]
_GOOD = [
    {"temperature": 1, "ts": "2025-01-12T10:30:00Z", "zones": {"a": [1, 2]}, "id": "equipment-7",
     "quality": {"x": "bad"}},
    [{"bn": "a", "bt": 1736677800, "n": "temperature", "u": "Cel", "v": 1.5}, {"n": "b", "vs": "x", "t": -5}],
]  # fmt: skip
_payloads = st.binary(max_size=60) | damaged(*_GOOD).map(lambda document: json.dumps(document).encode())


@pytest.mark.parametrize("shape", _FORMATS)
@given(st.lists(st.tuples(st.sampled_from(_TOPICS), _payloads, st.booleans()), max_size=6))
@settings(max_examples=30, deadline=None)
def test_whatever_comes_is_a_reading_or_an_error_of_ours(shape: str, said: list[tuple[str, bytes, bool]]) -> None:
    feed = feed_for(options_of(**_FORMATS[shape]))
    feed.takes_last_known = True
    for item in hear(feed, [Said(*message) for message in said]):
        if isinstance(item, Reading):
            assert_sound(item)
        else:
            assert isinstance(item, ResponseError | UnreachableError)
    json.dumps(feed.document(), default=str)
