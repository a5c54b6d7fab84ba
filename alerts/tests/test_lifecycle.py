"""What people do with alerts, what keeps them quiet, and what ends by itself."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from alerts import expiry, lifecycle
from alerts.kinds import AlertStatus
from alerts.models import Alert, MaintenanceWindow, OpeningHours, Snooze
from alerts.tests.kitchen import START, look_at, only_alert, say_for, told
from connectors.reading import DoorStatus
from equipment.models import Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.partitions import create_partitions

pytestmark = pytest.mark.django_db
URL = "/api/v1/equipment/iot-alerts"


@pytest.fixture
def ana() -> User:
    return make_user("manager", username="ana")


@pytest.fixture
def oven(ana: User) -> Equipment:
    create_partitions(START - timedelta(days=7), START + timedelta(days=21))
    return make_equipment(make_bakery(ana), name="Deck 2", poll_interval_seconds=30, iot_enabled=True)


def make_alert(oven: Equipment, **values: object) -> Alert:
    defaults = {"alert_type": "door_open", "cause": "door_open", "severity": "warning", "message": "Close it."}
    return Alert.objects.create(bakery=oven.bakery, equipment=oven, **{**defaults, **values})


def test_an_acknowledged_alert_holds_four_hours_and_opens_again_if_still_bad(oven: Equipment, ana: User) -> None:
    alert = lifecycle.acknowledge_alert(make_alert(oven), ana)
    assert (alert.status, alert.acknowledged_by) == (AlertStatus.ACKNOWLEDGED, ana)
    assert alert.acknowledged_at is not None
    expiry.look_at_ends(alert.acknowledged_at + timedelta(hours=3, minutes=59))
    alert.refresh_from_db()
    assert alert.status == AlertStatus.ACKNOWLEDGED
    for _ in range(2):
        expiry.look_at_ends(alert.acknowledged_at + timedelta(hours=4, seconds=1))
    alert.refresh_from_db()
    assert alert.status == AlertStatus.ACTIVE
    assert told(alert) == ["acknowledged", "reopened"]


def test_of_two_who_acknowledge_one_did_it_and_the_other_is_told_who(oven: Equipment, ana: User) -> None:
    alert = make_alert(oven)
    lifecycle.acknowledge_alert(alert, ana)
    with pytest.raises(lifecycle.AlertError, match="ana has acknowledged this alert already"):
        lifecycle.acknowledge_alert(alert, make_user())
    assert alert.events.count() == 1


def test_a_food_safety_alert_closes_only_with_a_corrective_action(oven: Equipment, ana: User) -> None:
    alert = make_alert(oven, is_food_safety=True)
    with pytest.raises(lifecycle.AlertError, match="what was done with the goods"):
        lifecycle.resolve_alert(alert, ana, corrective_action="  ")
    closed = lifecycle.resolve_alert(alert, ana, corrective_action="Cream thrown away")
    assert (closed.status, closed.resolved_by, closed.corrective_action) == ("resolved", ana, "Cream thrown away")


def test_only_members_are_assigned(oven: Equipment, ana: User) -> None:
    alert = make_alert(oven)
    assert lifecycle.assign_alert(alert, ana, ana).assigned_to == ana
    with pytest.raises(lifecycle.AlertError, match="not a member"):
        lifecycle.assign_alert(alert, ana, make_user())


def open_the_door(oven: Equipment, start: datetime, minutes: float = 12) -> datetime:
    return say_for(oven, start, minutes, door_status=DoorStatus.OPEN)


def test_a_snoozed_kind_is_recorded_and_nobody_is_told(oven: Equipment, ana: User) -> None:
    lifecycle.snooze_alert(make_alert(oven, status="resolved"), ana, timezone.now() + timedelta(hours=1))
    Snooze.objects.update(created_at=START, until=START + timedelta(hours=1))
    open_the_door(oven, START)
    alert = Alert.objects.exclude(status="resolved").get()
    assert alert.suppressed_by == "Snoozed until Mon 10:00"
    assert told(alert) == []
    expiry.look_at_ends(START + timedelta(minutes=59))
    expiry.look_at_ends(START + timedelta(minutes=61))
    alert.refresh_from_db()
    assert alert.suppressed_by == ""
    assert told(alert) == [], "a warning is shown again, but wakes nobody"


def test_a_critical_alert_is_caught_up_once_when_the_window_ends(oven: Equipment) -> None:
    MaintenanceWindow.objects.create(
        bakery=oven.bakery, reason="Burner", starts_at=START, ends_at=START + timedelta(hours=1)
    )
    say_for(oven, START, 1, additional_sensors={"error_code": "E1"})
    alert = only_alert()
    assert (alert.suppressed_by, told(alert)) == ("Maintenance: Burner", [])
    for _ in range(2):
        expiry.look_at_ends(START + timedelta(hours=1, seconds=1))
    assert told(alert) == ["caught_up"]


def test_a_weekly_window_keeps_its_hour_when_the_clocks_change(oven: Equipment) -> None:
    MaintenanceWindow.objects.create(
        bakery=oven.bakery, equipment=oven, reason="Cleaning", weekday=0, starts=time(9), ends=time(10)
    )
    summer = datetime(2026, 10, 19, 7, 0, tzinfo=UTC)
    create_partitions(summer - timedelta(days=7), summer + timedelta(days=14))
    open_the_door(oven, summer + timedelta(minutes=5))
    assert only_alert().suppressed_by == "Maintenance: Cleaning"
    Alert.objects.all().delete()
    other = make_equipment(oven.bakery, poll_interval_seconds=30)
    open_the_door(other, summer + timedelta(days=7, hours=1, minutes=5))
    assert only_alert().suppressed_by == "", "the window is of the other oven"


def test_an_oven_that_is_off_at_night_is_recorded_and_told_if_it_stays_off(oven: Equipment) -> None:
    OpeningHours.objects.create(bakery=oven.bakery, weekday=1, starts=time(3), ends=time(12))
    Equipment.objects.update(iot_connection_status="disconnected")
    night = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # 01:00 in Madrid
    look_at(night)
    look_at(night + timedelta(minutes=6))
    alert = only_alert()
    assert (alert.suppressed_by, told(alert)) == ("Outside opening hours", [])
    look_at(night + timedelta(hours=2, minutes=3))
    assert told(alert) == [], "at opening time the ovens are only being switched on"
    look_at(night + timedelta(hours=2, minutes=6))
    assert told(alert) == ["caught_up"]


def test_an_oven_that_is_back_at_opening_time_is_not_told_of(oven: Equipment) -> None:
    """Though its clear delay is not over: it is well."""
    OpeningHours.objects.create(bakery=oven.bakery, weekday=1, starts=time(3), ends=time(12))
    Equipment.objects.update(iot_connection_status="disconnected")
    opening = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    look_at(opening - timedelta(minutes=20))
    look_at(opening - timedelta(minutes=10))
    Equipment.objects.update(iot_connection_status="connected")
    say_for(oven, opening + timedelta(minutes=4), 3)
    look_at(opening + timedelta(minutes=4))
    look_at(opening + timedelta(minutes=5, seconds=30))
    look_at(opening + timedelta(minutes=6, seconds=30))
    alert = only_alert()
    assert (alert.status, told(alert)) == (AlertStatus.RESOLVED, [])


def test_the_alerts_of_a_machine_that_is_no_longer_read_end(oven: Equipment) -> None:
    alert = make_alert(oven)
    Equipment.objects.update(iot_enabled=False)
    expiry.look_at_ends(timezone.now())
    alert.refresh_from_db()
    assert alert.status == AlertStatus.RESOLVED


def test_the_api_lists_the_open_ones_worst_first(oven: Equipment, ana: User) -> None:
    make_alert(oven, cause="a", severity="info")
    make_alert(oven, cause="b", severity="critical", status="acknowledged")
    make_alert(oven, cause="c", severity="warning")
    make_alert(oven, cause="d", status="resolved", resolved_at=timezone.now())
    client = integrator(ana)
    assert [row["cause"] for row in client.get(URL).json()["results"]] == ["c", "a", "b"]
    assert client.get(f"{URL}?status=all&page_size=1").json()["count"] == 4
    assert [row["cause"] for row in client.get(f"{URL}?severity=critical").json()["results"]] == ["b"]
    assert client.get(f"{URL}?statsu=all").json()["fields"] == {
        "statsu": "There is no field of this name. Do you mean status?"
    }


def test_the_api_does_what_the_pages_do_and_a_stranger_finds_nothing(oven: Equipment, ana: User) -> None:
    alert = make_alert(oven)
    client, staff = integrator(ana), make_user("staff")
    oven.bakery.members.add(staff)
    assert (
        client.post(f"{URL}/{alert.uuid}/note", {"text": "Hinge"}, format="json").json()["events"][-1]["text"]
        == "Hinge"
    )
    acknowledged = client.post(f"{URL}/{alert.uuid}/acknowledge", {"hours": 1}, format="json").json()
    assert (acknowledged["status"], acknowledged["acknowledged_by"]) == ("acknowledged", "ana")
    assert client.post(f"{URL}/{alert.uuid}/assign", {"username": "nobody"}, format="json").status_code == 400
    assert client.post(f"{URL}/{alert.uuid}/assign", {"username": "ana"}, format="json").json()["assigned_to"] == "ana"
    until = {"until": (timezone.now() + timedelta(hours=1)).isoformat()}
    assert integrator(staff).post(f"{URL}/{alert.uuid}/snooze", until, format="json").status_code == 403
    assert (
        client.post(f"{URL}/{alert.uuid}/snooze", until, format="json")
        .json()["suppressed_by"]
        .startswith("Snoozed until")
    )
    assert client.post(f"{URL}/{alert.uuid}/resolve", {}, format="json").json()["status"] == "resolved"
    outsider = make_user("manager")
    make_bakery(outsider)
    for deed in ("acknowledge", "resolve", "note", "snooze", "assign"):
        assert integrator(outsider).post(f"{URL}/{alert.uuid}/{deed}", {}, format="json").status_code == 404
    assert integrator(outsider).get(URL).json()["count"] == 0
