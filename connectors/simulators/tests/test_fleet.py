"""The demo's cast: whenever it starts it is in the middle of a working day, and it stays alive."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.reading import VALUE_FIELDS, OperationalStatus, Reading
from connectors.simulators.fleet import BAKERIES, FLEET, OvenSpec
from connectors.simulators.simulated import SimulatedOven

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.floats(0, 6 * 366).map(lambda days: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days))


def read_all(epoch: datetime, moment: datetime) -> dict[str, Reading]:
    return {spec.key: SimulatedOven(spec, epoch).read(moment) for spec in FLEET}


def count(readings: dict[str, Reading]) -> Counter[OperationalStatus | None]:
    return Counter(reading.operational_status for reading in readings.values())


def test_there_are_twelve_ovens_in_three_bakeries_in_two_time_zones() -> None:
    assert len(FLEET) == len({spec.key for spec in FLEET}) == 12
    assert {spec.bakery for spec in FLEET} == set(BAKERIES)
    assert len(BAKERIES) == 3
    assert {bakery.time_zone for bakery in BAKERIES} == {"Europe/Madrid", "Atlantic/Canary"}
    for bakery in BAKERIES:
        names = [spec.name for spec in FLEET if spec.bakery is bakery]
        assert len(names) == len(set(names)) == 4


@given(start=MOMENTS)
@settings(max_examples=25, deadline=None)
def test_at_any_start_all_are_in_mid_life(start: datetime) -> None:
    readings = read_all(start, start)
    states = count(readings)
    assert states[OperationalStatus.RUNNING] >= 7
    assert states[OperationalStatus.PREHEATING] == 1
    assert states[OperationalStatus.OFF] == 1
    assert states[OperationalStatus.ERROR] == 1
    assert states[OperationalStatus.IDLE] >= 1
    cold = next(r for r in readings.values() if r.operational_status is OperationalStatus.OFF)
    faulty = next(r for r in readings.values() if r.operational_status is OperationalStatus.ERROR)
    heating = next(r for r in readings.values() if r.operational_status is OperationalStatus.PREHEATING)
    assert (cold.temperature or 0) < 60
    assert 120 < (faulty.temperature or 0) < 200 and "alarm" in faulty.additional_sensors
    assert (heating.temperature or 0) < (heating.target_temperature or 0) - 60
    baking = [r for r in readings.values() if r.operational_status is OperationalStatus.RUNNING]
    progress = sorted(reading.cycle_progress_percentage or 0 for reading in baking)
    assert progress[0] < 25 and progress[-1] > 75
    assert min(b - a for a, b in pairwise(progress)) > 2


@given(start=MOMENTS, hours=st.floats(0, 24 * 60))
@settings(max_examples=25, deadline=None)
def test_hours_and_weeks_later_it_is_still_alive(start: datetime, hours: float) -> None:
    """Loads end together by chance, so a single moment may find nearly all doors open; an hour does not."""
    ovens = [SimulatedOven(spec, start) for spec in FLEET]
    moments = [start + timedelta(hours=hours, minutes=minute) for minute in range(0, 60, 5)]
    hour = [Counter(oven.read(moment).operational_status for oven in ovens) for moment in moments]
    assert sum(states[OperationalStatus.RUNNING] for states in hour) / len(hour) >= 3
    assert all(states[OperationalStatus.ERROR] == 1 and not states[OperationalStatus.UNKNOWN] for states in hour)


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: spec.key)
def test_every_oven_tells_twelve_values_or_more(spec: OvenSpec) -> None:
    reading = SimulatedOven(spec, NOON).read(NOON)
    given_values = [name for name in VALUE_FIELDS if getattr(reading, name) is not None]
    if reading.operational_status is OperationalStatus.RUNNING:
        assert set(given_values) == set(VALUE_FIELDS)
    assert reading.data_points >= 10
    assert reading.temperature_zones


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: spec.key)
def test_a_day_is_plausible_from_end_to_end(spec: OvenSpec) -> None:
    oven = SimulatedOven(spec, NOON)
    readings = [oven.read(NOON + timedelta(minutes=minute)) for minute in range(24 * 60)]
    energy = [reading.energy_consumption_kwh or 0 for reading in readings]
    assert energy == sorted(energy)
    assert 20 < energy[-1] - energy[0] < 1000
    for reading in readings:
        assert all(15 < (value or 0) < 290 for value in reading.temperature_zones.values())
        assert 0 <= (reading.humidity or 0) <= 100
        assert 0 <= (reading.steam_level or 0) <= 100
        assert (reading.time_remaining_minutes or 0) <= 60
    baking = [r for r in readings if r.operational_status is OperationalStatus.RUNNING]
    off_target = [abs((r.temperature or 0) - (r.target_temperature or 0)) for r in baking]
    assert not baking or sum(off_target) / len(off_target) < 12


def test_the_oven_with_opening_hours_keeps_them_in_its_own_time_zone() -> None:
    spec = next(spec for spec in FLEET if spec.keeps_hours)
    oven = SimulatedOven(spec, datetime(2026, 10, 20, 18, tzinfo=UTC))
    opens = []
    for day in range(10):  # the clocks change on the 25th
        moments = [datetime(2026, 10, 20 + day, tzinfo=UTC) + timedelta(minutes=5 * step) for step in range(288)]
        states = [oven.read(moment).operational_status for moment in moments]
        assert {OperationalStatus.OFF, OperationalStatus.RUNNING} <= set(states)
        for (_, before), (moment, after) in pairwise(zip(moments, states, strict=True)):
            if before is OperationalStatus.OFF and after is OperationalStatus.PREHEATING:
                opens.append(moment.astimezone(ZoneInfo(spec.bakery.time_zone)))
    assert len({(moment.hour, moment.minute) for moment in opens}) == 1
    ready = oven.read(opens[0].astimezone(UTC) + timedelta(minutes=38))
    assert ready.operational_status is OperationalStatus.IDLE


def test_the_same_epoch_gives_the_same_life() -> None:
    moment = NOON + timedelta(hours=31, seconds=7)
    assert read_all(NOON, moment) == read_all(NOON, moment)
    assert read_all(NOON, moment) != read_all(NOON + timedelta(minutes=3), moment)


def test_loads_of_the_last_day_are_known() -> None:
    for spec in FLEET:
        loads = SimulatedOven(spec, NOON).loads_between(NOON - timedelta(days=1), NOON)
        bakes = spec.start.status is not OperationalStatus.ERROR
        assert (len(loads) > 10) == bakes
        assert all(load.minutes * 60 == (load.ended_at - load.started_at).total_seconds() for load in loads)
