"""Rollups against a recomputation from the readings: late, repeated, corrected and missing ones, in any order."""

import math
import struct
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from connectors import OperationalStatus, Reading
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.columns import OPERATIONAL_STATUSES
from telemetry.metrics import Kind
from telemetry.models import DayRollup, HourRollup, LatestReading, MinuteRollup, QuarterHourRollup, SensorReading
from telemetry.partitions import week_of
from telemetry.rollup_models import NUMBERS, STATES_AND_OBJECTS, status_column
from telemetry.services import EquipmentReading, correct_sensor_readings, store_sensor_readings

NOW = datetime.now(UTC).replace(microsecond=0)
ZONES = ("Europe/Madrid", "Asia/Kathmandu", "America/New_York")
MODELS: dict[Any, Callable[[datetime, ZoneInfo], datetime]] = {
    MinuteRollup: lambda moment, zone: moment.replace(second=0, microsecond=0),
    QuarterHourRollup: lambda moment, zone: moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0),
    HourRollup: lambda moment, zone: moment.replace(minute=0, second=0, microsecond=0),
    DayRollup: lambda moment, zone: moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0),
}


def expected(oven: Equipment, bucket_of: Callable[[datetime, ZoneInfo], datetime]) -> dict[datetime, dict[str, Any]]:
    """The rollups of a level as Python computes them, one reading after the other."""
    zone = ZoneInfo(str(oven.bakery.time_zone))
    groups = defaultdict(list)
    for row in SensorReading.objects.filter(equipment=oven).order_by("reading_time"):
        groups[bucket_of(row.reading_time, zone).astimezone(UTC)].append(row)
    return {bucket: roll_up(rows) for bucket, rows in groups.items()}


def thousandths(kind: Kind, value: float) -> int:
    """As PostgreSQL has it: four bytes are read as what they are, and not as the few digits they are shown with."""
    exact = struct.unpack("f", struct.pack("f", value))[0] if kind is Kind.REAL else value
    return round(exact * 1000)


def roll_up(rows: list[SensorReading]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "readings": len(rows),
        "first_at": rows[0].reading_time,
        "last_at": rows[-1].reading_time,
    }
    for metric in NUMBERS:
        values = [value for row in rows if (value := getattr(row, metric.field)) is not None]
        found |= {
            f"{metric.field}_count": len(values) or None,
            f"{metric.field}_sum": sum(thousandths(metric.kind, value) for value in values) if values else None,
            f"{metric.field}_min": min(values, default=None),
            f"{metric.field}_max": max(values, default=None),
            f"{metric.field}_last": getattr(rows[-1], metric.field),
        }
    for metric in STATES_AND_OBJECTS:
        found[metric.field] = getattr(rows[-1], metric.field)
    for number, word in enumerate(OPERATIONAL_STATUSES):
        found[status_column(word)] = sum(row.operational_status == number for row in rows) or None
    return found


def stored(model: Any, oven: Equipment) -> dict[datetime, dict[str, Any]]:
    names = [field.name for field in model._meta.concrete_fields if field.name not in ("equipment", "bucket")]
    rows = model.objects.filter(equipment=oven)
    return {row.bucket: {name: getattr(row, name) for name in names} for row in rows}


def check(oven: Equipment) -> None:
    for model, bucket_of in MODELS.items():
        wanted = {} if model is MinuteRollup and oven.poll_interval_seconds >= 60 else expected(oven, bucket_of)
        assert stored(model, oven) == wanted, model.__name__


numbers = st.none() | st.floats(-1e9, 1e9, width=32) | st.sampled_from([0.0005, 0.1, 181.25, math.nan, math.inf, 2e9])
readings = st.fixed_dictionaries(
    {
        # Half a day in steps of 20 seconds: buckets fill, and moments repeat.
        "step": st.integers(-2200, 0),
        "oven": st.integers(0, 2),
        "temperature": numbers,
        "energy_consumption_kwh": st.none() | st.floats(0, 1e9),
        "time_remaining_minutes": st.none() | st.integers(-40_000, 40_000),
        "operational_status": st.none() | st.sampled_from(list(OperationalStatus)),
        "temperature_zones": st.dictionaries(st.sampled_from("ab"), st.floats(-1e6, 1e6)),
    }
)


