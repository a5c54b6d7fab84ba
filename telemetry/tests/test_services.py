from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from connectors import DoorStatus, OperationalStatus, Reading
from equipment.models import Equipment
from equipment.tests.factories import make_equipment
from telemetry.models import STATES, LatestReading, SensorReading
from telemetry.services import EquipmentReading, store_sensor_readings
from telemetry.signals import readings_stored

NOW = datetime.now(UTC).replace(microsecond=0)
pytestmark = pytest.mark.django_db


def arrived(equipment: Equipment, seconds: float = 0, received_at: datetime = NOW, **values: Any) -> EquipmentReading:
    reading = Reading(reading_time=NOW + timedelta(seconds=seconds), **values)
    return EquipmentReading(equipment_id=equipment.pk, reading=reading, received_at=received_at)


def test_every_value_of_a_reading_is_kept() -> None:
    oven = make_equipment()
    item = arrived(
        oven,
        temperature=231.4,
        target_temperature=235.0,
        temperature_zones={"deck_1_top": 232.5, "deck_1_bottom": None},
        target_temperature_zones={"deck_1_top": 235.0},
        humidity=64.0,
        energy_consumption_kwh=10412.123456,
        operational_status=OperationalStatus.RUNNING,
        cycle_progress_percentage=45.0,
        time_remaining_minutes=12,
        door_status=DoorStatus.CLOSED,
        additional_sensors={"flue": 140},
        quality={"motor_speed": "bad"},
    )
    assert store_sensor_readings([item]) == 1
    row = SensorReading.objects.get(equipment=oven)
    assert row.temperature == pytest.approx(231.4)
    assert row.temperature_zones == {"deck_1_top": 232.5, "deck_1_bottom": None}
    assert row.energy_consumption_kwh == 10412.123456
    assert STATES["operational_status"].index("running") == row.operational_status
    assert row.door_status == 0
    assert (row.humidity, row.motor_speed, row.cycle_stage) == (64.0, None, None)
    assert row.additional_sensors == {"flue": 140}
    assert row.quality == {"motor_speed": "bad"}
    assert LatestReading.objects.get(equipment=oven).reading_time == NOW


def test_a_moment_that_is_already_stored_is_dropped_within_a_batch_and_between_batches() -> None:
    oven = make_equipment()
    assert store_sensor_readings([arrived(oven, 0, temperature=1.0), arrived(oven, 0, temperature=2.0)]) == 1
    assert store_sensor_readings([arrived(oven, 0, temperature=3.0), arrived(oven, 1, temperature=4.0)]) == 1
    assert list(SensorReading.objects.filter(equipment=oven).order_by("reading_time").values_list("temperature")) == [
        (1.0,),
        (4.0,),
    ]


def test_a_late_reading_is_stored_and_does_not_overwrite_the_latest() -> None:
    oven = make_equipment()
    store_sensor_readings([arrived(oven, 0, temperature=200.0)])
    assert store_sensor_readings([arrived(oven, -600, temperature=20.0)]) == 1
    assert LatestReading.objects.get(equipment=oven).temperature == 200.0


def test_the_newest_of_a_batch_in_any_order_becomes_the_latest() -> None:
    oven = make_equipment()
    store_sensor_readings([arrived(oven, second, temperature=float(second)) for second in (3, 9, 1, 7)])
    assert LatestReading.objects.get(equipment=oven).temperature == 9.0


def test_a_batch_is_one_statement(django_assert_num_queries: Any) -> None:
    oven = make_equipment()
    batch = [arrived(oven, -second, temperature=1.0) for second in range(500)]
    with django_assert_num_queries(2):  # the savepoint around it in this test; the statement itself is not Django's
        assert store_sensor_readings(batch, tell=False) == 500


def test_a_clock_that_is_ahead_does_not_block_the_values_to_come() -> None:
    oven = make_equipment()
    store_sensor_readings([arrived(oven, 3600, temperature=100.0)])
    store_sensor_readings([arrived(oven, 5, NOW + timedelta(seconds=5), temperature=101.0)])
    latest = LatestReading.objects.get(equipment=oven)
    assert (latest.temperature, latest.reading_time) == (101.0, NOW + timedelta(seconds=5))
    first = SensorReading.objects.filter(equipment=oven).earliest("reading_time")
    assert (first.reading_time, first.quality) == (NOW, {"reading_time": "uncertain"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e200])
def test_a_number_that_no_column_holds_is_unknown(value: float) -> None:
    oven = make_equipment()
    assert store_sensor_readings([arrived(oven, temperature=value, humidity=50.0)]) == 1
    assert SensorReading.objects.values_list("temperature", "humidity").get(equipment=oven) == (None, 50.0)


def test_broken_text_from_a_machine_is_kept_as_near_as_possible() -> None:
    oven = make_equipment()
    sensors = {"nul": "a\0b", "half a pair": "\ud800", "endless": 10**30, "list": ["\0", 1.5, None, True]}
    assert store_sensor_readings([arrived(oven, additional_sensors=sensors)]) == 1
    assert SensorReading.objects.get(equipment=oven).additional_sensors == {
        "nul": "ab",
        "half a pair": "?",
        "endless": str(10**30),
        "list": ["", 1.5, None, True],
    }


def test_a_reading_that_postgresql_refuses_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    oven = make_equipment()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE equipment_sensor_readings ADD CONSTRAINT oven CHECK (temperature < 1000)")
    assert store_sensor_readings([arrived(oven, second, temperature=400.0 * second) for second in range(6)]) == 3
    assert caplog.text.count("PostgreSQL refused a reading") == 3


def test_what_is_no_reading_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    oven = make_equipment()
    assert store_sensor_readings([arrived(oven, 0, temperature="hot"), arrived(oven, 1, temperature=2.0)]) == 1
    assert store_sensor_readings([arrived(oven, 2, operational_status="on fire")]) == 0
    assert caplog.text.count("something that is no reading") == 2


def test_the_apps_above_hear_of_new_readings_only(django_capture_on_commit_callbacks: Any) -> None:
    oven = make_equipment()
    heard: list[EquipmentReading] = []

    def listen(readings: list[EquipmentReading], **kwargs: Any) -> None:
        heard.extend(readings)

    readings_stored.connect(listen)
    try:
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                store_sensor_readings([arrived(oven, 0, temperature=1.0)])
    finally:
        readings_stored.disconnect(listen)
    assert [item.reading.temperature for item in heard] == [1.0]


def test_nothing_is_written_for_an_empty_batch(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert store_sensor_readings([]) == 0


def test_a_reading_of_an_impossible_time_lands_in_the_default_partition() -> None:
    oven = make_equipment()
    assert store_sensor_readings([arrived(oven, -400 * 86_400, temperature=1.0)]) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM equipment_sensor_readings_default WHERE equipment_id = %s", [oven.pk])
        assert cursor.fetchone() == (1,)
