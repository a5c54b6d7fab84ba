"""The decoder against bytes written by hand and by another stack, and the memory of an edge node."""

import base64
import functools
import json
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import OperationalStatus, Reading, ResponseError, UnreachableError
from connectors.simulators.sparkplug_writer import (
    BOOLEAN,
    DOUBLE,
    INT64,
    STRING,
    WrittenMetric,
    write_payload,
)
from connectors.sparkplug import Metric, Payload, decode_payload, encode_rebirth, value_of
from connectors.sparkplug_feed import SparkplugFeed, node_filter, rebirth_topic
from connectors.sparkplug_node import Blind, Death, EdgeNode, Gap, Past, Values

from .test_mqtt_cases import RECEIVED, Said, options_of

PEERS = Path(__file__).parent / "peers"
NOW = 1736677800000


@functools.cache
def peer_payloads() -> dict[str, bytes]:
    """What npm's sparkplug-payload, the encoder of Eclipse Tahu for Node.js, makes of our values."""
    program = shutil.which("node", path=f"{Path(__file__).parents[2] / '.venv' / 'bin'}") or shutil.which("node")
    if program is None or not (PEERS / "node_modules" / "sparkplug-payload").exists():
        pytest.skip("needs Node.js and: npm ci --prefix connectors/tests/peers")
    done = subprocess.run([program, "sparkplug_payloads.cjs"], cwd=PEERS, capture_output=True, timeout=60, check=True)
    return {name: base64.b64decode(text) for name, text in json.loads(done.stdout).items()}


def plc(reorder: float = 2) -> EdgeNode:
    return EdgeNode("d", reorder_seconds=reorder)


def data(seq: int, **values: Any) -> Payload:
    metrics = tuple(Metric(name=name, raw=value) for name, value in values.items())
    return Payload(NOW, metrics, seq)


def birth(seq: int, *metrics: Metric) -> Payload:
    return Payload(NOW, metrics, seq)


def number(value: int) -> Metric:
    return Metric(name="bdSeq", datatype=INT64, raw=value)


def test_bytes_written_by_hand() -> None:
    metric = b"\x0a\x01t" + b"\x10\x05" + b"\x20\x0a" + b"\x69" + struct.pack("<d", 180.5)
    payload = decode_payload(b"\x08\xe8\x07" + b"\x12" + bytes([len(metric)]) + metric + b"\x18\x09")
    assert payload == Payload(1000, (Metric(name="t", alias=5, datatype=10, raw=180.5),), 9)


@pytest.mark.parametrize(
    ("datatype", "raw", "value"),
    [
        (3, 4294967291, -5),  # measured against Google's protobuf
        (1, 4294967291, -5),
        (1, 251, -5),
        (2, 35536, -30000),
        (4, 2**64 - 2, -2),
        (5, 250, 250),
        (7, 4294967295, 4294967295),
        (8, 2**64 - 1, 2**64 - 1),
        (13, NOW, NOW),
        (11, 1, True),
        (12, "a\x00b", "a b"),
        (9, 1.5, 1.5),
        (None, 7, 7),
        (16, b"\x08", None),
    ],
)
def test_values_are_what_their_type_says(datatype: int | None, raw: Any, value: Any) -> None:
    assert value_of(Metric(raw=raw), datatype) == value
    assert value_of(Metric(raw=raw, is_null=True), datatype) is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x12", b"\x12\xff", b"\x00", b"\x0b", b"\x08" + b"\xff" * 11, b"\x12\x02\x0a\xff", b"\x12\x03\x0a\x01\xff",
        b"\x0a\x01x", b"\x12\x02\x50", b"\x12\x03\x65\x00\x00", b"<html>", b"{}",
    ],
)  # fmt: skip
def test_what_is_no_payload_is_a_response_error(damaged: bytes) -> None:
    with pytest.raises(ResponseError, match="not a Sparkplug B payload"):
        decode_payload(damaged)


def test_unknown_fields_are_passed_over() -> None:
    assert decode_payload(b"\x22\x01u" + b"\x2a\x01b" + b"\xa5\x06abcd" + b"\xa1\x06abcdefgh" + b"\x18\x03").seq == 3
    assert decode_payload(b"") == Payload(None, (), None)


def test_another_stack_can_read_our_command() -> None:
    (metric,) = decode_payload(encode_rebirth(NOW)).metrics
    assert (metric.name, value_of(metric, None)) == ("Node Control/Rebirth", True)


