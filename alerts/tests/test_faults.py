"""What stands in an alert when a machine names its fault."""

from typing import Any

import pytest

from alerts.faults import describe_fault
from alerts.models import FaultCode
from connectors import OperationalStatus
from connectors.preset import Fault, find_preset
from connectors.reading import Reading
from connectors.tests.test_reading import NOON
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment

pytestmark = pytest.mark.django_db


def reading(code: Any) -> Reading:
    sensors = {"error_code": code}
    return Reading(reading_time=NOON, operational_status=OperationalStatus.ERROR, additional_sensors=sensors)


def make_oven(**values: Any) -> Equipment:
    return make_equipment(make_bakery(), manufacturer="Wachtel", preset="wachtel_deck_oven", **values)


def enter(meaning: str, **values: Any) -> None:
    FaultCode.objects.create(**{"code": "E12", "meaning": meaning, "what_to_do": "Call the service.", **values})


def test_what_people_entered_is_said_with_the_code() -> None:
    oven = make_oven()
    enter("The burner does not light.", bakery=oven.bakery, manufacturer="wachtel")
    assert describe_fault(reading("e12"), oven) == "The burner does not light. Call the service. (Code e12)"


def test_the_narrower_row_wins_and_rows_of_others_say_nothing() -> None:
    oven = make_oven()
    enter("Of another bakery.", bakery=make_bakery())
    enter("Of another maker.", bakery=oven.bakery, manufacturer="Miwe")
    assert "Look it up" in describe_fault(reading("E12"), oven)
    for meaning, place in (
        ("Anywhere.", {}),
        ("Of the maker.", {"manufacturer": "Wachtel"}),
        ("Here.", {"bakery": oven.bakery}),
        ("Here, of the maker.", {"bakery": oven.bakery, "manufacturer": "Wachtel"}),
    ):
        enter(meaning, **place)
        assert describe_fault(reading("E12"), oven).startswith(meaning)


def test_the_template_knows_what_nobody_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    oven = make_oven()
    preset: Any = find_preset(oven.preset)
    known = preset.model_copy(update={"faults": {"7": Fault(meaning="The fan stands.", what_to_do="Switch it off.")}})
    monkeypatch.setattr("alerts.faults.find_preset", lambda key: known)
    assert describe_fault(reading(7), oven) == "The fan stands. Switch it off. (Code 7)"


def test_a_machine_that_only_says_that_something_is_wrong() -> None:
    bare = Reading(reading_time=NOON, operational_status=OperationalStatus.ERROR)
    assert describe_fault(bare, make_oven()) == ""
