import json

import pytest

from bench.fleet.documents import document_at
from bench.values import STEP_SECONDS, VALUES, age_of_temperature, numbers_at, place_in_second

NOW = 1_790_000_000.25


@pytest.mark.parametrize("number", [0, 1, 7, 199])
@pytest.mark.parametrize("later", [0.0, 0.4, STEP_SECONDS, 17.3])
def test_a_temperature_says_how_long_ago_it_appeared(number: int, later: float) -> None:
    shown = numbers_at(number, NOW)[0] / 10
    age = age_of_temperature(number, shown, NOW)
    assert 0 <= age < STEP_SECONDS
    assert numbers_at(number, NOW - age + 0.001)[0] / 10 == shown
    assert numbers_at(number, NOW - age - 0.001)[0] / 10 != shown
    assert age_of_temperature(number, shown, NOW + later) == pytest.approx(age + later, abs=1e-5)


def test_a_step_falls_on_the_ovens_own_place_in_the_second() -> None:
    for number in range(20):
        step = NOW - age_of_temperature(number, numbers_at(number, NOW)[0] / 10, NOW)
        assert (step - place_in_second(number) + 0.5) % 1 == pytest.approx(0.5, abs=1e-5)


def test_the_document_has_every_value_under_our_own_names() -> None:
    document = json.loads(document_at(3, NOW, b',"timestamp":1'))
    zones = document.pop("temperature_zones")
    names = {*document, *(f"temperature_zones.{zone}" for zone in zones)}
    assert names == {value.field for value in VALUES} | {"timestamp"}
    assert document["temperature"] == numbers_at(3, NOW)[0] / 10
