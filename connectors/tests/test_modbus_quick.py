"""The short way from registers to values gives what the long one gives, or nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import create_connector, parse_config
from connectors.modbus_map import RegisterMap
from connectors.modbus_wire import Request, find_registers, quick_frame
from connectors.reading import Reading

from .registers import frame

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
POINTS: list[dict[str, Any]] = [
    {"field": "temperature", "address": 0, "type": "int16", "scale": 0.1, "nan": [-32768]},
    {"field": "target_temperature", "address": 1, "type": "uint16", "unit": "°F"},
    {"field": "temperature_zones.top", "address": 2, "type": "int32", "scale": 0.01, "unknown": [0]},
    {"field": "temperature_zones.low", "address": 2, "type": "int32", "order": "CDAB", "offset": -40},
    {"field": "humidity", "address": 4, "type": "uint16", "unit": "ratio", "scale": 0.001},
    {"field": "energy_consumption_kwh", "address": 2, "type": "uint32", "unit": "Wh"},
    {"field": "cycle_progress_percentage", "address": 5, "type": "int16"},
    {"field": "time_remaining_minutes", "address": 6, "type": "int16", "unit": "s"},
    {"field": "operational_status", "address": 7, "type": "uint16", "enum": {"1": "idle", "2": "running"}},
    {"field": "door_status", "address": 7, "type": "bit", "bit": 1, "enum": {"true": "open", "false": "closed"}},
    {"field": "steam_level", "address": 5, "type": "uint16", "min": 5, "max": 90},
    {"field": "product_weight", "address": 0, "type": "int16", "order": "BADC"},
]
options: Any = parse_config(
    "modbus",
    {
        "endpoint": "machine",
        "additional_config": {"points": [{"table": "holding", **point} for point in POINTS]},
    },
).additional_config
points = options.make_points()
REGISTER = st.one_of(st.integers(0, 0xFFFF), st.integers(0, 300), st.sampled_from([0x7FFF, 0x8000, 0xFFFF]))


def look_closer(image: dict[str, dict[int, int]]) -> Reading:
    whole = RegisterMap(points)
    for field, *_ in whole._fields:
        field._words = None
    whole._fields = [(field, None, table, name, key) for field, _, table, name, key in whole._fields]
    return whole.parse(image, received_at=NOON)


@given(st.lists(st.lists(REGISTER, min_size=8, max_size=8), min_size=1, max_size=4))
def test_both_ways_lead_to_the_same_reading(answers: list[list[int]]) -> None:
    quick = RegisterMap(points)
    for registers in answers:
        image = {"holding": dict(enumerate(registers))}
        reading, closer = quick.parse(image, received_at=NOON), look_closer(image)
        assert reading == closer
        assert repr(reading) == repr(closer)  # 45 and 45.0 are equal, but are not stored alike


def test_registers_that_are_not_there_are_left_to_the_long_way() -> None:
    image = {"holding": {0: 2000}}
    assert RegisterMap(points).parse(image, received_at=NOON) == look_closer(image)


@pytest.mark.parametrize("table", ["holding", "input"])
def test_a_plain_answer_is_taken_as_it_is(table: Any) -> None:
    request, function = Request(3, table, 20, 2), {"holding": 3, "input": 4}[table]
    answer = frame(7, 3, bytes([function]) + bytes.fromhex("04 1234 5678"))
    assert find_registers(request, 7, answer) == [0x1234, 0x5678]
    for spoilt in (answer[:-1], answer + b"\0", b"\1" + answer[1:], answer[:6] + b"\4" + answer[7:]):
        assert find_registers(request, 7, spoilt) is None


def test_a_question_has_the_bytes_of_the_specification() -> None:
    assert quick_frame(Request(3, "input", 20, 2), 7) == bytes.fromhex("0007 0000 0006 03 04 0014 0002")


def test_machines_of_one_model_share_what_their_registers_mean() -> None:
    def map_of(unit_id: int, scale: float) -> RegisterMap:
        points = [{"field": "temperature", "table": "input", "address": 0, "type": "int16", "scale": scale}]
        config = {"endpoint": "10.0.0.5", "additional_config": {"unit_id": unit_id, "points": points}}
        connector: Any = create_connector("modbus", "an-oven", config)
        maps.append(connector._map)  # or it would be gone, and its place taken by the next
        return maps[-1]

    maps: list[RegisterMap] = []
    assert map_of(1, 0.1) is map_of(2, 0.1)
    assert map_of(1, 0.1) is not map_of(1, 1)
