"""The physics, without a plan: does it behave like an oven?"""

import pytest

from connectors.simulators.fleet import COMBI, DECK_2, DECK_3, FRIDGE, PROOFER, RACK, SHOP_OVEN
from connectors.simulators.thermal import STEP_SECONDS, Body, Demand, Slot, advance, initial_state, put_in_load

STEPS_A_MINUTE = 60 // STEP_SECONDS


def hold(body: Body, temperature: float | None, **further: object) -> Demand:
    sets = tuple(None if temperature is None else temperature + zone.offset for zone in body.zones)
    return Demand(sets, **further)  # type: ignore[arg-type]


def run(body: Body, state: list[float], demand: Demand, minutes: float) -> list[float]:
    """The air temperature of the first zone after every step."""
    course = []
    for _ in range(round(minutes * STEPS_A_MINUTE)):
        advance(body, state, demand)
        course.append(state[len(body.zones)])
    return course


def warm(body: Body, temperature: float) -> list[float]:
    state = initial_state(body, temperature)
    run(body, state, hold(body, temperature), 120)
    return state


def slot(body: Body, state: list[float], place: int) -> float:
    return state[3 * len(body.zones) + place]


@pytest.mark.parametrize("body", [RACK, DECK_2, DECK_3, COMBI, SHOP_OVEN])
def test_an_oven_heats_from_20_to_230_degrees_in_25_to_35_minutes(body: Body) -> None:
    course = run(body, initial_state(body, 20), hold(body, 230), 60)
    minutes = next(step for step, air in enumerate(course) if air >= 225) / STEPS_A_MINUTE
    assert 22 <= minutes <= 35


def test_it_climbs_by_about_8_kelvin_a_minute() -> None:
    course = run(RACK, initial_state(RACK, 20), hold(RACK, 230), 20)
    assert 7.5 <= (course[15 * STEPS_A_MINUTE] - course[5 * STEPS_A_MINUTE]) / 10 <= 9.5


def test_it_overshoots_a_little_and_then_holds() -> None:
    course = run(RACK, initial_state(RACK, 20), hold(RACK, 230), 90)
    assert 231 < max(course) < 238
    assert all(abs(air - 230) < 1 for air in course[-30 * STEPS_A_MINUTE :])


def test_an_oven_that_is_off_is_cold_the_next_morning() -> None:
    course = run(RACK, warm(RACK, 230), hold(RACK, None), 10 * 60)
    assert course == sorted(course, reverse=True)
    assert 100 < course[60 * STEPS_A_MINUTE] < 180
    assert course[-1] < 30


@pytest.mark.parametrize("body", [RACK, DECK_3])
def test_an_open_door_costs_heat_and_the_oven_recovers(body: Body) -> None:
    state = warm(body, 230)
    before = state[len(body.zones)]
    opened = run(body, state, hold(body, 230, door_open=True), 0.75)
    assert 5 < before - opened[-1] < 45
    closed = run(body, state, hold(body, 230), 10)
    assert abs(closed[-1] - before) < 3


def test_steam_fills_the_chamber_at_once_and_leaves_slowly() -> None:
    state = warm(RACK, 230)
    run(RACK, state, hold(RACK, 230, steam=True, loaded=True), 1.5)
    steamed, boiler = slot(RACK, state, Slot.HUMIDITY), slot(RACK, state, Slot.STEAM)
    assert steamed > 80
    assert boiler < 80
    run(RACK, state, hold(RACK, 230, loaded=True), 4)
    assert 40 < slot(RACK, state, Slot.HUMIDITY) < steamed - 15
    run(RACK, state, hold(RACK, 230, loaded=True), 30)
    assert slot(RACK, state, Slot.HUMIDITY) < 30
    assert slot(RACK, state, Slot.STEAM) == 100


def test_cold_dough_takes_heat_and_its_core_follows_to_just_under_boiling() -> None:
    state = warm(RACK, 230)
    put_in_load(state, 1)
    assert slot(RACK, state, Slot.CORE) < 30
    demand = hold(RACK, 230, loaded=True, soak_minutes=20 * 0.22)
    loaded = run(RACK, state, demand, 5)
    assert 5 < 230 - min(loaded) < 40
    halfway = slot(RACK, state, Slot.CORE)
    run(RACK, state, demand, 15)
    assert 40 < halfway < slot(RACK, state, Slot.CORE)
    assert 93 < slot(RACK, state, Slot.CORE) <= 98


def test_energy_is_power_times_time() -> None:
    state = initial_state(RACK, 20)
    run(RACK, state, hold(RACK, 230), 15)
    assert slot(RACK, state, Slot.ENERGY) == pytest.approx((RACK.rated_kw + RACK.idle_kw) / 4, rel=0.001)
    assert slot(RACK, state, Slot.HOURS) == pytest.approx(0.25)


def test_an_oven_that_is_off_uses_nothing() -> None:
    state = warm(RACK, 230)
    before = slot(RACK, state, Slot.ENERGY), slot(RACK, state, Slot.HOURS)
    run(RACK, state, hold(RACK, None), 60)
    assert (slot(RACK, state, Slot.ENERGY), slot(RACK, state, Slot.HOURS)) == before


def test_baking_costs_more_than_waiting() -> None:
    def used(**further: object) -> float:
        state = warm(RACK, 230)
        before = slot(RACK, state, Slot.ENERGY)
        run(RACK, state, hold(RACK, 230, **further), 20)
        return slot(RACK, state, Slot.ENERGY) - before

    assert used(loaded=True) > 1.4 * used()


def test_with_a_weak_burner_it_stays_warm_and_never_gets_hot() -> None:
    course = run(RACK, warm(RACK, 230), hold(RACK, 230, power_limit=0.12), 12 * 60)
    assert 120 < course[-1] < 190


def test_decks_follow_their_own_targets() -> None:
    state = warm(DECK_2, 230)
    assert state[4:8] == pytest.approx([235, 225, 231, 221], abs=0.5)


def test_a_proofer_holds_35_degrees() -> None:
    course = run(PROOFER, initial_state(PROOFER, 22), hold(PROOFER, 35), 120)
    assert course[-1] == pytest.approx(35, abs=0.5)


def test_a_fridge_is_an_oven_with_negative_power() -> None:
    state = initial_state(FRIDGE, 22)
    course = run(FRIDGE, state, hold(FRIDGE, 4), 6 * 60)
    assert course[-1] == pytest.approx(4, abs=0.5)
    assert slot(FRIDGE, state, Slot.ENERGY) > 0
    opened = run(FRIDGE, state, hold(FRIDGE, 4, door_open=True), 2)
    assert opened[-1] > 5
    assert run(FRIDGE, state, hold(FRIDGE, 4), 60)[-1] == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("body", [RACK, DECK_3])
def test_two_ovens_with_different_pasts_become_alike(body: Body) -> None:
    """The day is integrated once and looked up: that is only right because physics forgets."""
    cold, hot = initial_state(body, 20), initial_state(body, 280)
    for state in (cold, hot):
        run(body, state, hold(body, 230), 5 * 60)
    assert cold[: 2 * len(body.zones)] == pytest.approx(hot[: 2 * len(body.zones)], abs=0.01)
