"""History from readings and rollups: both must say the same, whatever the range."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from connectors import OperationalStatus, Reading
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.history import get_sensor_history, iter_sensor_history
from telemetry.models import MinuteRollup, QuarterHourRollup, SensorReading
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, tzinfo=UTC)


def store(oven: Equipment, seconds: int, count: int, start: datetime = START, **values: Any) -> None:
    moments = (start + timedelta(seconds=seconds * number) for number in range(count))
    store_sensor_readings(
        [
            EquipmentReading(
                equipment_id=oven.pk,
                reading=Reading(reading_time=moment, temperature=200.0 + number % 7, **values),
                received_at=moment,
            )
            for number, moment in enumerate(moments)
        ],
        tell=False,
    )


@pytest.mark.parametrize(
    ("length", "points", "level", "step_seconds"),
    [
        (timedelta(hours=2), 60, "1m", 120),
        (timedelta(hours=2), 500, "raw", 14.4),
        (timedelta(hours=2), 8, "15m", 900),
        (timedelta(hours=2), 4, "15m", 1800),
        (timedelta(hours=10), 10, "1h", 3600),
        (timedelta(days=365), 500, "1d", 86_400),
    ],
)
def test_the_level_is_the_coarsest_with_enough_buckets(
    length: timedelta, points: int, level: str, step_seconds: float
) -> None:
    oven = make_equipment(poll_interval_seconds=5)
    store(oven, 5, 1440)
    history = get_sensor_history(oven, START, START + length, points, ["temperature"])
    assert (history["level"], history["step_seconds"]) == (level, step_seconds)
    assert len(history["readings"]) <= points
    assert history["total_readings"] == 1440
    assert min(row["temperature_min"] for row in history["readings"]) == 200
    assert max(row["temperature_max"] for row in history["readings"]) == 206


def test_a_machine_that_is_read_once_a_minute_has_no_minutes_of_its_own() -> None:
    oven = make_equipment(poll_interval_seconds=60)
    store(oven, 60, 120)
    assert not MinuteRollup.objects.exists()
    assert get_sensor_history(oven, START, START + timedelta(hours=2), 60)["level"] == "raw"


@pytest.mark.parametrize("aggregate", ["avg", "min", "max", "last"])
def test_readings_and_rollups_give_the_same(aggregate: str) -> None:
    oven = make_equipment(poll_interval_seconds=10)
    values: dict[str, Any] = {
        "energy_consumption_kwh": 7.25,
        "humidity": 41.5,
        "operational_status": OperationalStatus.RUNNING,
    }
    store(oven, 10, 360, **values, temperature_zones={"top": 1.5}, time_remaining_minutes=3)
    given = (oven, START, START + timedelta(hours=1))
    gathered = get_sensor_history(*given, points=60, aggregate=aggregate)
    QuarterHourRollup.objects.all().delete()
    MinuteRollup.objects.all().delete()
    oven.poll_interval_seconds = 60
    single = get_sensor_history(*given, points=60, aggregate=aggregate)
    assert (gathered["level"], single["level"]) == ("1m", "raw")
    assert gathered["readings"] == [
        {**row, "temperature": pytest.approx(row["temperature"], abs=0.001)} for row in single["readings"]
    ]


def test_few_readings_in_a_long_range_come_as_they_are() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    store(oven, 86_400, 20)
    history = get_sensor_history(oven, START, START + timedelta(days=30))
    assert (history["level"], history["step_seconds"], len(history["readings"])) == ("raw", None, 20)


def test_what_is_no_longer_kept_is_shown_in_coarser_buckets() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    store(oven, 10, 2000)
    SensorReading.objects.filter(equipment=oven).delete()
    MinuteRollup.objects.filter(equipment=oven).delete()
    given = (oven, START, START + timedelta(hours=6))
    assert get_sensor_history(*given)["level"] == "15m"
    QuarterHourRollup.objects.filter(equipment=oven).delete()
    history = get_sensor_history(*given)
    assert (history["level"], history["total_readings"]) == ("1h", 2000)


def test_a_silence_is_a_gap_at_every_level() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    later = START + timedelta(hours=9)
    store(oven, 10, 720)
    store(oven, 10, 720, later)
    for points in (12, 40, 600):
        history = get_sensor_history(oven, START, later + timedelta(hours=2), points)
        silence = {"start": START + timedelta(seconds=7190), "end": later}
        assert [gap for gap in history["gaps"] if gap["start"] < later] == [silence], history["level"]


def test_a_single_reading_between_two_silences_ends_the_first() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    store(oven, 10, 1000)
    lone = START + timedelta(hours=10)
    store(oven, 10, 1, lone)
    store(oven, 10, 1000, START + timedelta(hours=20))
    gaps = get_sensor_history(oven, START, START + timedelta(hours=22), 22)["gaps"]
    assert [gap["end"] for gap in gaps] == [lone, START + timedelta(hours=20)]


def test_days_keep_their_places_over_a_change_of_the_clock() -> None:
    oven = make_equipment(make_bakery(time_zone="Europe/Madrid"), poll_interval_seconds=3600)
    midnight = datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/Madrid"))
    store(oven, 3600, 24 * 60, midnight.astimezone(UTC))
    history = get_sensor_history(oven, midnight, midnight + timedelta(days=60, minutes=-1), 30, ["temperature"])
    shown = [row["reading_time"].astimezone(midnight.tzinfo) for row in history["readings"]]
    assert shown == [midnight + timedelta(days=2 * number) for number in range(30)]


def test_single_readings_come_one_by_one_in_any_number() -> None:
    oven = make_equipment()
    store(oven, 1, 5000)
    rows = iter_sensor_history(oven, START, START + timedelta(days=1), ["temperature"])
    assert next(rows) == {"reading_time": START, "temperature": 200.0}
    with connection.cursor() as cursor:  # the database answers others in between
        cursor.execute("SELECT 1")
    assert sum(1 for _ in rows) == 4999
