"""The SQL that keeps the rollups: their levels, and how readings become buckets.

All of it is made once from METRICS. A bucket is changed only by rows that were new, so late and repeated readings are
exact; a corrected one has its buckets computed anew.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from telemetry.columns import OPERATIONAL_STATUSES
from telemetry.rollup_models import (
    NUMBERS,
    STATES_AND_OBJECTS,
    DayRollup,
    HourRollup,
    MinuteRollup,
    QuarterHourRollup,
    status_column,
)


class Level(NamedTuple):
    """`bucket` is the SQL of a reading's bucket; it may use `reading_time` and the bakery's `time_zone`."""

    key: str
    table: str
    step: timedelta
    bucket: str
    readings: str = "TRUE"  # which readings have a bucket at this level


def _bin(step: str) -> str:
    return f"date_bin('{step}', reading_time, TIMESTAMPTZ '2000-01-01 00:00Z')"


HOUR = timedelta(hours=1)
# A machine that is read once a minute or less would have a minute of its own for every reading.
FASTER_THAN_SECONDS = 60
LEVELS = (
    Level("1m", MinuteRollup._meta.db_table, timedelta(minutes=1), _bin("1 minute"), "is_fast"),
    Level("15m", QuarterHourRollup._meta.db_table, timedelta(minutes=15), _bin("15 minutes")),
    Level("1h", HourRollup._meta.db_table, timedelta(hours=1), _bin("1 hour")),
    Level("1d", DayRollup._meta.db_table, timedelta(days=1), "date_trunc('day', reading_time, time_zone)"),
)
MACHINES = f"""
    SELECT machine.id AS equipment_id, poll_interval_seconds < {FASTER_THAN_SECONDS} AS is_fast, bakery.time_zone
    FROM equipment AS machine JOIN equipment_bakery AS bakery ON bakery.id = machine.bakery_id
"""


class Column(NamedTuple):
    """How a column of a rollup comes from one reading, from several, and from two rollups of the same bucket."""

    name: str
    of_one: str
    of_many: str
    merged: str


def _add(name: str) -> str:
    """NULL is nothing, and not unknown."""
    return f"coalesce(rollup.{name} + excluded.{name}, rollup.{name}, excluded.{name})"


def _newest(name: str) -> str:
    return f"CASE WHEN excluded.last_at >= rollup.last_at THEN excluded.{name} ELSE rollup.{name} END"


def _columns() -> list[Column]:
    columns = [
        Column("readings", "1", "count(*)", "rollup.readings + excluded.readings"),
        Column("first_at", "reading_time", "min(reading_time)", "least(rollup.first_at, excluded.first_at)"),
        Column("last_at", "reading_time", "max(reading_time)", "greatest(rollup.last_at, excluded.last_at)"),
    ]
    for metric in NUMBERS:
        field = metric.field
        thousandths = f"({field}::float8 * 1000)::bigint"
        count, total, least, most, last = (f"{field}_{part}" for part in ("count", "sum", "min", "max", "last"))
        columns += [
            Column(count, f"CASE WHEN {field} IS NOT NULL THEN 1 END", f"nullif(count({field}), 0)", _add(count)),
            Column(total, thousandths, f"sum({thousandths})::bigint", _add(total)),
            Column(least, field, f"min({field})", f"least(rollup.{least}, excluded.{least})"),
            Column(most, field, f"max({field})", f"greatest(rollup.{most}, excluded.{most})"),
            Column(last, field, f"max({field}) FILTER (WHERE is_newest)", _newest(last)),
        ]
    for metric in STATES_AND_OBJECTS:
        newest = f"(array_agg({metric.field}) FILTER (WHERE is_newest))[1]"
        columns.append(Column(metric.field, metric.field, newest, _newest(metric.field)))
    for number, word in enumerate(OPERATIONAL_STATUSES):
        name, condition = status_column(word), f"operational_status = {number}"
        one, many = f"CASE WHEN {condition} THEN 1 END", f"nullif(count(*) FILTER (WHERE {condition}), 0)"
        columns.append(Column(name, one, many, _add(name)))
    return columns


COLUMNS = _columns()
_names = ", ".join(column.name for column in COLUMNS)
_merge = ", ".join(f"{column.name} = {column.merged}" for column in COLUMNS)
_replace = ", ".join(f"{column.name} = excluded.{column.name}" for column in COLUMNS)


def of_single_readings(level: Level, source: str) -> str:
    """The buckets of a source that holds no machine twice."""
    values = ", ".join(column.of_one for column in COLUMNS)
    return (
        f"SELECT equipment_id, {level.bucket}, {values} FROM {source} WHERE {level.readings}"
        # Ordered by the key, so that two writers lock rows in the same order.
        " ORDER BY equipment_id"
    )


def of_many_readings(level: Level, source: str) -> str:
    values = ", ".join(column.of_many for column in COLUMNS)
    return f"""
        SELECT equipment_id, bucket, {values} FROM (
            SELECT *, row_number() OVER (PARTITION BY equipment_id, bucket ORDER BY reading_time DESC) = 1 AS is_newest
            FROM (SELECT *, {level.bucket} AS bucket FROM {source} WHERE {level.readings}) AS binned
        ) AS ranked GROUP BY equipment_id, bucket ORDER BY equipment_id, bucket
    """


def merge_into(level: Level, source: str, buckets: Callable[[Level, str], str]) -> str:
    """Add the readings of `source` (with `is_fast` and `time_zone`) to the level's buckets."""
    return (
        f"INSERT INTO {level.table} AS rollup (equipment_id, bucket, {_names}) {buckets(level, source)}"
        f" ON CONFLICT (equipment_id, bucket) DO UPDATE SET {_merge}"
    )


def lock_in(level: Level, touched: str) -> str:
    """Hold the level's buckets of `touched` (with `reading_time`, `is_fast` and `time_zone`), made empty where missing.

    Whoever stores a reading of such a bucket waits, and adds it to what stands there after our commit.
    """
    return (
        f"INSERT INTO {level.table} AS rollup (equipment_id, bucket, readings, first_at, last_at)"
        f" SELECT equipment_id, {level.bucket}, 0, min(reading_time), max(reading_time) FROM ({touched}) AS touched"
        f" WHERE {level.readings} GROUP BY 1, 2 ORDER BY 1, 2"
        " ON CONFLICT (equipment_id, bucket) DO UPDATE SET readings = rollup.readings"
    )


def recompute_in(level: Level, touched: str) -> str:
    """Compute the level's buckets of `touched` anew from all their readings."""
    source = f"""
        (SELECT reading.*, is_fast, time_zone FROM (
            SELECT DISTINCT equipment_id, {level.bucket} AS begin, is_fast, time_zone FROM ({touched}) AS touched
            WHERE {level.readings}
        ) AS buckets JOIN equipment_sensor_readings AS reading USING (equipment_id)
        WHERE reading_time >= begin AND reading_time < begin + interval '{level.step / HOUR + 1} hours'
        AND {level.bucket} = begin) AS all_readings
    """
    return (
        f"INSERT INTO {level.table} AS rollup (equipment_id, bucket, {_names}) {of_many_readings(level, source)}"
        f" ON CONFLICT (equipment_id, bucket) DO UPDATE SET {_replace}"
    )
