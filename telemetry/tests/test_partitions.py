from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from connectors import Reading
from equipment.tests.factories import make_equipment
from telemetry.models import SensorReading
from telemetry.partitions import cluster_closed_week, create_partitions, drop_partitions, list_partitions, week_of
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
WEEK = timedelta(weeks=1)


def rows_in(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (count,) = cursor.fetchone()
    return int(count)


def store_at(moment: datetime) -> None:
    oven = make_equipment()
    reading = Reading(reading_time=moment, temperature=1.0)
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=moment)])


def test_weeks_begin_on_monday_at_midnight_utc() -> None:
    assert week_of(datetime(2026, 11, 22, 23, 59, tzinfo=UTC)) == datetime(2026, 11, 16, tzinfo=UTC)
    assert week_of(datetime(2026, 11, 23, tzinfo=UTC)) == datetime(2026, 11, 23, tzinfo=UTC)
    assert week_of(datetime(1970, 1, 1, tzinfo=UTC)) == datetime(1969, 12, 29, tzinfo=UTC)


def test_after_migrate_the_next_two_weeks_have_their_partitions() -> None:
    weeks = list_partitions()
    assert {week_of(timezone.now() + ahead * WEEK) for ahead in (0, 1, 2)} <= set(weeks)


def test_making_them_twice_makes_them_once() -> None:
    since = datetime(2030, 1, 1, tzinfo=UTC)
    assert len(create_partitions(since, since + WEEK)) == 2
    assert create_partitions(since, since + WEEK) == []


def test_readings_that_waited_in_the_default_partition_move_to_their_own() -> None:
    moment = datetime(2031, 5, 7, 12, tzinfo=UTC)
    store_at(moment)
    before = rows_in("equipment_sensor_readings_default")
    create_partitions(moment, moment)
    assert rows_in("equipment_sensor_readings_default") == before - 1
    assert rows_in("equipment_sensor_readings_20310505") == 1
    assert SensorReading.objects.filter(reading_time=moment).count() == 1


def test_only_weeks_that_lie_wholly_before_the_moment_are_dropped() -> None:
    first = week_of(datetime(2020, 6, 1, tzinfo=UTC))
    create_partitions(first, first + WEEK)
    store_at(first + timedelta(days=1))
    assert drop_partitions(first + WEEK - timedelta(seconds=1)) == []
    assert drop_partitions(first + WEEK) == [first]
    assert SensorReading.objects.filter(reading_time__lt=first + WEEK).count() == 0
    assert first + WEEK in list_partitions()


def test_a_week_that_is_over_is_sorted_once() -> None:
    first = week_of(datetime(2020, 6, 1, tzinfo=UTC))
    create_partitions(first, first + WEEK)
    store_at(first + timedelta(days=1))
    assert cluster_closed_week(first + WEEK) == first
    assert cluster_closed_week(first + WEEK) is None
    assert SensorReading.objects.filter(reading_time__lt=first + WEEK).count() == 1
