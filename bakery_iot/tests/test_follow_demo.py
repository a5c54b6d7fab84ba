"""What the demo tells of the past and of its batches, and the command that follows them."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Count, F
from django.utils import timezone
from pytest_django import Settings

from bakery_iot.demo.batches import record_batches
from bakery_iot.demo.machines import find_machines
from bakery_iot.tests.demo_files import Maker, demo_maker, installation
from conftest import wait_for
from equipment.batches import start_batch
from equipment.models import Batch, ConnectionLog, Equipment
from telemetry.models import LatestReading, SensorReading

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_demo(tmp_path: Path, settings: Settings) -> Maker:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return demo_maker(tmp_path)


def test_the_last_day_is_there_with_its_gaps(make_demo: Maker) -> None:
    make_demo(hours=24)
    now = timezone.now()
    counts = dict(SensorReading.objects.values_list("equipment__serial_number").annotate(Count("reading_time")))
    assert len(counts) == 12
    for serial_number, count in counts.items():
        missing = 35 if "TEIDE" in serial_number else 12 if serial_number == "SIM-SOL-3" else 0
        assert abs(count - (24 * 60 - missing)) <= 1, serial_number
    for machine in Equipment.objects.filter(serial_number__in=["SIM-SOL-3", "SIM-TEIDE-1"]):
        moments = list(
            SensorReading.objects.filter(equipment=machine)
            .order_by("reading_time")
            .values_list("reading_time", flat=True)
        )
        gap_start, gap_end = max(pairwise(moments), key=lambda pair: pair[1] - pair[0])
        lost = ConnectionLog.objects.get(equipment=machine, error_code="timeout")
        assert gap_start < lost.event_time <= gap_end
    assert LatestReading.objects.filter(reading_time__gt=now - timedelta(minutes=2)).count() == 12
    assert not SensorReading.objects.filter(reading_time__gt=now).exists()
    assert not SensorReading.objects.exclude(received_at__gt=F("reading_time")).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM equipment_sensor_readings_default")
        assert cursor.fetchone() == (0,)


def test_the_batches_agree_with_the_ovens(make_demo: Maker, tmp_path: Path) -> None:
    make_demo(hours=24)
    now = timezone.now()
    for machine in find_machines(installation(tmp_path)):
        running = Batch.objects.filter(equipment=machine.equipment, ended_at=None)
        reading = machine.oven.read(now)
        number = reading.additional_sensors.get("batch_number")
        assert [batch.number for batch in running] == ([number] if number else [])
        for batch in running:
            assert batch.product == reading.additional_sensors["programme"]
            assert batch.expected_minutes and batch.target_temperature
            left = batch.started_at + timedelta(minutes=batch.expected_minutes) - now
            assert left.total_seconds() / 60 == pytest.approx(reading.time_remaining_minutes or 0, abs=1.1)
    finished = Batch.objects.exclude(ended_at=None)
    assert finished.count() > 250
    assert not finished.filter(ended_at__gt=now).exists()
    assert Batch.objects.filter(ended_at=None).count() >= 5


def test_batches_begin_and_end_as_time_goes_by(make_demo: Maker, tmp_path: Path) -> None:
    make_demo()
    machines = find_machines(installation(tmp_path))
    by_hand = start_batch(machines[0].equipment, "Roscón", timezone.now(), expected_minutes=1)
    before = set(Batch.objects.filter(ended_at=None).values_list("pk", flat=True)) - {by_hand.pk}
    later = timezone.now() + timedelta(hours=3)
    record_batches(machines, later - timedelta(hours=3), later)
    for batch in Batch.objects.filter(pk__in=before):
        assert batch.ended_at and batch.ended_at == batch.started_at + timedelta(minutes=batch.expected_minutes or 0)
    for machine in machines:
        mine = Batch.objects.filter(equipment=machine.equipment).exclude(pk=by_hand.pk).order_by("started_at")
        assert mine.filter(ended_at=None).count() <= 1
        assert all(old.ended_at and old.ended_at < new.started_at for old, new in pairwise(mine))
    count = Batch.objects.count()
    record_batches(machines, later - timedelta(hours=3), later)
    assert Batch.objects.count() == count
    by_hand.refresh_from_db()
    assert by_hand.ended_at is None


@pytest.mark.django_db(transaction=True)
def test_follow_demo_ends_and_begins_batches_until_it_is_stopped(make_demo: Maker, tmp_path: Path) -> None:
    for name in ("manager", "staff"):  # a transactional test before this one has flushed what the migrations made
        Group.objects.get_or_create(name=name)
    make_demo()
    machine = Equipment.objects.get(serial_number="SIM-SOL-1")
    running = Batch.objects.get(equipment=machine, ended_at=None)
    Batch.objects.filter(pk=running.pk).delete()
    over = Batch.objects.create(
        equipment=machine,
        product="Baguettes",
        started_at=datetime.now(UTC) - timedelta(hours=1),
        expected_minutes=20,
        external_id="sim-of-an-hour-ago",
    )
    tokens = str(tmp_path / "simulators.json")
    database = connection.settings_dict["NAME"]
    process = subprocess.Popen(
        [sys.executable, "-c", _FOLLOW, database, tokens], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: Batch.objects.filter(pk=over.pk, ended_at__isnull=False).exists(), "the old batch to end")
        wait_for(
            lambda: Batch.objects.filter(equipment=machine, number=running.number, ended_at=None).exists(),
            "the batch in the oven to begin",
        )
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=15)
        assert (process.returncode, words) == (0, "")
    finally:
        process.kill()
        process.wait()


# The test's own database has another name than the one in the environment.
_FOLLOW = """
import os
import sys
from pathlib import Path
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "bakery_iot.settings"
from django.conf import settings
from django.core.management import call_command
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
call_command("follow_demo", tokens=Path(sys.argv[2]))
"""
