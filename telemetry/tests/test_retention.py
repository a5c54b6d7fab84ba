from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors import Reading
from equipment.models import Equipment, HaccpRecord
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.models import (
    DayRollup,
    HourRollup,
    MinuteRollup,
    QuarterHourRollup,
    Retention,
    SensorReading,
)
from telemetry.partitions import create_partitions, list_default_weeks, list_partitions, week_of
from telemetry.retention import MONTH, YEAR, forecast_disk, get_retention, maintain_storage
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
NOW = timezone.now()
WEEK = timedelta(weeks=1)
PAGE = "admin:telemetry_retention_change"


def store(oven: Equipment, *ages: timedelta) -> None:
    store_sensor_readings(
        [
            EquipmentReading(
                equipment_id=oven.pk, reading=Reading(reading_time=NOW - age, temperature=1.0), received_at=NOW
            )
            for age in ages
        ],
        tell=False,
    )


def counts() -> list[int]:
    return [model.objects.count() for model in (SensorReading, MinuteRollup, QuarterHourRollup, HourRollup, DayRollup)]


def test_the_nightly_run_makes_what_is_coming_and_drops_what_has_expired() -> None:
    old = week_of(NOW - timedelta(days=200))
    create_partitions(old, old)
    maintain_storage()
    weeks = list_partitions()
    assert old not in weeks
    assert week_of(NOW + 2 * WEEK) in weeks


def test_every_class_is_kept_for_its_own_time() -> None:
    store(make_equipment(), timedelta(0), timedelta(days=120), MONTH * 14, YEAR * 6)
    assert counts() == [4, 4, 4, 4, 4]
    maintain_storage()
    assert counts() == [1, 1, 2, 3, 4]


def test_the_times_are_those_of_the_admin() -> None:
    retention = get_retention()
    retention.readings_days, retention.quarter_hours_months, retention.hours_years = 140, 15, 7
    retention.save()
    store(make_equipment(), timedelta(days=120), MONTH * 14, YEAR * 6)
    maintain_storage()
    assert counts() == [1, 1, 2, 3, 3]


def test_a_missing_partition_loses_no_reading_and_is_made_by_the_nightly_run() -> None:
    moment = timedelta(days=60)
    store(make_equipment(), moment)
    assert week_of(NOW - moment) in list_default_weeks()
    maintain_storage()
    assert week_of(NOW - moment) in list_partitions()
    assert SensorReading.objects.filter(reading_time=NOW - moment).count() == 1


def test_a_time_that_cannot_be_is_told(caplog: pytest.LogCaptureFixture) -> None:
    ahead = EquipmentReading(
        equipment_id=make_equipment().pk,
        reading=Reading(reading_time=NOW + YEAR, temperature=1.0),
        received_at=NOW + YEAR,
    )
    store_sensor_readings([ahead], tell=False)
    maintain_storage()
    assert "times that cannot be" in caplog.text
    assert SensorReading.objects.count() == 1


def test_haccp_records_go_with_the_hours() -> None:
    oven = make_equipment()
    for age in (YEAR, YEAR * 6):
        HaccpRecord.objects.create(equipment=oven, serial_number="1", external_id=str(age), started_at=NOW - age)
    maintain_storage()
    assert HaccpRecord.objects.count() == 1


def test_the_forecast_counts_the_machines_of_today() -> None:
    assert all(share.bytes_full == 0 for share in forecast_disk(Retention()))
    for interval in (10, 60):
        make_equipment(poll_interval_seconds=interval, iot_enabled=True)
    make_equipment(iot_enabled=False)
    store(make_equipment(iot_enabled=False), timedelta(0))
    assert all(share.bytes_now > 0 for share in forecast_disk(Retention()))
    shares = {share.label: share.bytes_full for share in forecast_disk(Retention())}
    assert shares["Single readings"] == pytest.approx((8640 + 1440) * 90 * 158, rel=0.5)
    assert shares["Minutes"] == pytest.approx(1440 * 90 * 900, rel=0.5)
    assert shares["Days"] < shares["Hours"] < shares["Single readings"]


def test_the_page_shows_the_forecast_and_refuses_less_than_two_weeks(client: Client) -> None:
    client.force_login(make_user(is_superuser=True, is_staff=True))
    assert client.get(reverse("admin:telemetry_retention_changelist"), follow=True).status_code == 200
    page = client.get(reverse(PAGE, args=[1])).content.decode()
    assert "When full" in page and "Quarters of an hour" in page
    body: dict[str, Any] = {"readings_days": 7, "quarter_hours_months": 13, "hours_years": 5}
    assert "greater than or equal to 14" in client.post(reverse(PAGE, args=[1]), body).content.decode()
    client.post(reverse(PAGE, args=[1]), {**body, "readings_days": 30})
    assert get_retention().readings_days == 30


def test_it_is_of_all_bakeries_and_no_business_of_ones_manager(client: Client) -> None:
    manager = make_user(is_staff=True)
    make_bakery(manager)
    get_retention()
    client.force_login(manager)
    assert client.get(reverse(PAGE, args=[1])).status_code in (403, 404)
