"""HACCP batches and programmes from JSON, whatever its keys are called."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from connectors import ResponseError
from connectors.rational_record_shapes import clean_json, list_items, parse_haccps, parse_programmes

from .mutations import anything, damaged

BATCH = {
    "id": 8001,
    "groupId": 1,
    "groupName": "Panadería del Sol",
    "haccpId": "210",
    "name": "Roast",
    "applicationVersion": "LM100-11.2.3",
    "expertScriptVersion": 7.4,
    "startDate": "2026-11-22T05:30:00+01:00",
    "temperatureUnit": "F",
    "imageUrl": None,
    "deviceName": "Combi 10",
    "deviceSerialNumber": "E11SI2512",
    "finished": False,
    "totalTime": 1800,
    "coreTemperatureReached": False,
    "updatedAt": "2026-11-22T06:00:00Z",
    "entries": [{"date": "2026-11-22T04:30:00Z", "cabinet": 356}],
}
# From the public page, whose example says "simulated" where its description says "status".
PROGRAMME = {
    "id": 11,
    "uuid": "e504fa7b-bfc0-46d0-ba33-3de7395d8493",
    "name": "My little program",
    "type": "INTELLIGENT",
    "groupId": 1,
    "deviceFamilyId": 1,
    "simulated": "review",
}


def test_a_batch_with_all_its_values() -> None:
    (batch,) = parse_haccps([BATCH])
    assert (batch.batch_id, batch.serial_number, batch.name) == ("210", "E11SI2512", "Roast")
    assert (batch.group_name, batch.device_name, batch.temperature_unit) == ("Panadería del Sol", "Combi 10", "F")
    assert batch.started_at == datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
    assert batch.updated_at == datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert (batch.finished, batch.core_temperature_reached, batch.total_seconds) == (False, False, 1800)
    assert batch.software_versions == {"applicationVersion": "LM100-11.2.3", "expertScriptVersion": "7.4"}
    assert batch.document == BATCH


def test_what_is_not_there_is_unknown() -> None:
    (batch,) = parse_haccps([{"id": 5}])
    assert batch.batch_id == "5"
    assert (batch.started_at, batch.finished, batch.core_temperature_reached, batch.total_seconds) == (None,) * 4
    assert (batch.name, batch.serial_number, batch.temperature_unit, batch.software_versions) == ("", "", "", {})


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("totalTime", -1, "total_seconds", None),
        ("totalTime", 2**40, "total_seconds", None),
        ("totalTime", "61,5", "total_seconds", 62),
        ("finished", "True", "finished", True),
        ("finished", 1, "finished", None),
        ("startDate", "yesterday", "started_at", None),
        ("startDate", 1736677800000, "started_at", datetime(2025, 1, 12, 10, 30, tzinfo=UTC)),
        ("temperatureUnit", "°C", "temperature_unit", "C"),
        ("temperatureUnit", "K", "temperature_unit", ""),
        ("name", {"de": "Braten"}, "name", ""),
        ("name", "x" * 500, "name", "x" * 200),
        ("haccpId", "x" * 101, "batch_id", ""),
        ("haccpId", "", "batch_id", "8001"),
    ],
)
def test_values_that_cannot_be_right_are_unknown(key: str, value: Any, name: str, expected: Any) -> None:
    found = parse_haccps([{**BATCH, key: value}, {"id": "sound"}])
    assert getattr(found[0], name) == expected if expected != "" or name != "batch_id" else found[0].batch_id == "sound"


def test_the_settings_say_where_a_value_is() -> None:
    item = {"charge": {"nr": 7}, "id": 1, "device": {"serialNumber": "S"}, "coreOk": True}
    (batch,) = parse_haccps([item], {"batch_id": "charge.nr", "core_temperature_reached": "coreOk"})
    assert (batch.batch_id, batch.serial_number, batch.core_temperature_reached) == ("7", "S", True)


def test_the_same_batch_twice_is_one_and_another_devices_is_not() -> None:
    items = [BATCH, {**BATCH, "finished": True}, {**BATCH, "deviceSerialNumber": "other"}]
    assert [(batch.serial_number, batch.finished) for batch in parse_haccps(items)] == [
        ("E11SI2512", True),
        ("other", False),
    ]


def test_items_without_any_id_say_what_to_set() -> None:
    assert parse_haccps([]) == ()
    with pytest.raises(ResponseError, match=r"Found: batch.*haccp\.fields"):
        parse_haccps([{"batch": 1}])
    with pytest.raises(ResponseError, match="Found: nr"):
        parse_programmes([{"nr": 1}])


def test_a_programme() -> None:
    (programme,) = parse_programmes([PROGRAMME])
    assert (programme.programme_id, programme.uuid) == ("11", "e504fa7b-bfc0-46d0-ba33-3de7395d8493")
    assert (programme.name, programme.kind, programme.status) == ("My little program", "INTELLIGENT", "review")
    assert (programme.group, programme.device_family) == ("1", "1")
    assert programme.document == PROGRAMME


def test_a_page_is_a_list_or_holds_one() -> None:
    assert list_items([{"id": 1}, "x", None]) == [{"id": 1}]
    assert list_items({"content": [{"id": 1}], "total": 1}) == [{"id": 1}]
    for document in (None, {}, {"items": 5}, "x"):
        with pytest.raises(ResponseError, match="not with a list"):
            list_items(document)


def test_what_the_database_refuses_is_taken_out() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    cleaned = clean_json({"a\0": "b\0\ud800", "n": float("nan"), "deep": deep, "kept": [1, 1.5, True, None]})
    assert cleaned["a�"] == "b��"
    assert (cleaned["n"], cleaned["kept"]) == (None, [1, 1.5, True, None])


@given(anything | damaged([BATCH, {"id": 2}], {"items": [PROGRAMME, PROGRAMME]}))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_records_or_a_response_error(document: Any) -> None:
    with suppress(ResponseError):
        items = list_items(document)
        for parse in (parse_haccps, parse_programmes):
            with suppress(ResponseError):
                parse(items)
