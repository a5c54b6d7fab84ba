"""Wachtel REMOTE by our contract: recorded answers, rubbish, and whole dialogues with the simulated cloud."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from connectors import Reading, ResponseError, create_connector, parse_config
from connectors.simulators.served import make_ovens
from connectors.simulators.wachtel import WachtelOvens
from connectors.wachtel import WachtelConfig, WachtelConnector, WachtelOptions, parse_status

from .machines import LOOPBACK
from .mutations import anything, assert_sound, damaged
from .test_reading import NOON

CASES = sorted((Path(__file__).parent / "cases" / "wachtel").iterdir())
PAYLOADS = [json.loads((case / "payload.json").read_text()) for case in CASES]


def options(**given: Any) -> WachtelOptions:
    config = {"endpoint": "https://h", "credentials": {"username": "u", "password": "p"}}
    parsed = parse_config("wachtel", {**config, "additional_config": {"oven_id": "W-2207", **given}})
    assert isinstance(parsed, WachtelConfig)
    return parsed.additional_config


def parse(document: Any, **given: Any) -> Reading:
    return parse_status(document, options(**given), received_at=NOON)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_answer_gives_its_reading(case: Path) -> None:
    given = json.loads((case / "config.json").read_text()) if (case / "config.json").exists() else {}
    reading = parse(json.loads((case / "payload.json").read_text()), **given)
    expected = json.loads((case / "reading.json").read_text())
    assert reading == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


@given(anything | damaged(*PAYLOADS))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_a_reading_or_a_response_error(document: Any) -> None:
    with suppress(ResponseError):
        assert_sound(parse(document))


@pytest.mark.parametrize(
    ("state", "status", "stage"),
    [
        ("OFF", "off", "none"),
        ("HEATING", "preheating", "preheating"),
        ("READY", "idle", "none"),
        ("BAKING", "running", "baking"),
        ("ECO", "standby", "none"),
        ("CLEANING", "cleaning", "cleaning"),
        ("FAULT", "error", "none"),
        ("baking", "running", "baking"),
        ("KUEHLEN", "cooling", "cooling"),
        ("SELFTEST", "unknown", None),
    ],
)
def test_words_of_state(state: str, status: str, stage: str | None) -> None:
    reading = parse({"state": state, "decks": []}, states={"KUEHLEN": "cooling"})
    assert (reading.operational_status, reading.cycle_stage) == (status, stage)
    assert reading.additional_sensors.get("operational_status_source") == (state if status == "unknown" else None)


def test_a_deck_that_steams_is_a_stage_of_its_own() -> None:
    deck = {"no": 1, "steam": True, "secondsSet": 600, "secondsLeft": 300}
    assert parse({"state": "BAKING", "decks": [deck]}).cycle_stage == "steaming"


def test_the_deck_that_is_ready_first_is_the_one_that_counts() -> None:
    decks = [{"no": n, "secondsSet": 1000, "secondsLeft": left} for n, left in ((1, 0), (2, 500), (3, 250), (4, -1))]
    reading = parse({"state": "BAKING", "decks": decks})
    assert (reading.time_remaining_minutes, reading.cycle_progress_percentage) == (5, 75.0)


def test_decks_keep_their_own_numbers_and_get_free_ones_where_these_are_missing_or_given_twice() -> None:
    decks = [{"no": 3, "top": 3}, {"no": 3, "top": 2}, {"top": 1}, {"no": "x", "top": 4}, "no deck"]
    zones = parse({"decks": decks}).temperature_zones
    assert {name: value for name, value in zones.items() if name.endswith("_top")} == {
        "deck_3_top": 3.0, "deck_2_top": 2.0, "deck_4_top": 1.0, "deck_5_top": 4.0
    }  # fmt: skip


def test_the_setting_decides_on_fahrenheit_where_the_answer_does_not_say() -> None:
    document = {"decks": [{"no": 1, "top": 446}]}
    assert parse(document).temperature == 446.0
    assert parse(document, temperature_unit="F").temperature == 230.0
    assert parse({**document, "temperatureUnit": "F"}, temperature_unit="C").temperature == 446.0


@pytest.mark.parametrize("document", [{}, [], None, "x", {"error": "unknown"}])
def test_an_answer_of_another_kind_names_what_it_holds(document: Any) -> None:
    with pytest.raises(ResponseError, match="Found") as caught:
        parse(document)
    assert caught.value.code == "mapping"


@pytest.fixture
async def cloud() -> AsyncIterator[WachtelOvens]:
    async with WachtelOvens(make_ovens()) as cloud:
        yield cloud


def connect(cloud: WachtelOvens, key: str = "sol-2", **changes: Any) -> WachtelConnector:
    config = cloud.settings(key)
    config["additional_config"] |= changes
    connector = create_connector("wachtel_remote", "oven-7", config, policy=LOOPBACK)
    assert isinstance(connector, WachtelConnector)
    return connector


@pytest.mark.parametrize("fahrenheit", [False, True])
async def test_the_simulated_oven_reads_as_it_is(cloud: WachtelOvens, fahrenheit: bool) -> None:
    cloud.fahrenheit = fahrenheit
    for key, oven in cloud.ovens.items():
        async with connect(cloud, key) as connector:
            reading = await connector.get_current_reading()
        real = oven.oven.read(reading.reading_time)
        assert reading.temperature == pytest.approx(real.temperature, abs=0.11)
        for name, value in real.temperature_zones.items():
            assert reading.temperature_zones[name] == pytest.approx(value, abs=0.11)
        for field in ("time_remaining_minutes", "energy_consumption_kwh", "door_status"):
            assert getattr(reading, field) == getattr(real, field)
        assert reading.cycle_progress_percentage == pytest.approx(real.cycle_progress_percentage, abs=0.11)
        assert reading.additional_sensors["operating_hours"] == real.additional_sensors["operating_hours"]


async def test_another_number_of_decks_is_a_remark_and_not_a_failure(cloud: WachtelOvens) -> None:
    result = await connect(cloud, deck_count=2).test_connection()
    assert result.success
    assert "The oven reports 3 decks, and deck_count is 2." in result.message
    assert "unverified with the manufacturer" in result.message
    assert "deck_count" not in (await connect(cloud).test_connection()).message


async def test_capabilities_promise_what_came(cloud: WachtelOvens) -> None:
    found = await connect(cloud).get_capabilities()
    assert found.supports_energy_monitoring
    assert not found.supports_humidity
    assert not found.supports_remote_control
    assert "deck_3_bottom" in found.temperature_zones
