"""The questions behind a machine's history: to the readings themselves, or to a level of rollups."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from equipment.models import Equipment
from telemetry.live import as_shown
from telemetry.metrics import Kind, Metric
from telemetry.rollup_models import NUMBERS
from telemetry.rollups import Level

# A machine that missed this many reads in a row has a hole in its curve, and not just a late value.
MISSED_READS_OF_A_GAP = 3
SHORTEST_GAP_SECONDS = 15
NO_TIME = timedelta(0)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
READINGS = "equipment_sensor_readings"


class Range(NamedTuple):
    """One machine between two aware moments, both included."""

    equipment: Equipment
    start: datetime
    end: datetime


class Column(NamedTuple):
    """A value of the answer and the SQL that gives it."""

    name: str
    kind: Kind
    sql: str


_SPOKE_BEFORE = "EXISTS (SELECT FROM equipment_day_rollups WHERE equipment_id = %(id)s AND first_at < %(start)s)"
WITHIN = "WHERE equipment_id = %s AND reading_time BETWEEN %s AND %s"
Gaps = list[tuple[datetime, datetime]]
# The step of each row, None for single readings; and the rows.
Found = tuple[timedelta | None, list[dict[str, Any]]]


# How many, the first and the last moment, and the longest step between two. Where that is short there is no gap, and
# nothing more has to be asked.
_LOOK_AT_READINGS = f"""
SELECT count(*), min(reading_time), max(reading_time), max(step) FROM (
    SELECT reading_time, reading_time - lag(reading_time) OVER (ORDER BY reading_time) AS step
    FROM {READINGS} WHERE equipment_id = %(id)s AND reading_time BETWEEN %(start)s AND %(end)s
) AS steps
"""
# A step is a gap when it is far longer than those around it too: the machine may have been read less often then.
_GAPS = f"""
WITH moments AS (
    SELECT reading_time FROM {READINGS} WHERE equipment_id = %(id)s AND reading_time BETWEEN %(start)s AND %(end)s
    UNION ALL SELECT %(now)s WHERE %(now)s > %(start)s
    UNION ALL SELECT %(start)s WHERE {_SPOKE_BEFORE}
), steps AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY reading_time) AS number, reading_time,
        reading_time - lag(reading_time) OVER (ORDER BY reading_time) AS length
    FROM moments
), long AS MATERIALIZED (
    SELECT number, reading_time, length FROM steps WHERE length > %(longest)s::interval
)
SELECT long.reading_time - long.length, long.reading_time
FROM long CROSS JOIN unnest(ARRAY[-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]) AS away
JOIN steps AS near ON near.number = long.number + away
GROUP BY long.number, long.reading_time, long.length
HAVING long.length > %(missed)s * coalesce(
    greatest(min(near.length) FILTER (WHERE away < 0), min(near.length) FILTER (WHERE away > 0)), '0'
)
ORDER BY 1
"""


# The same of buckets.
_LOOK_AT_ROLLUPS = """
SELECT coalesce(sum(readings), 0), min(first_at), max(last_at), max(step) FROM (
    SELECT readings, first_at, last_at,
        first_at - max(last_at) OVER (ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS step
    FROM {table} WHERE equipment_id = %(id)s AND bucket BETWEEN %(first)s AND %(end)s
) AS steps
"""
_GAPS_OF_ROLLUPS = f"""
WITH ends AS (
    SELECT first_at, last_at FROM {{table}} WHERE equipment_id = %(id)s AND bucket BETWEEN %(first)s AND %(end)s
    UNION ALL SELECT %(now)s, %(now)s WHERE %(now)s > %(start)s
    UNION ALL SELECT %(start)s, %(start)s WHERE {_SPOKE_BEFORE}
), moves AS (
    SELECT max(last_at) OVER (ORDER BY first_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before,
        first_at AS after FROM ends
)
SELECT before, after FROM moves WHERE after - before > %(longest)s::interval ORDER BY 1
"""


def count_and_gaps(level: Level | None, wanted: Range) -> tuple[int, Gaps]:
    """A gap before the first reading of the range counts only if the machine had spoken before.

    A silence shorter than a bucket is none at the bucket's level.
    """
    machine = wanted.equipment
    longest = max(MISSED_READS_OF_A_GAP * machine.poll_interval_seconds, SHORTEST_GAP_SECONDS)
    given: dict[str, Any] = {
        "id": machine.pk,
        "start": wanted.start,
        "first": _first_bucket(level, wanted) if level else None,
        "end": wanted.end,
        "now": min(wanted.end, timezone.now()),
        "longest": max(timedelta(seconds=longest), level.step if level else NO_TIME),
        "missed": MISSED_READS_OF_A_GAP,
    }
    look, gaps = (_LOOK_AT_ROLLUPS, _GAPS_OF_ROLLUPS) if level else (_LOOK_AT_READINGS, _GAPS)
    with connection.cursor() as cursor:
        cursor.execute(look.format(table=level and level.table), given)
        total, first, last, step = cursor.fetchone()
        if total and max(step or NO_TIME, first - wanted.start, given["now"] - last) <= given["longest"]:
            return total, []
        cursor.execute(gaps.format(table=level and level.table), given)
        return total, cursor.fetchall()


def reaches_back(wanted: Range, level: Level | None, coarser: Level) -> bool:
    """Whether the readings (None) or a level still have the beginning of what the coarser level has in the range."""
    first = "SELECT {moment} FROM {table} WHERE equipment_id = %(id)s AND {key} BETWEEN %(start)s AND %(end)s"
    first += " ORDER BY {key} LIMIT 1"
    coarse = first.format(moment="first_at", table=coarser.table, key="bucket")
    if level:
        fine = first.format(moment="first_at", table=level.table, key="bucket")
    else:
        fine = first.format(moment="reading_time", table=READINGS, key="reading_time")
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"id": wanted.equipment.pk, "start": wanted.start, "end": wanted.end}
        cursor.execute(f"SELECT ({fine}), ({coarse})", given)
        has, should_have = cursor.fetchone()
    return should_have is None or (has is not None and has <= should_have)


def from_readings(wanted: Range, total: int, points: int, metrics: list[Metric], aggregate: str) -> Found:
    if total <= points:
        columns = [value(metric, metric.field) for metric in metrics]
        rows = _query(f"SELECT reading_time, {list_sql(columns)} FROM {READINGS} {WITHIN} ORDER BY 1", wanted)
        return None, [shown(row, columns) for row in rows]
    step = max(timedelta(seconds=1), (wanted.end - wanted.start) / points)
    columns = [column for metric in metrics for column in _of_readings(metric, aggregate)]
    binned = (
        f"SELECT date_bin(%s, reading_time, %s), {list_sql(columns)} FROM {READINGS} {WITHIN} GROUP BY 1 ORDER BY 1"
    )
    rows = _query(binned, wanted, step, wanted.start)
    return step, [shown(row, columns) for row in rows]


def _of_readings(metric: Metric, aggregate: str) -> list[Column]:
    if metric not in NUMBERS:
        return [value(metric, _last(metric.field, "reading_time"))]
    ways = {
        "avg": f"avg({metric.field})",
        "min": f"min({metric.field})",
        "max": f"max({metric.field})",
        "last": _last(metric.field, "reading_time"),
    }
    return _with_peaks(metric, ways, aggregate)


def from_rollups(level: Level, wanted: Range, points: int, metrics: list[Metric], aggregate: str) -> Found:
    """Of the buckets that the range touches."""
    buckets = math.ceil((wanted.end - wanted.start) / points / level.step)
    columns = [column for metric in metrics for column in _of_rollups(metric, aggregate, gathered=buckets > 1)]
    first = _first_bucket(level, wanted)
    within = f"FROM {level.table} WHERE equipment_id = %s AND bucket BETWEEN %s AND %s"
    touched = wanted._replace(start=first)
    if buckets == 1:
        rows = _query(f"SELECT bucket, {list_sql(columns)} {within} ORDER BY 1", touched)
    else:
        rows = _query(
            f"SELECT min(bucket), {list_sql(columns)} {within} GROUP BY date_bin(%s, bucket, %s) ORDER BY 1",
            touched,
            # Days are not all of one length: with the bins' borders between two midnights none falls into the next.
            *(buckets * level.step, first - level.step / 4),
            last=True,
        )
    return buckets * level.step, [shown(row, columns) for row in rows]


def _first_bucket(level: Level, wanted: Range) -> datetime:
    """The beginning of the bucket in which the range begins; a day's is midnight in the bakery."""
    if level.step < timedelta(days=1):
        return wanted.start - (wanted.start - EPOCH) % level.step
    local = wanted.start.astimezone(ZoneInfo(str(wanted.equipment.bakery.time_zone)))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _of_rollups(metric: Metric, aggregate: str, *, gathered: bool) -> list[Column]:
    field = metric.field
    if metric not in NUMBERS:
        return [value(metric, _last(field, "bucket") if gathered else field)]
    ways = {
        "avg": f"{field}_sum::float8 / (1000 * {field}_count)",
        "min": f"{field}_min",
        "max": f"{field}_max",
        "last": f"{field}_last",
    }
    if gathered:
        ways = {
            "avg": f"sum({field}_sum)::float8 / (1000 * sum({field}_count))",
            "min": f"min({field}_min)",
            "max": f"max({field}_max)",
            "last": _last(f"{field}_last", "bucket"),
        }
    return _with_peaks(metric, ways, aggregate)


def _with_peaks(metric: Metric, ways: dict[str, str], aggregate: str) -> list[Column]:
    """The mean of a counter is of no use to anybody, so `avg` gives its last value."""
    chosen = "last" if aggregate == "avg" and metric.kind is not Kind.REAL else aggregate
    peaks = [Column(f"{metric.field}_{part}", metric.kind, ways[part]) for part in ("min", "max")]
    return [value(metric, ways[chosen]), *peaks]


def value(metric: Metric, sql: str) -> Column:
    return Column(metric.field, metric.kind, sql)


def _last(column: str, moment: str) -> str:
    return f"(array_agg({column} ORDER BY {moment} DESC) FILTER (WHERE {column} IS NOT NULL))[1]"


def list_sql(columns: Sequence[Column]) -> str:
    return ", ".join(column.sql for column in columns) or "NULL"


def _query(query: str, wanted: Range, *steps: Any, last: bool = False) -> list[Any]:
    within: list[Any] = [wanted.equipment.pk, wanted.start, wanted.end]
    with connection.cursor() as cursor:
        cursor.execute(query, [*within, *steps] if last else [*steps, *within])
        rows: list[Any] = cursor.fetchall()
        return rows


def shown(row: Sequence[Any], columns: Sequence[Column]) -> dict[str, Any]:
    values = zip(columns, row[1:], strict=False)
    return {"reading_time": row[0], **{c.name: as_shown(c.name, c.kind, value) for c, value in values}}
