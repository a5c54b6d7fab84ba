from datetime import timedelta

import pytest
from django.utils import timezone

from bench.recomputation import count_buckets
from connectors import Reading
from equipment.tests.factories import make_equipment
from telemetry.rollup_models import DayRollup, HourRollup, MinuteRollup
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db(transaction=True)


def test_rollups_that_differ_are_missing_or_should_not_be_there_are_counted() -> None:
    machine, now = make_equipment(), timezone.now().replace(microsecond=0) - timedelta(hours=1)
    moments = [now + timedelta(seconds=7 * number) for number in range(30)]
    store_sensor_readings(
        [
            EquipmentReading(
                equipment_id=machine.pk,
                reading=Reading(reading_time=moment, temperature=200.1 + number / 3, temperature_zones={"core": 70.5}),
                received_at=moment,
            )
            for number, moment in enumerate(moments)
        ],
        tell=False,
    )
    kept, differing = count_buckets()
    assert kept > 5
    assert differing == 0
    DayRollup.objects.update(temperature_sum=1)
    HourRollup.objects.filter(bucket=HourRollup.objects.earliest("bucket").bucket).delete()
    minute = MinuteRollup.objects.latest("bucket")
    minute.bucket += timedelta(minutes=5)
    MinuteRollup.objects.bulk_create([minute])
    assert count_buckets()[1] == DayRollup.objects.count() + 2