def test_another_stacks_messages_give_readings() -> None:
    sent = peer_payloads()
    options = options_of(format="sparkplug_b", group_id="g", edge_node_id="e", device_id="d")
    feed = SparkplugFeed(options, "d", None)

    def hear(kind: str, name: str, device: str = "/d") -> list[Any]:
        return feed.take(Said(f"spBv1.0/g/{kind}/e{device}", sent[name]), 0)

    assert hear("NBIRTH", "NBIRTH", "") == []
    (born,) = hear("DBIRTH", "DBIRTH")
    assert (born.temperature, born.temperature_zones, born.operational_status) == (
        180.5,
        {"core": 72.25},
        OperationalStatus.RUNNING,
    )
    assert (born.humidity, born.quality["humidity"], born.motor_speed) == (None, "bad", None), (
        "minus 5 % is no humidity"
    )
    assert born.energy_consumption_kwh is None, "nor can an oven use so much"
    assert born.additional_sensors == {
        "offset": -5, "offset16": -30000, "offset64": -2, "big": 4294967295, "hot": True, "started": NOW,
        "note": "Größe",
    }  # fmt: skip
    past, changed = hear("DDATA", "DDATA")
    assert (past.temperature_zones, past.temperature, past.reading_time.minute) == ({"core": 70.5}, None, 29)
    assert (changed.temperature, changed.temperature_zones, changed.reading_time.second) == (181.25, {"core": 72.25}, 1)
    assert (changed.additional_sensors["offset"], changed.humidity) == (-6, None)
    (doubted,) = hear("DDATA", "QUALITY")
    assert (doubted.temperature, doubted.humidity, doubted.motor_speed) == (None, 55.0, 40.0)
    assert doubted.quality["temperature"] == "bad"
    assert doubted.quality["humidity"] == "stale"
    (gone,) = hear("NDEATH", "NDEATH", "")
    assert isinstance(gone, UnreachableError)
    assert gone.code == "offline"


def test_data_sets_are_passed_over_and_the_rest_is_read() -> None:
    values = [metric.raw for metric in decode_payload(peer_payloads()["DATASET"]).metrics]
    assert isinstance(values[0], bytes)
    node = EdgeNode("d", reorder_seconds=2)
    node.take("DBIRTH", "d", birth(1, Metric(name="x", datatype=DOUBLE)), 0)
    (found,) = node.take("DDATA", "d", decode_payload(peer_payloads()["DATASET"])._replace(seq=2), 0)
    assert isinstance(found, Values)
    assert [value.name for value in found.values] == ["temperature"]


def test_aliases_and_types_come_with_the_birth() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(1)), 0)
    node.take("DBIRTH", "d", birth(1, Metric(name="t", alias=10, datatype=3, raw=1)), 0)
    (found,) = node.take("DDATA", "d", Payload(NOW, (Metric(alias=10, raw=4294967291),), 2), 0)
    assert isinstance(found, Values)
    assert (found.values[0].name, found.values[0].value) == ("t", -5)
    assert node.take("DDATA", "other", Payload(NOW, (Metric(alias=10, raw=1),), 3), 0) == []
    assert node.take("DDATA", "d", Payload(NOW, (Metric(alias=11, raw=1),), 4), 0) == [Blind()]


def test_a_message_that_comes_late_is_put_in_its_place() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(1)), 0)
    node.take("DBIRTH", "d", birth(1), 0)
    assert node.take("DDATA", "d", data(3, t=3.0), 10) == []
    assert node.deadline == 12
    events = node.take("DDATA", "d", data(2, t=2.0), 11)
    assert [event.values[0].value for event in events if isinstance(event, Values)] == [2.0, 3.0]
    assert node.deadline is None
    assert node.take("DDATA", "d", data(2, t=2.0), 11) == [], "it has been here before"


def test_a_gap_is_given_up_after_its_time() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(254, number(1)), 0)
    node.take("DBIRTH", "d", birth(255), 0)
    node.take("DDATA", "d", data(1, t=1.0), 10)
    node.take("DDATA", "d", data(3, t=3.0), 11)
    assert node.tick(11.9) == []
    gap, *events = node.tick(12.1)
    assert gap == Gap()
    assert [event.values[0].value for event in events if isinstance(event, Values)] == [1.0, 3.0]
    (going_on,) = node.take("DDATA", "d", data(4, t=4.0), 13)
    assert isinstance(going_on, Values)


def test_other_devices_of_the_node_count_in_its_row() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(1)), 0)
    node.take("DBIRTH", "d", birth(1), 0)
    assert node.take("DDATA", "other", data(2, t=1.0), 0) == []
    assert isinstance(node.take("DDATA", "d", data(3, t=2.0), 0)[0], Values)
    assert node.deadline is None


