"""The guide's REST configuration by our contract: recorded answers and rubbish. Dialogues are in test_cloud.py."""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from connectors import Reading, ResponseError
from connectors.cloud import CloudOptions
from connectors.rational_rest import MODES, parse_unit

from .mutations import anything, assert_sound, damaged
from .test_reading import NOON

CASES = sorted((Path(__file__).parent / "cases" / "rational").iterdir())
PAYLOADS = [json.loads((case / "payload.json").read_text()) for case in CASES]


def parse(document: Any, **given: Any) -> Reading:
    return parse_unit(document, CloudOptions(**given), received_at=NOON)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_answer_gives_its_reading(case: Path) -> None:
    reading = parse(json.loads((case / "payload.json").read_text()))
    expected = json.loads((case / "reading.json").read_text())
    assert reading == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


@given(anything | damaged(*PAYLOADS))
@settings(max_examples=100, deadline=None)
def test_rubbish_is_a_reading_or_a_response_error(document: Any) -> None:
    with suppress(ResponseError):
        assert_sound(parse(document))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_opc_30200_has_a_meaning(mode: str) -> None:
    reading = parse({"mode": mode.upper()})
    assert (reading.operational_status, reading.cycle_stage) == MODES[mode]


def test_a_mode_nobody_knows_is_unknown_and_kept_and_can_be_set() -> None:
    reading = parse({"mode": "Smoking"})
    assert (reading.operational_status, reading.cycle_stage) == ("unknown", None)
    assert reading.additional_sensors == {"operational_status_source": "Smoking"}
    assert parse({"mode": "Smoking"}, states={"Smoking": "running"}).operational_status == "running"


def test_cleaning_counts_before_a_mode_at_rest_and_not_before_a_bake() -> None:
    for mode, status in (("StandBy", "cleaning"), (None, "cleaning"), ("HotAir", "running"), ("Error", "error")):
        assert parse({"mode": mode, "cleaning": {"active": True}}).operational_status == status


@pytest.mark.parametrize("document", [{}, [], None, "x", {"items": []}])
def test_an_answer_of_another_kind_names_what_it_holds(document: Any) -> None:
    with pytest.raises(ResponseError, match="Found") as caught:
        parse(document)
    assert caught.value.code == "mapping"
