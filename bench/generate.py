"""A year of readings, made by the server itself: one a minute of as many ovens as asked, with their rollups."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from bench.fleets import make_bakeries
from equipment.models import Equipment
from telemetry.partitions import WEEK, create_partitions, partition_name, week_of
from telemetry.rollups import LEVELS, MACHINES, merge_into, of_many_readings

DAYS = 364
OVENS = 200
WEEKS_OF_A_WORD = 13
STEP = timedelta(minutes=1)
_FILL = """
INSERT INTO {partition} (equipment_id, reading_time, received_at, temperature, target_temperature, temperature_zones,
    humidity, energy_consumption_kwh, operational_status, cycle_stage, cycle_progress_percentage,
    time_remaining_minutes, motor_speed, door_status)
SELECT oven, moment + oven %% 60 * interval '1 second', moment + oven %% 60 * interval '1.001 second',
    200 + 20 * sin(extract(epoch FROM moment)::float8 / 700 + oven) + random() * 2, 210,
    '{{"deck_1_top": 201, "deck_1_bottom": 198}}', 40 + random() * 10,
    extract(epoch FROM moment)::float8 / 36000, 5, 4, 50, 12, 60, 0
FROM generate_series(%s, %s, interval '1 minute') AS moment, unnest(%s::bigint[]) AS oven
"""


def make_ovens() -> list[Equipment]:
    bakery, *_ = make_bakeries("history", 1)
    return Equipment.objects.bulk_create(
        Equipment(bakery=bakery, name=f"Oven {number}", poll_interval_seconds=60, iot_enabled=False)
        for number in range(OVENS)
    )


def fill(ovens: Sequence[Equipment], full: int, until: datetime, say: Callable[[str], None]) -> int:
    """A year of the first `full` ovens, sorted as closed weeks are, and a latest reading of all. Returns how many."""
    week, last = week_of(until - timedelta(days=DAYS)), week_of(until)
    create_partitions(week, last)
    pks, count, weeks = [oven.pk for oven in ovens], 0, 0
    while week <= last:
        end = min(week + WEEK, until) - STEP
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FILL.format(partition=partition_name(week)), [week, end, pks[:full]])
            count += cursor.rowcount
        _sort_and_roll_up(week)
        week += WEEK
        weeks += 1
        if weeks % WEEKS_OF_A_WORD == 0:
            say(f"{count / 1e6:.1f} million readings")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO equipment_latest_readings SELECT received_at, temperature, target_temperature,"
            " temperature_zones, target_temperature_zones, humidity, energy_consumption_kwh, operational_status,"
            " cycle_stage, cycle_progress_percentage, time_remaining_minutes, motor_speed, door_status, steam_level,"
            " product_weight, moisture_content, additional_sensors, quality, oven, reading_time"
            " FROM unnest(%s::bigint[]) AS oven, LATERAL (SELECT * FROM equipment_sensor_readings"
            " WHERE equipment_id = %s ORDER BY reading_time DESC LIMIT 1) AS newest ON CONFLICT DO NOTHING",
            [pks, pks[0]],
        )
        cursor.execute("ANALYZE")
    return count


def _sort_and_roll_up(week: datetime) -> None:
    name = partition_name(week)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CLUSTER {name} USING {name}_pkey")
    joined = f"{name} AS reading JOIN ({MACHINES}) AS machines USING (equipment_id)"
    source = f"(SELECT reading.*, is_fast, time_zone FROM {joined}) AS week"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '512MB'")
        for level in LEVELS[1:]:
            cursor.execute(merge_into(level, source, of_many_readings))