def test_a_death_counts_only_for_its_own_birth() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(8)), 0)
    node.take("DBIRTH", "d", birth(1), 0)
    assert node.take("NDEATH", None, Payload(NOW, (number(7),), None), 0) == []
    assert node.take("NDEATH", None, Payload(NOW, (number(8),), None), 0) == [Death()]
    assert node.take("DDATA", "d", data(2, t=1.0), 0) == [Blind()], "only a birth brings it back"
    node.take("NBIRTH", None, birth(0, number(9)), 0)
    assert isinstance(node.take("DBIRTH", "d", birth(1, Metric(name="t", raw=1.0)), 0)[0], Values)


def test_a_device_dies_alone_and_with_its_node() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(1)), 0)
    node.take("DBIRTH", "d", birth(1), 0)
    assert node.take("DDEATH", "d", birth(2), 0) == [Death()]
    node.take("DBIRTH", "d", birth(3), 0)
    assert node.take("NBIRTH", None, birth(0, number(2)), 10) == []
    assert node.take("DDATA", "d", data(1, t=1.0), 11) == [Blind()], "nothing counts before its own birth"
    assert node.deadline == 15
    assert node.tick(15) == [Death()], "the node began anew, without its device"
    assert node.tick(20) == []


def test_a_device_that_follows_its_node_was_never_away() -> None:
    node = plc()
    for now in (0.0, 10.0):
        assert node.take("NBIRTH", None, birth(0, number(1)), now) == []
        assert isinstance(node.take("DBIRTH", "d", birth(1, Metric(name="t", raw=1.0)), now + 1)[0], Values)
        assert node.deadline is None


def test_an_edge_node_can_be_the_machine_itself() -> None:
    node = EdgeNode(None, reorder_seconds=2)
    (born,) = node.take("NBIRTH", None, birth(0, number(1), Metric(name="t", alias=1, datatype=10, raw=1.0)), 0)
    assert isinstance(born, Values)
    assert [value.name for value in born.values] == ["t"]
    assert node.take("DBIRTH", "d", birth(1), 0) == []
    (changed,) = node.take("NDATA", None, Payload(NOW, (Metric(alias=1, raw=2.0),), 2), 0)
    assert isinstance(changed, Values)


def test_after_a_reconnect_old_aliases_mean_nothing() -> None:
    node = plc()
    node.take("NBIRTH", None, birth(0, number(1)), 0)
    node.take("DBIRTH", "d", birth(1, Metric(name="t", alias=1, datatype=10, raw=1.0)), 0)
    node.forget()
    assert node.take("DDATA", "d", Payload(NOW, (Metric(alias=1, raw=2.0),), 9), 0) == [Blind()]
    (named,) = node.take("DDATA", "d", Payload(NOW, (Metric(name="t", datatype=3, raw=4294967291),), 10), 0)
    assert isinstance(named, Values)
    assert named.values[0].value == -5
    assert node.take("DDATA", "d", Payload(NOW, (Metric(name="t", raw=4294967291),), 11), 0) == [Blind()]


def test_an_old_will_that_waited_for_us_does_not_silence_the_machine() -> None:
    node = plc()
    assert node.take("NDEATH", None, Payload(NOW, (number(7),), None), 0) == [Death()]
    assert isinstance(node.take("DDATA", "d", data(4, t=1.0), 0)[0], Values)


def feed_with_requests() -> tuple[SparkplugFeed, list[int]]:
    asked: list[int] = []
    options = options_of(format="sparkplug_b", group_id="g", edge_node_id="e", device_id="d", allow_rebirth=True)
    return SparkplugFeed(options, "d", lambda: asked.append(1)), asked


def written(kind: str, seq: int | None, *metrics: WrittenMetric, device: str = "/d") -> Said:
    return Said(f"spBv1.0/g/{kind}/e{device}", write_payload(metrics, timestamp=NOW, seq=seq))


def born(feed: SparkplugFeed, value: float = 180.5) -> list[Any]:
    node = WrittenMetric(name="bdSeq", datatype=INT64, value=1)
    feed.take(written("NBIRTH", 0, node, device=""), 0)
    metric = WrittenMetric(name="temperature", alias=1, datatype=DOUBLE, value=value, timestamp=NOW)
    return feed.take(written("DBIRTH", 1, metric), 0)


def test_a_birth_is_asked_for_only_where_that_is_allowed() -> None:
    feed, asked = feed_with_requests()
    unknown = written("DDATA", 5, WrittenMetric(alias=1, value=1.0))
    assert feed.take(unknown, 0) == []
    assert len(asked) == 1
    quiet = SparkplugFeed(options_of(format="sparkplug_b", group_id="g", edge_node_id="e", device_id="d"), "d", None)
    (error,) = quiet.take(unknown, 0)
    assert isinstance(error, ResponseError)
    assert "allow_rebirth" in str(error)
    assert quiet.take(unknown, 0) == [], "once is enough"
    assert isinstance(born(quiet)[0], Reading)


