"""Two workers that find the same at the same time, and one that begins where another was killed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections

from alerts import lifecycle
from alerts.models import Alert, AlertEvent, AlertTimer
from alerts.opening import record_changes
from alerts.services import start_afresh
from alerts.tests.kitchen import only_alert, told
from alerts.watch import Watch
from connectors import DoorStatus, Reading
from connectors.reading import OperationalStatus
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.partitions import create_partitions
from telemetry.services import EquipmentReading
from telemetry.store import insert_readings

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def open_door(oven: Equipment, minutes: float) -> list[EquipmentReading]:
    at = START + timedelta(minutes=minutes)
    status = OperationalStatus.RUNNING
    reading = Reading(reading_time=at, door_status=DoorStatus.OPEN, operational_status=status)
    return [EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=at)]


def test_two_workers_open_one_alert_and_tell_once() -> None:
    oven = make_equipment()
    start = Barrier(2)

    def work() -> None:
        watch = Watch()
        for minute in range(11):
            findings = watch.judge(open_door(oven, minute))
            start.wait(10)
            record_changes(findings.changes)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work) for _ in range(2)]:
            done.result(30)
    assert told(only_alert()) == ["opened"]
    assert AlertTimer.objects.filter(cause="door_open").count() == 1


def test_of_two_thumbs_at_the_same_moment_one_acknowledges() -> None:
    users = [make_user(), make_user()]
    oven = make_equipment(make_bakery(*users))
    alert = Alert.objects.create(
        bakery=oven.bakery,
        equipment=oven,
        alert_type="door_open",
        cause="door_open",
        severity="warning",
        message="Close",
    )
    start = Barrier(2)

    def press(number: int) -> bool:
        start.wait(10)
        try:
            lifecycle.acknowledge_alert(alert, users[number])
        except lifecycle.AlertError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, range(2))) == [False, True]
    assert AlertEvent.objects.filter(event="acknowledged").count() == 1


def test_a_worker_goes_on_with_the_timers_of_one_that_was_killed() -> None:
    create_partitions(START, START)
    oven = make_equipment(poll_interval_seconds=60)
    insert_readings([reading for minute in range(12) for reading in open_door(oven, minute)])
    first = Watch()
    for minute in range(9):
        record_changes(first.judge(open_door(oven, minute)).changes)
    assert not Alert.objects.exists()
    start_afresh()
    second = Watch()
    record_changes(second.judge(open_door(oven, 9)).changes)
    assert not Alert.objects.exists(), "nine minutes of ten"
    record_changes(second.judge(open_door(oven, 10)).changes)
    assert only_alert().alert_type == "door_open"
    third = Watch()
    record_changes(third.judge(open_door(oven, 11)).changes)
    assert only_alert().events.count() == 1, "what is open is not opened again"


def test_a_batch_that_could_not_be_written_is_judged_anew() -> None:
    oven = make_equipment(poll_interval_seconds=60)
    watch = Watch()
    assert watch.judge(open_door(oven, 0)).changes
    watch.forget([oven.pk])
    (change,) = watch.judge(open_door(oven, 1)).changes
    assert change.after.breached_since == (START + timedelta(minutes=1)).timestamp()
