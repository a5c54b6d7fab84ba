from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from connectors import OperationalStatus, Reading
from equipment.batches import start_batch
from equipment.models import Equipment
from equipment.services import archive_equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.history import get_sensor_history
from telemetry.selectors import get_realtime_data, live_snapshot
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def store(oven: Equipment, moments: list[datetime], **values: Any) -> None:
    store_sensor_readings(
        [
            EquipmentReading(
                equipment_id=oven.pk,
                reading=Reading(reading_time=moment, **{"temperature": 200.0 + number, **values}),
                received_at=moment,
            )
            for number, moment in enumerate(moments)
        ],
        tell=False,
    )


def every(seconds: int, count: int, start: datetime = START) -> list[datetime]:
    return [start + timedelta(seconds=seconds * number) for number in range(count)]


def test_realtime_data_has_the_keys_of_the_guide_in_their_order() -> None:
    oven = make_equipment(name="Horno Principal #1", iot_connection_status="connected")
    store(oven, [START], humidity=65.0, operational_status=OperationalStatus.RUNNING, temperature=185.5)
    batch = start_batch(oven, "Baguettes", timezone.now(), number="123")
    data = get_realtime_data(oven.pk)
    assert data is not None
    assert list(data) == [
        "equipment_id",
        "equipment_name",
        "timestamp",
        "connection_status",
        "temperature",
        "temperature_zones",
        "humidity",
        "operational_status",
        "cycle_stage",
        "cycle_progress_percentage",
        "time_remaining_minutes",
        "energy_consumption_kwh",
        "active_batch_id",
        "active_batch_name",
    ]
    assert data["temperature"] == 185.5
    assert data["operational_status"] == "running"
    assert (data["active_batch_id"], data["active_batch_name"]) == (str(batch.uuid), "Baguettes - Batch #123")


@pytest.mark.django_db(transaction=True)
def test_a_session_that_broke_meanwhile_is_replaced() -> None:
    oven = make_equipment()
    assert get_realtime_data(oven.pk)
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert get_realtime_data(oven.pk)


def test_a_machine_that_never_spoke_has_no_value_at_all() -> None:
    data = get_realtime_data(make_equipment().pk)
    assert data is not None
    assert (data["timestamp"], data["temperature"], data["temperature_zones"]) == (None, None, {})


def test_few_readings_come_as_they_are() -> None:
    oven = make_equipment(poll_interval_seconds=30)
    store(oven, every(30, 10))
    history = get_sensor_history(oven, START, START + timedelta(minutes=5))
    assert (history["total_readings"], history["step_seconds"]) == (10, None)
    assert [row["temperature"] for row in history["readings"]] == [200.0 + n for n in range(10)]
    assert history["gaps"] == []


def test_many_readings_are_gathered_and_keep_their_peaks() -> None:
    oven = make_equipment(poll_interval_seconds=1)
    store(oven, every(1, 600))
    history = get_sensor_history(oven, START, START + timedelta(seconds=600), points=10)
    assert (history["total_readings"], history["step_seconds"]) == (600, 60)
    first = history["readings"][0]
    assert (first["temperature"], first["temperature_min"], first["temperature_max"]) == (229.5, 200.0, 259.0)
    assert len(history["readings"]) == 10


def test_only_the_asked_fields_come() -> None:
    oven = make_equipment()
    store(oven, every(1, 5), humidity=50.0)
    for points in (2, 100):
        history = get_sensor_history(oven, START, START + timedelta(seconds=5), points, fields=["humidity"])
        assert set(history["readings"][0]) - {"humidity_min", "humidity_max"} == {"reading_time", "humidity"}


def test_gaps_are_named_also_the_one_that_lasts() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    store(oven, every(10, 6) + every(10, 6, START + timedelta(minutes=10)))
    history = get_sensor_history(oven, START, START + timedelta(minutes=20))
    assert history["gaps"] == [
        {"start": START + timedelta(seconds=50), "end": START + timedelta(minutes=10)},
        {"start": START + timedelta(minutes=10, seconds=50), "end": START + timedelta(minutes=20)},
    ]


def test_a_time_in_which_it_was_read_less_often_is_no_gap() -> None:
    oven = make_equipment(poll_interval_seconds=2)
    slow, fast = every(60, 30), every(2, 30, START + timedelta(minutes=40))
    store(oven, slow + fast)
    history = get_sensor_history(oven, START, fast[-1])
    assert history["gaps"] == [{"start": slow[-1], "end": fast[0]}]


def test_a_single_reading_in_a_long_silence_ends_no_gap() -> None:
    oven = make_equipment(poll_interval_seconds=2)
    before, after = every(2, 30), every(2, 30, START + timedelta(minutes=21))
    lone = START + timedelta(minutes=11)
    store(oven, [*before, lone, *after])
    gaps = get_sensor_history(oven, START, after[-1])["gaps"]
    assert [(gap["start"], gap["end"]) for gap in gaps] == [(before[-1], lone), (lone, after[0])]


def test_before_its_first_reading_a_machine_has_no_gap() -> None:
    oven = make_equipment(poll_interval_seconds=10)
    store(oven, every(10, 6))
    before = get_sensor_history(oven, START - timedelta(hours=1), START + timedelta(seconds=50))
    assert before["gaps"] == []
    store(oven, [START - timedelta(hours=2)])
    assert len(get_sensor_history(oven, START - timedelta(hours=1), START)["gaps"]) == 1


def test_a_range_without_readings_is_empty() -> None:
    history = get_sensor_history(make_equipment(), START, START + timedelta(days=1))
    assert (history["readings"], history["gaps"], history["total_readings"]) == ([], [], 0)


def test_a_snapshot_shows_the_machines_of_ones_own_bakeries_and_no_others() -> None:
    user = make_user()
    mine, other = make_bakery(user), make_bakery()
    oven = make_equipment(mine)
    archived = make_equipment(mine)
    archive_equipment(archived)
    make_equipment(other)
    snapshot = live_snapshot(user)
    assert [bakery["slug"] for bakery in snapshot["bakeries"]] == [mine.slug]
    assert [state["equipment_id"] for state in snapshot["states"]] == [str(oven.uuid)]


def test_a_superuser_without_a_bakery_sees_nothing() -> None:
    make_equipment()
    assert live_snapshot(make_user(is_superuser=True))["states"] == []


def test_a_snapshot_tells_where_the_temperature_came_from_and_the_counter_at_the_shops_midnight() -> None:
    user = make_user()
    oven = make_equipment(make_bakery(user, time_zone="Atlantic/Canary"))
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo("Atlantic/Canary")).replace(hour=0, minute=0, second=0, microsecond=0)
    store(oven, [midnight - timedelta(minutes=1)], energy_consumption_kwh=90.0)
    store(oven, [max(midnight, now - timedelta(minutes=6))], energy_consumption_kwh=100.0, temperature=180.0)
    (state,) = live_snapshot(user)["states"]
    assert state["energy_at_midnight_kwh"] == 100.0
    if now - timedelta(minutes=6) > midnight:
        assert state["temperature_five_minutes_ago"] == 180.0
