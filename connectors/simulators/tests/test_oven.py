"""One oven through its day: lookup, determinism, faults that are set at run time."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import cycle, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading
from connectors.simulators import products
from connectors.simulators.day_writer import DayWriter
from connectors.simulators.fleet import RACK
from connectors.simulators.oven import Oven, PhysicalFault
from connectors.simulators.plan import DAY_SECONDS, RollingDay, ShopDay, shop_that_is_closed
from connectors.simulators.sensors import measure, noise
from connectors.simulators.thermal import Slot

ANCHOR = datetime(2026, 3, 2, 4, tzinfo=UTC).timestamp()
PROGRAMMES = (products.BAGUETTE, products.COUNTRY_BREAD)


def make_oven(anchor: float = ANCHOR) -> Oven:
    writer = DayWriter(RACK.zones, seed=7, convection=True)
    writer.off(180)
    writer.ready(40, 245)
    writer.bake_in_turn(cycle(PROGRAMMES), DAY_SECONDS)
    return Oven(RACK, writer.plan(), RollingDay(anchor), meter_kwh=1000, first_load=120)


def read(oven: Oven, moment: float) -> Reading:
    return measure(RACK, oven.state_at(moment), seed=7)


def first_bake(oven: Oven) -> float:
    return ANCHOR + oven.plan.bakes[0].start


def test_a_bake_goes_through_its_stages() -> None:
    oven = make_oven()
    start, bake = first_bake(oven), oven.plan.bakes[0]
    readings = [read(oven, start + second) for second in range(0, bake.seconds, 10)]
    stages = list(dict.fromkeys(reading.cycle_stage for reading in readings))
    assert stages == [CycleStage.STEAMING, CycleStage.BAKING, CycleStage.RESTING]
    assert {reading.operational_status for reading in readings} == {OperationalStatus.RUNNING}
    progress = [reading.cycle_progress_percentage or 0 for reading in readings]
    left = [reading.time_remaining_minutes or 0 for reading in readings]
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] > 98
    assert left == sorted(left, reverse=True) and left[0] == 20 and left[-1] == 1
    assert {reading.target_temperature for reading in readings} == {245, 235, 225}
    assert max(reading.humidity or 0 for reading in readings) > 80
    weights = [reading.product_weight or 0 for reading in readings]
    assert weights[0] == 36 and weights[-1] == pytest.approx(36 * 0.88, abs=0.2)


def test_the_door_opens_to_load_and_to_unload() -> None:
    oven = make_oven()
    start, bake = first_bake(oven), oven.plan.bakes[0]
    assert read(oven, start - 10).door_status is DoorStatus.OPEN
    assert read(oven, start + 10).door_status is DoorStatus.CLOSED
    unloading = read(oven, start + bake.seconds + 10)
    assert (unloading.door_status, unloading.cycle_stage) == (DoorStatus.OPEN, CycleStage.FINISHED)
    assert (unloading.cycle_progress_percentage, unloading.time_remaining_minutes) == (100, 0)
    assert unloading.motor_speed == 0


def test_heating_up_is_told_until_the_target_is_reached() -> None:
    oven = make_oven()
    heating, ready = read(oven, ANCHOR + 190 * 60), read(oven, ANCHOR + 215 * 60)
    assert heating.operational_status is OperationalStatus.PREHEATING
    assert heating.cycle_stage is CycleStage.PREHEATING
    assert ready.operational_status is OperationalStatus.IDLE
    assert ready.temperature == pytest.approx(245, abs=4)


def test_an_oven_that_is_off_has_no_target() -> None:
    reading = read(make_oven(), ANCHOR + 3600)
    assert reading.operational_status is OperationalStatus.OFF
    assert reading.target_temperature is None
    assert reading.target_temperature_zones == {}
    assert reading.temperature is not None and reading.temperature > 30


def test_it_does_not_matter_how_often_it_is_asked() -> None:
    often, seldom = make_oven(), make_oven()
    start = first_bake(often) - 300
    every_second = {second: read(often, start + second) for second in range(0, 1800)}
    every_minute = {second: read(seldom, start + second) for second in range(0, 1800, 60)}
    assert every_minute == {second: every_second[second] for second in every_minute}


@pytest.mark.parametrize("fault", [PhysicalFault.DOOR_OPEN, PhysicalFault.BURNER_FAULT])
def test_nor_while_something_is_broken(fault: PhysicalFault) -> None:
    often, seldom = make_oven(), make_oven()
    start = first_bake(often) + 123.4
    for oven in (often, seldom):
        oven.set_fault(fault, start)
    every_second = [read(often, start + second) for second in range(0, 601)]
    every_minute = [read(seldom, start + second) for second in range(0, 601, 60)]
    assert every_minute == every_second[::60]


def test_values_are_smooth_from_second_to_second() -> None:
    oven = make_oven()
    readings = [read(oven, ANCHOR + 12 * 3600 + second) for second in range(3600)]
    assert all(abs((a.temperature or 0) - (b.temperature or 0)) < 2 for a, b in pairwise(readings))


def test_a_day_joins_the_next_one_without_a_jump() -> None:
    oven = make_oven()
    before = oven.state_at(ANCHOR + DAY_SECONDS - 0.01).values
    after = oven.state_at(ANCHOR + DAY_SECONDS).values
    assert after == pytest.approx(before, abs=0.3)


def test_energy_and_hours_only_grow_also_over_midnight_and_before_the_beginning() -> None:
    oven = make_oven()
    readings = [read(oven, ANCHOR + minute * 60) for minute in range(-2 * 1440, 2 * 1440, 7)]
    energy = [reading.energy_consumption_kwh or 0 for reading in readings]
    hours = [reading.additional_sensors["operating_hours"] for reading in readings]
    assert energy == sorted(energy) and energy[-1] > energy[0] + 500
    assert hours == sorted(hours)


def test_a_month_later_it_answers_at_once_and_goes_on_the_same_way() -> None:
    oven = make_oven()
    now, later = read(oven, ANCHOR + 50_000), read(oven, ANCHOR + 50_000 + 30 * DAY_SECONDS)
    assert later.operational_status == now.operational_status
    assert later.temperature == pytest.approx(now.temperature, abs=2)
    assert (later.energy_consumption_kwh or 0) - (now.energy_consumption_kwh or 0) > 30 * 200


def test_a_restart_continues_the_same_bake() -> None:
    moment = ANCHOR + 3 * DAY_SECONDS + 45_678.9
    assert read(make_oven(), moment) == read(make_oven(), moment)


def test_loads_are_counted_through_and_lie_where_the_readings_say() -> None:
    oven = make_oven()
    loads = oven.loads_between(ANCHOR - DAY_SECONDS, ANCHOR + DAY_SECONDS)
    assert len(loads) == 2 * len(oven.plan.bakes)
    numbers = [int(load.number) for load in loads]
    assert numbers == list(range(120 - len(oven.plan.bakes), 120 + len(oven.plan.bakes)))
    assert all(earlier.ended_at < later.started_at for earlier, later in pairwise(loads))
    middle = loads[5].started_at + (loads[5].ended_at - loads[5].started_at) / 2
    reading = read(oven, middle.timestamp())
    assert reading.additional_sensors["batch_number"] == loads[5].number
    assert reading.additional_sensors["programme"] == loads[5].product
    assert oven.loads_between(middle.timestamp(), middle.timestamp() + 1) == [loads[5]]


def test_a_door_left_open_cools_the_oven_and_it_recovers_with_a_higher_bill() -> None:
    broken, sound = make_oven(), make_oven()
    start = first_bake(broken) + 60
    broken.set_fault(PhysicalFault.DOOR_OPEN, start)
    reading = read(broken, start + 300)
    assert reading.door_status is DoorStatus.OPEN
    assert reading.additional_sensors["alarm"] == "Door open for too long"
    assert (reading.temperature or 0) < (read(sound, start + 300).temperature or 0) - 20
    broken.set_fault(None, start + 300)
    later = start + 300 + 4 * 3600
    recovered, expected = read(broken, later), read(sound, later)
    assert recovered.temperature == pytest.approx(expected.temperature, abs=1)
    assert recovered.door_status is expected.door_status
    assert (recovered.energy_consumption_kwh or 0) > (expected.energy_consumption_kwh or 0) + 1


def test_a_burner_that_fails_stops_the_heat_and_is_an_error() -> None:
    oven = make_oven()
    start = first_bake(oven) - 300
    meter = oven.state_at(start).values[3 + Slot.ENERGY]
    oven.set_fault(PhysicalFault.BURNER_FAULT, start)
    reading = read(oven, start + 1200)
    assert reading.operational_status is OperationalStatus.ERROR
    assert reading.additional_sensors["alarm"] == "Burner 2: no flame"
    assert (reading.temperature or 0) < 230
    oven.set_fault(None, start + 1200)
    assert read(oven, start + 1201).operational_status is OperationalStatus.RUNNING
    energy = [oven.state_at(start + 1200 + second).values[3 + Slot.ENERGY] for second in range(0, 36_000, 30)]
    assert energy[0] >= meter and energy == sorted(energy)


def test_a_broken_sensor_is_no_value_and_never_zero() -> None:
    oven = make_oven()
    moment = first_bake(oven) + 600
    oven.set_fault(PhysicalFault.SENSOR_BREAK, moment)
    reading = read(oven, moment)
    assert reading.temperature is None
    assert reading.temperature_zones["cabinet"] is None
    assert reading.temperature_zones["core"] is not None
    assert reading.quality == {"temperature": "bad", "temperature_zones.cabinet": "bad"}
    oven.set_fault(None, moment + 5)
    assert read(oven, moment + 5).temperature is not None


def test_noise_is_small_smooth_and_always_the_same() -> None:
    values = [noise(7, 1, second / 2) for second in range(20_000)]
    assert values == [noise(7, 1, second / 2) for second in range(20_000)]
    assert -1 <= min(values) < -0.5 and 0.5 < max(values) <= 1
    assert abs(sum(values) / len(values)) < 0.1
    assert max(abs(a - b) for a, b in pairwise(values)) < 0.05
    assert noise(7, 1, 100) != noise(7, 2, 100) != noise(8, 2, 100)


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Atlantic/Canary", "Europe/Berlin", "America/New_York"])
@given(days=st.floats(0, 5 * 366))
def test_the_shop_that_is_closed_now_has_been_for_hours_and_stays_so(zone: str, days: float) -> None:
    aware = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days)
    local = aware.astimezone(ZoneInfo(zone))
    opens = shop_that_is_closed(aware, ZoneInfo(zone))
    opening = local.replace(hour=opens.hour, minute=0, second=0, microsecond=0)
    until_opening = (opening - local) % timedelta(days=1)
    since_closing = timedelta(hours=16) - until_opening
    assert until_opening >= timedelta(hours=4)
    assert since_closing >= timedelta(hours=3, minutes=59)


@given(moment=st.floats(ANCHOR, ANCHOR + 400 * DAY_SECONDS), opens=st.sampled_from([5, 13, 21]))
@settings(max_examples=300)
def test_shop_days_follow_the_wall_clock_also_when_it_changes(moment: float, opens: int) -> None:
    zone = ZoneInfo("Atlantic/Canary")
    clock = ShopDay(time(opens), zone, 2400, date(2026, 3, 2).toordinal())
    day, second = clock.locate(moment)
    assert 0 <= second < DAY_SECONDS
    assert clock.moment(day, 0) <= moment < clock.moment(day + 1, 0)
    opening = datetime.fromtimestamp(clock.moment(day, 2400), zone)
    assert (opening.hour, opening.minute) == (opens, 0)
    assert moment - clock.moment(day, second) <= 3600
