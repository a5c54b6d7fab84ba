"""Registers to a reading: recorded cases, each rule on its own, and nonsense of every kind."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import CycleStage, OperationalStatus, Reading, ResponseError, parse_config
from connectors.modbus_codec import encode
from connectors.modbus_map import Image, parse_registers
from connectors.modbus_settings import ModbusConfig

from .test_reading import NOON

CASES = sorted((Path(__file__).parent / "cases" / "modbus").iterdir())


def options_of(written: Mapping[str, Any]) -> Any:
    config = parse_config("modbus", {"endpoint": "10.0.0.5", "additional_config": written})
    assert isinstance(config, ModbusConfig)
    return config.additional_config


def image_of(payload: Mapping[str, Mapping[str, list[int]]]) -> Image:
    """{"input": {"20": [1, 2]}} says that input registers 20 and 21 are 1 and 2."""
    return {
        table: {int(start) + place: value for start, values in blocks.items() for place, value in enumerate(values)}
        for table, blocks in payload.items()
    }


def load(case: Path, name: str) -> Any:
    return json.loads((case / name).read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_registers_give_their_reading(case: Path) -> None:
    points = options_of(load(case, "config.json")).make_points()
    reading = parse_registers(image_of(load(case, "payload.json")), points, received_at=NOON)
    expected = load(case, "reading.json")
    assert reading == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


def parse(*points: dict[str, Any], **tables: dict[int, int]) -> Reading:
    """Points of the holding table at address 0, unless they say otherwise."""
    written = [{"address": 0, **point} for point in points]
    return parse_registers(tables, options_of({"points": written}).make_points(), received_at=NOON)


def sensor(point: dict[str, Any], *registers: int) -> Any:
    """What a point makes of the registers, as an additional sensor."""
    reading = parse({"field": "additional_sensors.x", **point}, holding=dict(enumerate(registers)))
    return reading.quality.get("additional_sensors.x") or reading.additional_sensors["x"]


@pytest.mark.parametrize(
    ("point", "registers", "value"),
    [
        ({"type": "bit", "bit": 9}, [0x0200], True),
        ({"type": "bit", "bit": 8}, [0x0200], False),
        ({"type": "uint32", "bit": 17}, [0x0002, 0], True),
        ({"type": "uint16", "mask": "0x00F0", "shift": 4}, [0x0A5C], 5),
        ({"type": "uint16", "shift": 8}, [0x0A5C], 10),
        ({"type": "int16", "mask": 0x8000}, [0x8001], 0x8000),
        ({"type": "uint16", "enum": {"3": "hold"}}, [3], "hold"),
        ({"type": "uint16", "enum": {"3": "hold"}}, [4], "4"),
        ({"type": "int16", "scale": 0.1, "offset": -50}, [2325], 182.5),
        ({"type": "string", "count": 2}, [0x4272, 0x6F74], "Brot"),
        ({"type": "string", "count": 2}, [0x2020, 0x2020], None),
        ({"type": "bcd", "count": 2}, [0x0001, 0x2345], 12345),
        ({"type": "bcd"}, [0x12A4], "bad"),
        ({"type": "float16"}, [0x59CC], 185.5),
        ({"type": "float32"}, [0x7FC0, 0], "bad"),
        ({"type": "float32"}, [0x7F80, 0], "bad"),
        ({"type": "int8_low"}, [0x05FE], -2),
        ({"type": "bool"}, [2], True),
        ({"type": "uint64"}, [0xFFFF] * 4, "bad"),
        ({"type": "int16", "min": -5, "max": 5}, [6], "bad"),
        ({"type": "int16", "min": -5, "max": 5}, [0xFFFA], "bad"),
        ({"type": "int16", "min": -5, "max": 5}, [5], 5),
        ({"type": "int16", "scale": 0.1, "max": 5}, [50], 5.0),
    ],
)
def test_what_a_point_makes_of_its_registers(point: dict[str, Any], registers: list[int], value: Any) -> None:
    assert sensor(point, *registers) == value


@pytest.mark.parametrize(
    ("kind", "nan", "registers"),
    [
        ("int16", [-32768], [0x8000]),
        ("int16", ["0x8000"], [0x8000]),
        ("uint16", [65535], [0xFFFF]),
        ("int32", [-1], [0xFFFF, 0xFFFF]),
        ("float32", ["0x7FC00000"], [0x7FC0, 0]),
        ("float32", ["0xC2C60000"], [0xC2C6, 0]),
        ("uint8_high", [255], [0xFF00]),
        ("bcd", [0x9999], [0x9999]),
    ],
)
def test_a_value_that_says_the_sensor_is_broken_is_bad(kind: str, nan: list[Any], registers: list[int]) -> None:
    assert sensor({"type": kind, "nan": nan}, *registers) == "bad"
    assert sensor({"type": kind, "unknown": nan}, *registers) is None


def test_only_the_whole_value_is_compared() -> None:
    assert sensor({"type": "int32", "nan": [0xFFFF]}, 0xFFFF, 0xFFFF) == -1
    assert sensor({"type": "uint32", "nan": [0x80000000]}, 0x8000, 1) == 0x80000001


@pytest.mark.parametrize(
    ("scale", "held", "value"),
    [
        (9, 1, 232.5),
        (9, 0, 2325),
        ({"address": 9, "meaning": "exponent"}, 0xFFFE, 23.25),
        ({"address": 9, "meaning": "exponent"}, 2, 232500),
        ({"address": 9, "type": "uint8_low"}, 0x0702, 23.25),
        (9, 0x8000, "bad"),
        (9, 99, "bad"),
        ({"address": 9, "table": "input"}, 1, "bad"),
    ],
)
def test_the_decimal_point_may_be_in_another_register(scale: Any, held: int, value: Any) -> None:
    point = {"field": "additional_sensors.x", "type": "int16", "scale_register": scale}
    reading = parse(point, holding={0: 2325, 9: held})
    assert (reading.quality.get("additional_sensors.x") or reading.additional_sensors["x"]) == value


def test_units_are_ours() -> None:
    reading = parse(
        {"field": "temperature", "type": "int16", "unit": "°F"},
        {"field": "energy_consumption_kwh", "type": "uint16", "unit": "Wh", "address": 1},
        {"field": "time_remaining_minutes", "type": "uint16", "unit": "s", "address": 2},
        {"field": "humidity", "type": "float32", "unit": "ratio", "address": 3},
        holding=dict(enumerate([392, 12500, 61, *encode("float32", 0.655)])),
    )
    assert (reading.temperature, reading.energy_consumption_kwh) == (200, 12.5)
    assert (reading.time_remaining_minutes, reading.humidity) == (2, 65.5)


def test_what_no_oven_can_reach_is_bad() -> None:
    reading = parse({"field": "temperature", "type": "int16", "scale": 0.1}, holding={0: 0x8000})
    assert (reading.temperature, reading.quality) == (None, {"temperature": "bad"})


def test_the_first_point_with_something_to_say_counts() -> None:
    fault = {"field": "operational_status", "type": "bit", "bit": 8, "address": 1, "enum": {"true": "error"}}
    mode = {"field": "operational_status", "type": "uint16", "enum": {"6": "running"}}
    for bits, number, status in ((0, 6, "running"), (0x100, 6, "error"), (0x100, 99, "error"), (0, 99, "unknown")):
        reading = parse(fault, mode, holding={0: number, 1: bits})
        assert reading.operational_status == status
        assert reading.additional_sensors == ({"operational_status_source": "99"} if status == "unknown" else {})
    assert parse(fault, mode, holding={0: 6}).operational_status is OperationalStatus.RUNNING


def test_a_second_sensor_stands_in_for_a_broken_one() -> None:
    first, second = ({"field": "temperature", "type": "int16", "address": place, "nan": [-1]} for place in (0, 1))
    assert parse(first, second, holding={0: 0xFFFF, 1: 200}).temperature == 200
    assert parse(first, second, holding={0: 5000, 1: 200}).temperature == 200
    assert parse(first, second, holding={0: 0xFFFF, 1: 0xFFFF}).quality == {"temperature": "bad"}


def test_an_unknown_stage_is_bad_and_its_number_kept() -> None:
    reading = parse({"field": "cycle_stage", "type": "uint16", "enum": {"1": "baking"}}, holding={0: 7})
    assert (reading.cycle_stage, reading.quality) == (None, {"cycle_stage": "bad"})
    assert reading.additional_sensors == {"cycle_stage_source": "7"}
    assert parse({"field": "cycle_stage", "type": "uint16", "enum": {"1": "baking"}}, holding={0: 1}).cycle_stage is (
        CycleStage.BAKING
    )


def test_the_temperature_is_that_of_the_first_zone() -> None:
    zone = {"field": "temperature_zones.deck_1", "type": "int16"}
    assert parse(zone, holding={0: 230}).temperature == 230
    own = {"field": "temperature", "type": "int16", "address": 1}
    assert parse(zone, own, holding={0: 230, 1: 240}).temperature == 240
    assert parse(zone, own, holding={0: 230}).temperature is None


@pytest.mark.parametrize(
    ("registers", "time", "quality"),
    [
        (encode("uint32", NOON.timestamp() - 60), NOON.timestamp() - 60, None),
        (encode("uint32", NOON.timestamp() + 3600), NOON.timestamp(), "uncertain"),
        ([0, 1], NOON.timestamp(), "bad"),
        ([], NOON.timestamp(), "bad"),
    ],
)
def test_a_clock_in_the_machine_is_believed_within_reason(registers: list[int], time: float, quality: Any) -> None:
    clock = {"field": "timestamp", "type": "uint32", "unit": "s", "address": 1}
    reading = parse({"field": "temperature", "type": "int16"}, clock, holding={0: 1, **dict(enumerate(registers, 1))})
    assert reading.reading_time == datetime.fromtimestamp(time, UTC)
    assert reading.quality.get("reading_time") == quality


def test_registers_that_are_not_there_are_bad_and_cost_nothing_else() -> None:
    reading = parse(
        {"field": "temperature", "type": "int16"},
        {"field": "humidity", "type": "float32", "address": 7},
        holding={0: 5, 7: 1},
    )
    assert (reading.temperature, reading.humidity, reading.quality) == (5, None, {"humidity": "bad"})


@pytest.mark.parametrize("tables", [{}, {"holding": {}}])
def test_no_register_at_all_is_no_reading(tables: dict[str, dict[int, int]]) -> None:
    with pytest.raises(ResponseError):
        parse({"field": "temperature", "type": "int16"}, **tables)


KINDS = ["int16", "uint32", "float32", "float64", "int64", "bcd", "uint8_low", "float16", "string", "bool"]
FIELDS = [
    "temperature",
    "temperature_zones.a",
    "humidity",
    "time_remaining_minutes",
    "additional_sensors.b",
    "timestamp",
]
WORDS = ["operational_status", "cycle_stage", "door_status", "additional_sensors.c"]
registers = st.integers(0, 0xFFFF) | st.sampled_from([0, 1, 0x7FC0, 0x7F80, 0x8000, 0xFFFF, 0xFF80])


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(FIELDS + WORDS))
    kind = draw(st.sampled_from(KINDS if field in WORDS else KINDS[:-1]))
    point: dict[str, Any] = {"field": field, "type": kind, "address": draw(st.integers(0, 12))}
    if kind in ("string", "bcd"):
        point["count"] = draw(st.integers(1, 4))
    if field in ("temperature", "humidity", "additional_sensors.b") and kind != "string":
        point |= {"scale": draw(st.floats(-1e300, 1e300)), "offset": draw(st.floats(-1e300, 1e300))}
        point["scale_register"] = {"address": draw(st.integers(0, 12)), "meaning": "exponent"}
        point |= draw(st.sampled_from([{}, {"min": 0}, {"max": 100.5}]))
    if field in ("operational_status", "additional_sensors.c"):
        point["enum"] = {"1": "running", "true": "error"}
    return point


@given(
    st.lists(points(), min_size=1, max_size=8),
    st.dictionaries(st.integers(0, 15), registers, min_size=0, max_size=16),
    st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
)
@settings(max_examples=100, deadline=None)
def test_any_registers_are_a_reading_or_a_response_error(
    written: list[dict[str, Any]], memory: dict[int, int], order: str
) -> None:
    options = options_of({"points": written, "order": order})
    try:
        reading = parse_registers({"holding": memory}, options.make_points(), received_at=NOON)
    except ResponseError:
        return
    json.dumps([reading.additional_sensors, reading.temperature_zones, reading.temperature], allow_nan=False)


@given(st.data(), st.sampled_from(CASES))
@settings(max_examples=100, deadline=None)
def test_recorded_registers_with_damage_are_a_reading_or_a_response_error(data: st.DataObject, case: Path) -> None:
    payload = image_of(load(case, "payload.json"))
    memory = {table: dict(values) for table, values in payload.items()}
    for _ in range(data.draw(st.integers(1, 5))):
        table = data.draw(st.sampled_from(sorted(memory)))
        if not memory[table]:
            continue
        address = data.draw(st.sampled_from(sorted(memory[table])))
        if data.draw(st.booleans()):
            memory[table][address] = data.draw(registers if table in ("input", "holding") else st.integers(0, 1))
        else:
            del memory[table][address]
    try:
        parse_registers(memory, options_of(load(case, "config.json")).make_points(), received_at=NOON)
    except ResponseError:
        assert not any(memory.values())
