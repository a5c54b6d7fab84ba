"""From a machine's JSON to a reading: units, words, holes and rubbish."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import CycleStage, DoorStatus, OperationalStatus, Reading, ResponseError
from connectors.mapping import merge_readings, parse_document
from connectors.mapping_settings import DocumentMapping

from .test_reading import NOON


def parse(document: Any, mapping: dict[str, Any] | None = None, **more: Any) -> Reading:
    return parse_document(document, DocumentMapping.model_validate(mapping or {}), received_at=NOON, **more)


def read(spec: dict[str, Any], raw: Any, field: str = "temperature") -> Any:
    """One mapped value, beside one that is always there; (value, quality)."""
    reading = parse({"v": raw, "d": 1}, {"additional_sensors": {"d": "d"}, field: {"path": "v", **spec}})
    return getattr(reading, field), reading.quality.get(field)


@pytest.mark.parametrize(
    ("field", "spec", "raw", "expected"),
    [
        ("temperature", {}, 180, 180.0),
        ("temperature", {"scale": 0.1}, 1855, 185.5),
        ("temperature", {"scale": 0.1, "offset": -40}, 1855, 145.5),
        ("temperature", {"unit": "°F"}, 356, 180.0),
        ("temperature", {"unit": "F", "scale": 0.1}, "3560", 180.0),
        ("temperature", {"unit": "K"}, 453.15, 180.0),
        ("temperature", {}, " 180,5 ", 180.5),
        ("temperature", {}, "-1.8e1", -18.0),
        ("temperature", {}, 0, 0.0),
        ("temperature", {"default": 20}, None, 20.0),
        ("humidity", {"unit": "ratio"}, 0.65, 65.0),
        ("energy_consumption_kwh", {"unit": "Wh"}, 12500, 12.5),
        ("energy_consumption_kwh", {"unit": "MWh"}, 1.5, 1500.0),
        ("energy_consumption_kwh", {"unit": "MJ"}, 36, 10.0),
        ("product_weight", {"unit": "g"}, 850, 0.85),
        ("time_remaining_minutes", {"unit": "s"}, 715, 12),
        ("time_remaining_minutes", {"unit": "h"}, 1.5, 90),
        ("time_remaining_minutes", {"unit": "s"}, 0, 0),
        ("time_remaining_minutes", {"unit": "s"}, -1, None),
        ("cycle_progress_percentage", {}, 100.4, 100.0),
        ("operational_status", {"enum": {"HotAir": "running"}}, "HotAir", OperationalStatus.RUNNING),
        ("operational_status", {"enum": {"HotAir": "running"}}, "HOTAIR", OperationalStatus.RUNNING),
        ("operational_status", {"enum": {"4": "running"}}, 4, OperationalStatus.RUNNING),
        ("operational_status", {"enum": {"4": "running"}}, 4.0, OperationalStatus.RUNNING),
        ("operational_status", {}, "Preheating", OperationalStatus.PREHEATING),
        ("operational_status", {}, "warp drive", OperationalStatus.UNKNOWN),
        ("operational_status", {"default": "off"}, None, OperationalStatus.OFF),
        ("operational_status", {"bit": 1, "enum": {"true": "error", "false": "running"}}, "00000010", "error"),
        ("cycle_stage", {"enum": {"STEP2": "steaming"}}, "step2", CycleStage.STEAMING),
        ("door_status", {"enum": {"true": "open", "false": "closed"}}, False, DoorStatus.CLOSED),
    ],
)
def test_a_value_is_converted(field: str, spec: dict[str, Any], raw: Any, expected: Any) -> None:
    assert read(spec, raw, field) == (expected, None)


@pytest.mark.parametrize(
    "raw",
    [True, "warm", [], {}, [180], float("nan"), float("inf"), 1e300, 10**400, -32768, 9999, "NaN", "1_0", "٣", "--"],
)
def test_a_value_that_cannot_be_right_is_none_and_named(raw: Any) -> None:
    assert read({}, raw) == (None, "bad")


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("humidity", 3000),
        ("humidity", -32.7),
        ("energy_consumption_kwh", -5),
        ("door_status", "ajar"),
        ("cycle_stage", 5),
    ],
)
def test_bounds_and_words_of_other_fields(field: str, raw: Any) -> None:
    assert read({}, raw, field) == (None, "bad")


def test_an_overflow_in_the_settings_is_a_bad_value() -> None:
    assert read({"scale": 1e308}, 1e14) == (None, "bad")


def test_an_unknown_word_is_kept_for_whoever_writes_the_mapping() -> None:
    reading = parse({"operational_status": "BAKE\x00\ud800MODE 9", "temperature": 1})
    assert reading.additional_sensors == {"operational_status_source": "BAKE MODE 9"}


def test_zones_arrays_masks_and_odd_keys() -> None:
    document = {"set_temp": [1500, None, "1600"], "faults": "00000110", 'x-"y"': {"é": 3}, "door": [1, 0]}
    reading = parse(
        document,
        {
            "target_temperature_zones": {f"deck_{i + 1}": {"path": f"set_temp[{i}]", "scale": 0.1} for i in range(4)},
            "additional_sensors": {
                "faults": {"path": "faults", "type": "bits"},
                "overheated": {"path": "faults", "bit": 2},
                "burner": {"path": "faults", "bit": 0},
                "odd": {"path": '"x-\\"y\\""."é"', "scale": 2},
                "fan": {"path": "door[0]", "type": "boolean"},
                "mode": {"path": "door[1]", "enum": {"0": "eco"}},
                "list": "door",
                "number": {"path": "set_temp[2]", "type": "number"},
                "text": {"path": "set_temp[0]", "type": "text"},
                "bad": {"path": "door", "type": "number"},
                "gone": "nowhere.at.all",
            },
        },
    )
    assert reading.target_temperature_zones == {"deck_1": 150.0, "deck_2": None, "deck_3": 160.0, "deck_4": None}
    assert reading.target_temperature == 150.0, "the first deck stands for the oven"
    assert reading.additional_sensors == {
        "faults": 6,
        "overheated": True,
        "burner": False,
        "odd": 6.0,
        "fan": True,
        "mode": "eco",
        "list": [1, 0],
        "number": 1600.0,
        "text": "1500",
        "bad": None,
        "gone": None,
    }
    assert reading.quality == {"additional_sensors.bad": "bad"}


def test_our_own_names_are_taken_as_they_are() -> None:
    reading = parse(
        {
            "equipment_id": "7",
            "timestamp": "2026-11-23T10:30:00Z",
            "temperature": 185.5,
            "temperature_zones": {"cabinet": 180, "core": "72", "": None, "broken": {}},
            "humidity": None,
            "cycle_stage": "baking",
            "time_remaining_minutes": 11.2,
            "gas_pressure": 21.5,
            "nested": {"ignored": 1},
            "additional_sensors": {"program": "Baguette", "blob": {"a": 1}},
            "quality": {"temperature_zones.core": "stale", "temperature": "bad", "humidity": "odd", "x": []},
        }
    )
    assert reading.reading_time == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    assert reading.temperature is None
    assert reading.temperature_zones == {"cabinet": 180.0, "core": 72.0, "unnamed": None, "broken": None}
    assert reading.time_remaining_minutes == 12
    assert reading.additional_sensors == {"gas_pressure": 21.5, "program": "Baguette", "blob": None}
    assert reading.quality == {
        "temperature_zones.core": "stale",
        "temperature": "bad",
        "temperature_zones.broken": "bad",
        "additional_sensors.blob": "bad",
    }


def test_the_first_zone_stands_for_the_oven_only_where_it_says_nothing() -> None:
    assert parse({"temperature_zones": {"core": 70, "deck_1": 220}}).temperature == 220.0
    assert parse({"temperature": 5, "temperature_zones": {"deck_1": 220}}).temperature == 5.0
    assert parse({"temperature": "x", "temperature_zones": {"deck_1": 220}}).temperature is None


def test_a_flood_of_keys_is_cut() -> None:
    reading = parse({"temperature": 1, **{f"k{i}": i for i in range(5000)}})
    assert len(reading.additional_sensors) == 100


def test_a_required_value_that_is_missing_is_an_error_that_lists_what_there_is() -> None:
    mapping = {"temperature": {"path": "deck.top", "required": True}, "humidity": "h"}
    with pytest.raises(ResponseError, match=r"temperature.*Found: h, deck\.bottom") as caught:
        parse({"h": 1, "deck": {"bottom": 3}}, mapping)
    assert caught.value.code == "mapping"
    assert parse({"h": 1, "deck": {"top": 3}}, mapping).temperature == 3.0
    with pytest.raises(ResponseError, match="timestamp"):
        parse({"h": 1}, {"humidity": "h", "timestamp": {"path": "t", "required": True}})


@pytest.mark.parametrize(
    ("document", "mapping", "words"),
    [
        ({}, {}, "Found no keys"),
        ({"temp": 1, "list": [{"a": 1}]}, {}, r"Found: temp, list\[0\]\.a\."),
        ([], {}, "Found no keys"),
        ("text", {}, "not an object"),
        (None, {}, "not an object"),
        ({"a": None, "b": 1}, {"temperature": "a"}, "none of the mapped values"),
    ],
)
def test_an_answer_without_values_says_what_it_holds(document: Any, mapping: dict[str, Any], words: str) -> None:
    with pytest.raises(ResponseError, match=words):
        parse(document, mapping)


def test_root_leads_into_the_document() -> None:
    document = {"data": {"units": [{"id": "1"}, {"id": "2", "temperature": 180}]}}
    assert parse(document, root="data.units[?id=='2'] | [0]").temperature == 180.0
    assert parse(document, {"temperature": "[1].temperature"}, root="data.units").temperature == 180.0
    for root in ("data.nothing", "length(data.units[0].x)"):
        with pytest.raises(ResponseError, match=r"Correct additional_config\.root"):
            parse(document, root=root)


def test_a_state_document_fills_only_what_is_open() -> None:
    first = parse({"temperature": 180, "humidity": "x", "temperature_zones": {"cabinet": 1}})
    state = {"temperature": 5, "humidity": 6, "operational_status": "running", "temperature_zones": {"core": 2}}
    merged = merge_readings(first, parse(state))
    assert (merged.temperature, merged.humidity, merged.operational_status) == (180.0, None, "running")
    assert merged.temperature_zones == {"core": 2.0, "cabinet": 1.0}
    assert merged.quality == {"humidity": "bad"}
    assert parse({"nothing": 1}, partial=True).data_points == 1


def test_an_expression_that_does_not_fit_the_data_is_a_bad_value() -> None:
    for path in ("length(a)", "sum(b)", "nofunction(a)", "sort_by(b, &x)", "avg(a)", "to_number(b)[0].c.d"):
        reading = parse({"a": 5, "b": ["x", 1], "d": "open"}, {"temperature": path, "door_status": "d"})
        assert reading.temperature is None


def test_a_long_name_without_a_letter_is_one_more_without_a_name() -> None:
    document = {"temperature": 180, " " * 65: 1, "temperature_zones": {"\t" * 65: 175}}
    reading = parse_document(document, DocumentMapping(), received_at=NOON)
    assert reading.additional_sensors == {"unnamed": 1}
    assert reading.temperature_zones == {"unnamed": 175.0}