class TestAgainstARecomputation(TestCase):
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.booleans(), st.lists(readings, max_size=12)), max_size=8))
    def test_rollups_equal_a_recomputation_bit_for_bit(self, batches: list[tuple[bool, list[dict[str, Any]]]]) -> None:
        ovens = [
            make_equipment(make_bakery(time_zone=zone), poll_interval_seconds=interval)
            for zone, interval in zip(ZONES, (5, 60, 59), strict=True)
        ]
        for is_correction, batch in batches:
            items = [arrived(ovens[item["oven"]], item) for item in batch]
            if is_correction:
                correct_sensor_readings(items)
            else:
                store_sensor_readings(items, tell=False)
        for oven in ovens:
            check(oven)


def arrived(oven: Equipment, item: dict[str, Any]) -> EquipmentReading:
    values = {key: value for key, value in item.items() if key not in ("step", "oven")}
    reading = Reading(reading_time=NOW + timedelta(seconds=20 * item["step"]), **values)
    return EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=NOW)


def at(oven: Equipment, moment: datetime, **values: Any) -> EquipmentReading:
    return EquipmentReading(equipment_id=oven.pk, reading=Reading(reading_time=moment, **values), received_at=moment)


@pytest.mark.django_db
@pytest.mark.parametrize(("month", "hours"), [(3, 23), (10, 25)])
def test_a_day_in_which_the_clock_changes_is_one_day(month: int, hours: int) -> None:
    zone = ZoneInfo("Europe/Madrid")
    oven = make_equipment(make_bakery(time_zone="Europe/Madrid"), poll_interval_seconds=60)
    first = datetime(2026, month, 1, tzinfo=zone)
    sunday = max(day for n in range(31) if (day := first + timedelta(days=n)).weekday() == 6 and day.month == month)
    begin = sunday.astimezone(UTC)
    store_sensor_readings([at(oven, begin + timedelta(hours=n), temperature=1.0) for n in range(-2, 27)], tell=False)
    assert DayRollup.objects.get(equipment=oven, bucket=begin).readings == hours
    check(oven)


@pytest.mark.django_db
def test_a_correction_changes_the_reading_the_latest_value_and_the_rollups() -> None:
    oven = make_equipment()
    store_sensor_readings([at(oven, NOW, temperature=1999.0), at(oven, NOW - timedelta(seconds=9), temperature=200.0)])
    assert correct_sensor_readings([at(oven, NOW, temperature=201.0)]) == 1
    assert LatestReading.objects.get(equipment=oven).temperature == 201.0
    hour = HourRollup.objects.filter(equipment=oven).order_by("bucket").last()
    assert hour and hour.temperature_max == 201.0  # type: ignore[attr-defined]
    check(oven)


@pytest.mark.django_db
def test_what_is_no_longer_kept_cannot_be_corrected() -> None:
    with pytest.raises(ValueError, match="readings are kept since"):
        correct_sensor_readings([at(make_equipment(), week_of(NOW) - timedelta(weeks=60), temperature=1.0)])


@pytest.mark.django_db
def test_all_can_be_computed_anew_from_the_readings() -> None:
    ovens = [make_equipment(poll_interval_seconds=5), make_equipment()]
    for oven in ovens:
        moments = [NOW - timedelta(seconds=977 * number) for number in range(200)]
        store_sensor_readings([at(oven, moment, temperature=1.5) for moment in moments], tell=False)
    for model in MODELS:
        model.objects.filter(equipment=ovens[0]).delete()
        model.objects.update(readings=7)
    ovens[1].bakery.time_zone = ZoneInfo("Asia/Kathmandu")
    ovens[1].bakery.save()
    call_command("rebuild_rollups", stdout=(out := StringIO()))
    assert "2 machines" in out.getvalue()
    for oven in ovens:
        check(oven)