def test_after_a_gap_what_did_not_come_again_is_uncertain_until_the_next_birth() -> None:
    feed, asked = feed_with_requests()
    born(feed)
    state = WrittenMetric(name="humidity", datatype=DOUBLE, value=61.0, timestamp=NOW)
    assert feed.take(written("DDATA", 3, state), 10) == []
    assert feed.deadline == 12
    (reading,) = feed.tick(13)
    assert isinstance(reading, Reading)
    assert (reading.temperature, reading.humidity, dict(reading.quality)) == (180.5, 61.0, {"temperature": "uncertain"})
    assert len(asked) == 1
    (again,) = born(feed)
    assert dict(again.quality) == {}


def test_times_that_cannot_be_are_not_believed() -> None:
    feed, _ = feed_with_requests()
    born(feed)
    for at, doubt in ((2**63, "bad"), (NOW + 3_600_000, "uncertain"), (1000, "bad")):
        (reading,) = feed.take(written("DDATA", None, WrittenMetric(alias=1, value=1.0, timestamp=at)), 0)
        assert isinstance(reading, Reading)
        assert reading.reading_time == RECEIVED
        assert reading.quality.get("reading_time", "bad") == doubt


def test_its_topics() -> None:
    options = options_of(format="sparkplug_b", group_id="Bakery 1", edge_node_id="e")
    assert node_filter(options) == "spBv1.0/Bakery 1/+/e/#"
    assert rebirth_topic(options) == "spBv1.0/Bakery 1/NCMD/e"


_metrics = st.builds(
    Metric,
    name=st.none() | st.sampled_from(["a", "a/b", "temperature", "bdSeq", ""]),
    alias=st.none() | st.integers(0, 3),
    timestamp=st.none() | st.integers(0, 2**64),
    datatype=st.none() | st.integers(0, 20),
    is_historical=st.booleans(),
    is_null=st.booleans(),
    raw=st.none()
    | st.integers(0, 2**64 - 1)
    | st.floats()
    | st.booleans()
    | st.text(max_size=5)
    | st.binary(max_size=3),
)
_kinds = st.sampled_from(["NBIRTH", "NDEATH", "DBIRTH", "DDEATH", "NDATA", "DDATA", "NCMD", "STATE", ""])
_seqs = st.none() | st.integers(0, 600) | st.just(2**63)


@given(
    st.lists(st.tuples(_kinds, st.sampled_from([None, "d", "x"]), st.lists(_metrics, max_size=3), _seqs), max_size=12)
)
@settings(max_examples=100, deadline=None)
def test_no_order_of_messages_confuses_the_memory(said: list[Any]) -> None:
    node = plc()
    known = Values | Past | Death | Gap | Blind
    for now, (kind, device, metrics, seq) in enumerate(said):
        events = node.take(kind, device, Payload(NOW, tuple(metrics), seq), float(now)) + node.tick(float(now))
        assert all(isinstance(event, known) for event in events)
    node.tick(1000.0)
    assert node.deadline is None


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_whatever_bytes_come_are_a_payload_or_a_response_error(found: bytes) -> None:
    try:
        payload = decode_payload(found)
    except ResponseError:
        return
    assert all(value_of(metric, None) is not None or True for metric in payload.metrics)


@given(
    st.lists(st.tuples(st.text(max_size=9), st.integers(0, 99), st.floats(allow_nan=False)), max_size=4),
    st.integers(0, 255),
)
@settings(max_examples=50, deadline=None)
def test_what_the_simulator_writes_is_read_back(values: list[tuple[str, int, float]], seq: int) -> None:
    metrics = [
        WrittenMetric(name=name.encode(errors="replace").decode(), alias=alias, datatype=DOUBLE, value=value)
        for name, alias, value in values
    ]
    payload = decode_payload(write_payload(metrics, timestamp=NOW, seq=seq))
    assert (payload.timestamp, payload.seq) == (NOW, seq)
    assert [(metric.name, metric.alias, metric.raw) for metric in payload.metrics] == [
        (metric.name, metric.alias, metric.value) for metric in metrics
    ]


def test_the_simulator_writes_all_kinds_of_values() -> None:
    kinds = [(INT64, -5), (BOOLEAN, True), (STRING, "läuft"), (DOUBLE, None), (DOUBLE, 1.5)]
    metrics = [WrittenMetric(name="m", datatype=kind, value=value, is_bad=value == 1.5) for kind, value in kinds]
    found = decode_payload(write_payload(metrics, timestamp=None, seq=None)).metrics
    assert [value_of(metric, None) for metric in found] == [value for _, value in kinds]
    assert [metric.quality for metric in found] == [None, None, None, None, "bad"]
    assert datetime.fromtimestamp(NOW / 1000, UTC).year == 2025
