"""From a stored reading to an alert, against a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.kinds import AlertStatus
from alerts.models import Alert, AlertRule, AlertTimer
from alerts.services import start_afresh
from alerts.tests.kitchen import START, look_at, only_alert, say, say_for, told
from connectors.reading import CycleStage, DoorStatus, OperationalStatus
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.gateways import record_gateway_load
from telemetry.load import LoadFigures
from telemetry.load_models import GatewayLoad
from telemetry.models import LatestReading, SensorReading
from telemetry.partitions import create_partitions

pytestmark = pytest.mark.django_db


@pytest.fixture
def oven() -> Equipment:
    create_partitions(START - timedelta(days=7), START + timedelta(days=7))
    return make_equipment(name="Deck 2", poll_interval_seconds=30, iot_enabled=True)


def test_an_oven_that_cools_while_baking_is_an_alert_with_a_sentence(oven: Equipment) -> None:
    at = say_for(oven, START, 2)
    at = say_for(oven, at, 4, temperature=170.0)
    assert not Alert.objects.exists()
    say_for(oven, at, 2, temperature=170.0)
    alert = only_alert()
    assert alert.message == "Deck 2 is 30 degrees under its target for 5 min. Is the door closed?"
    assert (alert.severity, alert.status, told(alert)) == ("warning", "active", ["opened"])


def test_it_resolves_by_itself_and_says_how_often_it_was_interrupted(oven: Equipment) -> None:
    at = say_for(oven, START, 2)
    at = say_for(oven, at, 7, temperature=170.0)
    at = say_for(oven, at, 1)
    at = say_for(oven, at, 3, temperature=160.0)
    say_for(oven, at, 22)
    alert = only_alert()
    assert (alert.status, alert.occurrences, alert.worst_value) == (AlertStatus.RESOLVED, 2, -40.0)
    last = alert.events.get(event="resolved")
    assert last.text.startswith("Resolved by itself after") and last.text.endswith(", 1 interruption")
    assert told(alert) == ["opened", "resolved"]


def test_an_oven_that_heats_up_is_not_off_its_target(oven: Equipment) -> None:
    for minute in range(30):
        say(
            oven,
            START + timedelta(minutes=minute / 2),
            temperature=20.0 + 5 * minute,
            cycle_stage=CycleStage.PREHEATING,
        )
    assert not Alert.objects.exists()


def test_a_restart_goes_on_where_the_delay_was(oven: Equipment) -> None:
    at = say_for(oven, START, 2)
    at = say_for(oven, at, 4, temperature=170.0)
    start_afresh()
    say(oven, at, temperature=170.0)  # the way to the target begins anew, and waits for the target to be reached
    assert AlertTimer.objects.get(cause="temperature_deviation").state["breached_since"] is not None


@pytest.mark.parametrize(("away", "opens"), [(0.5, True), (20, False)])
def test_the_time_in_which_nobody_watched_is_a_gap_if_the_machine_was_not_heard(
    oven: Equipment, away: float, opens: bool
) -> None:
    AlertRule.objects.create(equipment=oven, alert_type="door_open", on_delay_seconds=300)
    at = say_for(oven, START, 4, door_status=DoorStatus.OPEN)
    start_afresh()
    at += timedelta(minutes=away - 0.5)
    at = say_for(oven, at, 1.5, door_status=DoorStatus.OPEN)
    assert Alert.objects.exists() == opens
    if not opens:  # the delay began anew
        say_for(oven, at, 4, door_status=DoorStatus.OPEN)
        assert only_alert().opened_at > START + timedelta(minutes=20)


def test_the_delay_ends_without_another_reading(oven: Equipment) -> None:
    at = say_for(oven, START, 2)
    at = say_for(oven, at, 4.9, temperature=170.0)
    assert not Alert.objects.exists()
    look_at(at + timedelta(seconds=24))
    assert only_alert().alert_type == "temperature_deviation"
    look_at(at + timedelta(seconds=29))
    assert only_alert().events.count() == 1


def test_late_readings_open_nothing(oven: Equipment) -> None:
    for minute in range(20):
        at = START + timedelta(minutes=minute)
        say(oven, at, late=timedelta(hours=1), operational_status=OperationalStatus.ERROR)
    assert SensorReading.objects.count() == 20
    assert not Alert.objects.exists()


def test_a_fault_of_the_machine_is_critical(oven: Equipment) -> None:
    say_for(oven, START, 1, additional_sensors={"error_code": "E17"})
    alert = only_alert()
    assert alert.severity == "critical"
    assert alert.message == (
        "Deck 2 reports a fault. Its code is E17. "
        "Look it up in the maker's manual, and enter it under Fault codes for the next time."
    )


def test_a_value_that_cannot_be_true_is_marked_and_alarms_as_suspect(oven: Equipment) -> None:
    at = say_for(oven, START, 2)
    say_for(oven, at, 6, temperature=-127.0)
    alert = only_alert()
    assert alert.alert_type == "sensor_suspect"
    assert SensorReading.objects.filter(quality={"temperature": "suspect"}, temperature=-127).count() == 12
    assert LatestReading.objects.get().quality == {"temperature": "suspect"}


def test_a_fridge_is_food_safety_and_waits_for_a_word() -> None:
    create_partitions(START - timedelta(days=7), START + timedelta(days=7))
    fridge = make_equipment(type="fridge", name="Cream fridge", poll_interval_seconds=60)
    idle = {"operational_status": None, "cycle_stage": None, "target_temperature": None}
    at = say_for(fridge, START, 32, every_seconds=60, temperature=11.0, **idle)
    alert = only_alert()
    assert alert.message.startswith("Temperature of Cream fridge is 11.0\u2009°C, more than the 8.0\u2009°C allowed.")
    at = say_for(fridge, at, 8, every_seconds=60, temperature=4.0, **idle)
    alert.refresh_from_db()
    assert alert.status == AlertStatus.ACTIVE and alert.recovered_at is not None
    say_for(fridge, at, 32, every_seconds=60, temperature=12.0, **idle)
    alert.refresh_from_db()
    assert alert.recovered_at is None and told(alert) == ["opened", "reopened"]


def test_the_nearest_rule_wins_and_says_only_what_it_says(oven: Equipment) -> None:
    AlertRule.objects.create(alert_type="door_open", on_delay_seconds=60, severity="critical")
    AlertRule.objects.create(bakery=oven.bakery, alert_type="door_open", on_delay_seconds=120)
    AlertRule.objects.create(equipment=make_equipment(), alert_type="door_open", enabled=False)
    say_for(oven, START, 3, door_status=DoorStatus.OPEN)
    alert = only_alert()
    assert (alert.severity, alert.message) == ("critical", "The door of Deck 2 has been open for 2 min. Close it.")


def test_a_rule_that_is_switched_off_watches_nothing(oven: Equipment) -> None:
    AlertRule.objects.create(equipment=oven, alert_type="door_open", enabled=False)
    say_for(oven, START, 15, door_status=DoorStatus.OPEN)
    assert not Alert.objects.exists()


def test_a_limit_on_any_value(oven: Equipment) -> None:
    AlertRule.objects.create(bakery=oven.bakery, alert_type="limit", metric="humidity", upper=60)
    say_for(oven, START, 3, humidity=72.0)
    assert (
        only_alert().message == "Humidity of Deck 2 is 72\u2009%, more than the 60\u2009% allowed. Have a look at it."
    )


def lose(*machines: Equipment, status: str = "disconnected", code: str = "unreachable") -> None:
    ids = [machine.pk for machine in machines]
    Equipment.objects.filter(pk__in=ids).update(iot_connection_status=status, iot_connection_error_code=code)


def test_a_lost_line_is_an_alert_after_its_delay_and_resolves_after_its_own(oven: Equipment) -> None:
    lose(oven)
    look_at(START)
    look_at(START + timedelta(minutes=4, seconds=59))
    assert not Alert.objects.exists()
    look_at(START + timedelta(minutes=5))
    assert only_alert().alert_type == "connection_lost"
    lose(oven, status="connected", code="")
    LatestReading.objects.create(equipment=oven, reading_time=START, received_at=START + timedelta(minutes=8))
    look_at(START + timedelta(minutes=6))
    look_at(START + timedelta(minutes=8, seconds=1))
    assert only_alert().status == AlertStatus.RESOLVED


def test_a_refused_password_is_not_a_lost_line(oven: Equipment) -> None:
    lose(oven, status="error", code="auth")
    look_at(START)
    look_at(START + timedelta(minutes=10))
    assert only_alert().alert_type == "authentication_failed"


def test_silence_on_an_open_line_is_no_data_and_a_broken_line_does_not_resolve_it(oven: Equipment) -> None:
    make = make_equipment(
        bakery=oven.bakery, iot_enabled=True, iot_connection_status="connected", poll_interval_seconds=30
    )
    lose(oven, status="connected", code="")
    say(oven, START)
    for minute in range(12):
        say(make, START + timedelta(minutes=minute))
        look_at(START + timedelta(minutes=minute))
    alert = only_alert()
    assert (alert.equipment, alert.alert_type) == (oven, "no_data")
    lose(oven)
    for minute in range(12, 16):
        say(make, START + timedelta(minutes=minute))
        look_at(START + timedelta(minutes=minute))
    alert.refresh_from_db()
    assert alert.status == AlertStatus.ACTIVE


def test_a_bakery_whose_line_is_down_rings_once(oven: Equipment) -> None:
    others = [make_equipment(bakery=oven.bakery, iot_enabled=True) for _ in range(11)]
    lose(oven, *others)
    for minute in range(12):
        look_at(START + timedelta(minutes=minute))
    alert = only_alert()
    assert (alert.equipment, alert.bakery, alert.severity) == (None, oven.bakery, "critical")
    assert told(alert) == ["opened"]


def test_nothing_read_for_three_minutes_is_told_once_per_bakery(oven: Equipment) -> None:
    lose(oven, status="connected", code="")
    say(oven, START)
    look_at(START + timedelta(seconds=170))
    assert not Alert.objects.exists()
    look_at(START + timedelta(seconds=185))
    look_at(START + timedelta(minutes=20))
    alert = only_alert()
    assert alert.alert_type == "acquisition_stalled"
    assert alert.message.startswith(f"Nothing has been read in {oven.bakery.name} for 3 min.")


def test_a_gateway_with_too_much_to_read_is_told_and_its_machines_are_judged_as_ever(oven: Equipment) -> None:
    lose(oven)
    late = LoadFigures(1.0, lateness_p99_seconds=2.5, missed_percentage=0.0, busy_percentage=50.0)
    for minute in range(8):
        record_gateway_load(oven.bakery.gateway.slug, late, machines=1, waiting_readings=0)
        GatewayLoad.objects.update(measured_at=START + timedelta(minutes=minute))
        look_at(START + timedelta(minutes=minute))
    told = dict(Alert.objects.values_list("alert_type", "equipment"))
    assert told == {"gateway_overloaded": None, "connection_lost": oven.pk}


def test_another_bakery_is_not_touched() -> None:
    make_bakery()
    look_at(datetime.now(UTC))
    assert not Alert.objects.exists()
