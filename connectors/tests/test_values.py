"""Single values: numbers in text, bit masks, words, plain sensors, and the machine's clock."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors import DoorStatus, OperationalStatus
from connectors.values import (
    UNITS,
    BadValueError,
    check_moment,
    clean_text,
    convert_number,
    parse_bits,
    parse_moment,
    parse_number,
    parse_plain,
    parse_word,
    word_of,
)

from .test_mapping import parse
from .test_reading import NOON


@pytest.mark.parametrize(
    ("raw", "number"),
    [(0, 0.0), (-0.5, -0.5), ("12", 12.0), ("12,5", 12.5), ("+3.5E2", 350.0), (" 7 ", 7.0), (None, None), ("", None)],
)
def test_a_number_is_read_from_json_or_text(raw: Any, number: float | None) -> None:
    assert parse_number(raw) == number


@pytest.mark.parametrize(
    "raw", [False, "12 °C", "1.234,5", "1e999", "0x10", "nan", "Infinity", b"1", 1e16, -(10**30), "  "]
)
def test_what_is_no_number_is_bad(raw: Any) -> None:
    with pytest.raises(BadValueError):
        parse_number(raw)


@pytest.mark.parametrize(
    ("raw", "mask"),
    [
        ("00000010", 2),
        ("1", 1),
        ("0x1F", 31),
        (6, 6),
        (6.0, 6),
        (0, 0),
        (2**64 - 1, 2**64 - 1),
        (None, None),
        ("", None),
    ],
)
def test_a_bit_mask_is_read_from_a_number_or_text(raw: Any, mask: int | None) -> None:
    assert parse_bits(raw) == mask


@pytest.mark.parametrize("raw", [-1, 2**64, 1.5, True, "12", "0x", "0b1", [], float("nan")])
def test_what_is_no_bit_mask_is_bad(raw: Any) -> None:
    with pytest.raises(BadValueError):
        parse_bits(raw)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("°F", 32, 0),
        ("F", 212, 100),
        ("K", 273.15, 0),
        ("ratio", 0.5, 50),
        ("Wh", 1, 0.001),
        ("MWh", 1, 1000),
        ("kJ", 3600, 1),
        ("MJ", 3.6, 1),
        ("g", 500, 0.5),
        ("lb", 2, 0.907185),
        ("s", 90, 1.5),
        ("ms", 60_000, 1),
        ("h", 2, 120),
        ("kWh", 3, 3),
    ],
)
def test_units_lead_to_ours(unit: str, value: float, expected: float) -> None:
    assert unit in UNITS
    assert convert_number(value, scale=1, offset=0, unit=unit, bounds=None) == pytest.approx(expected)


def test_scale_and_offset_come_before_the_unit_and_the_bounds_after() -> None:
    assert convert_number(3560, scale=0.1, offset=0, unit="°F", bounds=(-100, 200)) == 180
    assert convert_number(100, scale=2, offset=12, unit="°F", bounds=None) == 100
    with pytest.raises(BadValueError):
        convert_number(500, scale=1, offset=0, unit="°F", bounds=(-100, 200))


@pytest.mark.parametrize(
    ("raw", "word"), [(True, "true"), (False, "false"), (4, "4"), (4.0, "4"), (4.5, "4.5"), (" Hot\tAir ", "Hot Air")]
)
def test_a_value_as_a_key_of_enum(raw: Any, word: str) -> None:
    assert word_of(raw) == word


@pytest.mark.parametrize("raw", [None, [], {}, 10**400])
def test_what_cannot_be_a_word_is_bad(raw: Any) -> None:
    with pytest.raises(BadValueError):
        word_of(raw)


def test_a_word_is_looked_up_exactly_then_loosely_then_among_ours() -> None:
    words = {"on": OperationalStatus.RUNNING, "ON": OperationalStatus.STANDBY, "idle": OperationalStatus.OFF}
    assert parse_word("ON", words, OperationalStatus) is OperationalStatus.STANDBY
    assert parse_word("On", {"on": OperationalStatus.RUNNING}, OperationalStatus) is OperationalStatus.RUNNING
    assert parse_word("idle", words, OperationalStatus) is OperationalStatus.OFF, "the mapping wins over our own words"
    assert parse_word("CLOSED", {}, DoorStatus) is DoorStatus.CLOSED
    assert parse_word("ajar", {}, DoorStatus) is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [(None, None), (True, True), (3, 3), (3.5, 3.5), ("a\x00b", "a b"), ([1, "x", None], [1, "x", None]), ([], [])],
)
def test_a_plain_value_stays_what_it_is(raw: Any, value: Any) -> None:
    assert parse_plain(raw) == value
    assert type(parse_plain(raw)) is type(value)


@pytest.mark.parametrize("raw", [{}, [[1]], [{}], [1] * 51, 10**20, float("inf")])
def test_a_plain_value_has_its_limits(raw: Any) -> None:
    with pytest.raises(BadValueError):
        parse_plain(raw)


def test_text_is_short_and_printable() -> None:
    assert clean_text("  Baguette\n\ud83d\x7f  ") == "Baguette"
    assert len(clean_text("x" * 5000)) == 200
    assert clean_text("Käse 🥖") == "Käse 🥖"


@pytest.mark.parametrize(
    ("spec", "raw", "expected"),
    [
        ({}, "2026-11-23T11:00:00Z", NOON - timedelta(hours=1)),
        ({}, "2026-11-23 12:00:00+01:00", NOON - timedelta(hours=1)),
        ({"timezone": "Europe/Madrid"}, "2026-11-23T12:00:00", NOON - timedelta(hours=1)),
        ({"timezone": "Europe/Madrid"}, "2026-11-23T11:00:00Z", NOON - timedelta(hours=1)),
        ({"unit": "s"}, 1795431600, NOON - timedelta(hours=1)),
        ({"unit": "ms"}, "1795431600000", NOON - timedelta(hours=1)),
        ({}, 1795431600000, NOON - timedelta(hours=1)),
        ({}, "2026-11-23T12:01:59Z", NOON + timedelta(seconds=119)),
        ({}, None, NOON),
    ],
)
def test_the_machines_clock_is_read(spec: dict[str, Any], raw: Any, expected: datetime) -> None:
    reading = parse({"t": 1, "when": raw}, {"temperature": "t", "timestamp": {"path": "when", **spec}})
    assert (reading.reading_time, reading.quality) == (expected, {})


@pytest.mark.parametrize(
    ("raw", "doubt"),
    [
        ("1970-01-01T00:00:00Z", "bad"),
        ("2000-01-01T00:00:00Z", "bad"),
        ("2026-11-23T13:00:00Z", "uncertain"),
        ("yesterday", "bad"),
        (True, "bad"),
        (1e300, "bad"),
        ("0001-01-01T00:00:00+14:00", "bad"),
        ({}, "bad"),
    ],
)
def test_a_clock_that_cannot_be_right_is_not_believed(raw: Any, doubt: str) -> None:
    reading = parse({"temperature": 1, "timestamp": raw})
    assert (reading.reading_time, reading.quality) == (NOON, {"reading_time": doubt})


def test_the_hour_that_comes_twice_is_taken_the_first_time() -> None:
    moment = parse_moment("2026-10-25T02:30:00", "iso", "Europe/Madrid")
    assert moment is not None
    assert moment.isoformat() == "2026-10-25T00:30:00+00:00"
    assert check_moment(moment, NOON) == (moment, None)
