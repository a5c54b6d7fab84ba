"""What a machine said over time: from the readings themselves, or from the rollups where the range is long.

The level is the coarsest that still has enough buckets for the points asked, among those that reach back far enough.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from equipment.models import Equipment
from telemetry.history_queries import (
    READINGS,
    Range,
    count_and_gaps,
    from_readings,
    from_rollups,
    list_sql,
    reaches_back,
    shown,
    value,
)
from telemetry.metrics import METRICS, Metric
from telemetry.rollups import FASTER_THAN_SECONDS, LEVELS, Level

AGGREGATES = ("avg", "min", "max", "last")
RAW = "raw"
CHUNK_ROWS = 2000
# A chart made for 500 points shows no less with 365: a year comes from its days then.
ENOUGH_SHARE = 0.7
# What is younger is never dropped, so nobody has to ask since when readings are kept.
SURELY_KEPT = timedelta(days=7)


def get_sensor_history(
    equipment: Equipment,
    start: datetime,
    end: datetime,
    points: int = 500,
    fields: Iterable[str] | None = None,
    aggregate: str = "avg",
) -> dict[str, Any]:
    """At most about `points` readings between two aware moments, oldest first, and the gaps between them.

    `level` says where they come from: raw, 1m, 15m, 1h or 1d. More readings than points are gathered in equal steps:
    of a number the mean, or the least, the greatest or the last one (`aggregate`: avg, min, max, last), with its peaks
    in `<field>_min` and `<field>_max`; of a counter, a state or a zone the last. `step_seconds` is None for single
    readings. `total_readings` counts what lies in the range, at its ends by whole buckets.
    """
    metrics = _list_metrics(fields)
    wanted = Range(equipment, start, end)
    level = _choose_level(wanted, points)
    total, gaps = count_and_gaps(level, wanted)
    if level and total <= points and _reaches_back(wanted, None, [level]):
        level = None
        total, gaps = count_and_gaps(level, wanted)
    if level:
        step, rows = from_rollups(level, wanted, points, metrics, aggregate)
    else:
        step, rows = from_readings(wanted, total, points, metrics, aggregate)
    return {
        "equipment_id": str(equipment.uuid),
        "equipment_name": equipment.name,
        "start_time": start.astimezone(UTC),
        "end_time": end.astimezone(UTC),
        "level": level.key if level else RAW,
        "total_readings": total,
        "step_seconds": step and step.total_seconds(),
        "readings": rows,
        "gaps": [{"start": gap_start, "end": gap_end} for gap_start, gap_end in gaps],
    }


def iter_sensor_history(
    equipment: Equipment, start: datetime, end: datetime, fields: Iterable[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Every single reading between two aware moments, oldest first, as it comes from the server: never all at once.

    Each chunk is a query of its own that goes on after the last moment, since whoever reads may take an hour: a cursor
    would hold its transaction as long, and keep the server from cleaning up.
    """
    columns = [value(metric, metric.field) for metric in _list_metrics(fields)]
    names, after = list_sql(columns), start - timedelta(microseconds=1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT reading_time, {names} FROM {READINGS} WHERE equipment_id = %s"
                " AND reading_time > %s AND reading_time <= %s ORDER BY reading_time LIMIT %s",
                [equipment.pk, after, end, CHUNK_ROWS],
            )
            rows = cursor.fetchall()
        for row in rows:
            yield shown(row, columns)
        if len(rows) < CHUNK_ROWS:
            return
        after = rows[-1][0]


def _list_metrics(fields: Iterable[str] | None) -> list[Metric]:
    asked = None if fields is None else set(fields)
    return [metric for metric in METRICS if asked is None or metric.field in asked]


def _choose_level(wanted: Range, points: int) -> Level | None:
    """None for the readings themselves."""
    length = wanted.end - wanted.start
    fitting = [level for level in LEVELS if level.key != "1m" or _has_minutes(wanted.equipment)]
    enough = [level for level in fitting if length >= ENOUGH_SHARE * points * level.step]
    chosen = enough[-1] if enough else None
    coarser = fitting[len(enough) :]
    # What has been dropped is better shown in coarser buckets than not at all.
    while coarser and not _reaches_back(wanted, chosen, coarser):
        chosen = coarser.pop(0)
    return chosen


def _reaches_back(wanted: Range, level: Level | None, coarser: list[Level]) -> bool:
    if wanted.start > timezone.now() - SURELY_KEPT:
        return True
    return all(reaches_back(wanted, level, other) for other in coarser)


def _has_minutes(equipment: Equipment) -> bool:
    return equipment.poll_interval_seconds < FASTER_THAN_SECONDS
