"""Nobody acknowledges: the second circle is called, then everybody. Whoever acts stops it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from alerts import escalation, expiry, lifecycle
from alerts.fan_out import announce_waiting
from alerts.models import Alert, MaintenanceWindow, Notification, NotificationPreference
from alerts.tests.factories import make_alert
from alerts.tests.kitchen import say_for, told
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.partitions import create_partitions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mailbox")]
START = datetime(2026, 11, 25, 3, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def baker() -> User:
    return make_user(username="baker", email="baker@example.com")


@pytest.fixture
def owner() -> User:
    return make_user(username="owner", email="owner@example.com")


@pytest.fixture
def oven(baker: User, owner: User) -> Equipment:
    oven = make_equipment(make_bakery(baker, owner), name="Deck 2", iot_enabled=True)
    NotificationPreference.objects.create(user=owner, bakery=oven.bakery, circle=2)
    return oven


def open_alert(oven: Equipment, **values: Any) -> Alert:
    fault = {"alert_type": "equipment_error", "cause": "equipment_error", "severity": "critical", "message": "E1."}
    clock = {"opened_at": START, "escalate_at": START + QUARTER, "details": {"escalate_after_seconds": 900}}
    return make_alert(oven, **{**fault, **clock, **values})


def look(after: timedelta) -> list[str]:
    """Who is told at that moment, of what."""
    known = set(Notification.objects.values_list("pk", flat=True))
    escalation.escalate_due(START + after)
    announce_waiting(START + after)
    new = Notification.objects.exclude(pk__in=known).order_by("user__username")
    return [f"{row.user}: {row.event and row.event.event}" for row in new]


def test_first_the_one_who_is_there_then_the_second_circle_then_everybody(oven: Equipment) -> None:
    alert = open_alert(oven)
    assert look(timedelta(0)) == ["baker: opened"]
    assert look(timedelta(minutes=14)) == []
    assert look(QUARTER) == ["owner: escalation"]
    assert look(QUARTER) == []
    assert look(2 * QUARTER) == ["baker: escalation", "owner: escalation"]
    assert look(10 * QUARTER) == []
    texts = list(alert.events.filter(event="escalation").values_list("text", flat=True))
    assert texts == ["Nobody has seen to this for 15 min: E1.", "Nobody has seen to this for 30 min: E1."]


def test_whoever_acknowledges_stops_it(oven: Equipment, baker: User) -> None:
    alert = open_alert(oven)
    look(timedelta(0))
    lifecycle.acknowledge_alert(alert, baker)
    look(timedelta(minutes=1))
    assert look(3 * QUARTER) == []


def test_a_second_worker_that_saw_the_same_takes_no_second_step(oven: Equipment) -> None:
    seen = open_alert(oven)
    assert escalation._escalate(seen, START + QUARTER)
    assert not escalation._escalate(seen, START + QUARTER)
    assert told(seen) == ["opened", "escalation"]


def test_without_a_second_circle_the_first_is_reminded_once(oven: Equipment) -> None:
    NotificationPreference.objects.update(circle=1)
    open_alert(oven)
    look(timedelta(0))
    assert look(QUARTER) == ["baker: escalation", "owner: escalation"]
    assert look(10 * QUARTER) == []


def test_a_bakery_whose_people_are_all_in_the_second_circle_is_told_at_once(oven: Equipment, baker: User) -> None:
    NotificationPreference.objects.create(user=baker, bakery=oven.bakery, circle=2)
    open_alert(oven)
    assert look(timedelta(0)) == ["baker: opened", "owner: opened"]


def test_what_is_still_bad_after_the_acknowledgement_begins_anew(oven: Equipment, baker: User) -> None:
    alert = open_alert(oven)
    look(timedelta(0))
    lifecycle.acknowledge_alert(alert, baker)
    ends = timedelta(hours=5)
    Alert.objects.update(acknowledged_until=START + ends)
    expiry.look_at_ends(START + ends)
    assert look(ends) == ["baker: reopened"]
    assert look(ends + QUARTER) == ["owner: escalation"]


def test_nobody_is_called_to_what_is_kept_quiet_or_well_again(oven: Equipment) -> None:
    open_alert(oven, suppressed_by="Snoozed until Mon 10:00")
    open_alert(oven, cause="b", recovered_at=START)
    assert escalation.escalate_due(START + QUARTER) == 0


def test_the_patience_of_the_rule_goes_with_the_alert(oven: Equipment) -> None:
    create_partitions(START - timedelta(days=7), START + timedelta(days=7))
    say_for(oven, START, 1, additional_sensors={"error_code": "E1"})
    alert = Alert.objects.get()
    assert alert.escalate_at == alert.opened_at + QUARTER
    assert escalation.find_patience(alert) == QUARTER


def test_a_quiet_time_that_ends_gives_as_long_as_at_first(oven: Equipment) -> None:
    hour = timedelta(hours=1)
    window = {"starts_at": START - hour, "ends_at": START + hour}
    MaintenanceWindow.objects.create(bakery=oven.bakery, reason="Burner", **window)
    create_partitions(START - timedelta(days=7), START + timedelta(days=7))
    say_for(oven, START, 1, additional_sensors={"error_code": "E1"})
    assert look(QUARTER * 2) == []
    expiry.look_at_ends(START + hour)
    assert look(hour) == ["baker: caught_up"]
    assert look(hour + QUARTER) == ["owner: escalation"]
