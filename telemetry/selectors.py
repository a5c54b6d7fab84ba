"""Reads of what the machines said: now, and over time."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from equipment.models import Bakery, Equipment
from equipment.selectors import bakeries_for, equipment_for
from telemetry.live import HEARTBEAT_SECONDS, as_shown, live_state, with_live_state
from telemetry.metrics import METRICS, Kind, Metric
from telemetry.signals import snapshot_asked

TREND = timedelta(minutes=5)
# A machine that missed this many reads in a row has a hole in its curve, and not just a late value.
MISSED_READS_OF_A_GAP = 3
SHORTEST_GAP_SECONDS = 15


def get_realtime_data(equipment: Equipment) -> dict[str, Any]:
    """The guide's answer of `realtime-data`, with its keys in its order."""
    state = live_state(with_live_state(Equipment.objects.filter(pk=equipment.pk)).get())
    return {
        key: state[key]
        for key in (
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
        )
    }


def live_snapshot(user: Any) -> dict[str, Any]:
    """Everything a page needs to start: the user's bakeries and the state of each of their machines."""
    bakeries = list(bakeries_for(user))
    machines = list(with_live_state(equipment_for(user)).select_related("bakery", "latest_reading"))
    trend = _find_temperatures_at([machine.pk for machine in machines], timezone.now() - TREND)
    energy: dict[int, float] = {}
    for bakery in bakeries:
        here = [machine.pk for machine in machines if machine.bakery_id == bakery.pk]
        energy |= _find_energy_since(here, _midnight(bakery))
    return {
        "type": "snapshot",
        "heartbeat_seconds": HEARTBEAT_SECONDS,
        "bakeries": [{"slug": b.slug, "name": b.name, "time_zone": str(b.time_zone)} for b in bakeries],
        "states": [
            {
                **live_state(machine),
                "temperature_five_minutes_ago": trend.get(machine.pk),
                "energy_at_midnight_kwh": energy.get(machine.pk),
            }
            for machine in machines
        ],
        **_find_further(user),
    }


def _find_further(user: Any) -> dict[str, Any]:
    """What the apps above add to a snapshot."""
    answers: list[tuple[Any, Any]] = snapshot_asked.send(sender=None, user=user)
    return {key: value for _, further in answers for key, value in further.items()}


def _midnight(bakery: Bakery) -> datetime:
    now = timezone.now().astimezone(ZoneInfo(str(bakery.time_zone)))
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _find_temperatures_at(equipment_ids: Sequence[int], moment: datetime) -> dict[int, float]:
    """The last temperature of each machine in the five minutes before the moment."""
    return _find_one_each(
        equipment_ids,
        "SELECT temperature FROM equipment_sensor_readings WHERE equipment_id = machine.id"
        " AND reading_time BETWEEN %s AND %s AND temperature IS NOT NULL ORDER BY reading_time DESC LIMIT 1",
        [moment - TREND, moment],
    )


def _find_energy_since(equipment_ids: Sequence[int], moment: datetime) -> dict[int, float]:
    """The energy counter of each machine at its first reading since the moment, in kWh."""
    return _find_one_each(
        equipment_ids,
        "SELECT energy_consumption_kwh FROM equipment_sensor_readings WHERE equipment_id = machine.id"
        " AND reading_time >= %s AND energy_consumption_kwh IS NOT NULL ORDER BY reading_time LIMIT 1",
        [moment],
    )


def _find_one_each(equipment_ids: Sequence[int], query: str, parameters: list[Any]) -> dict[int, float]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT machine.id, found.* FROM unnest(%s::bigint[]) AS machine (id), LATERAL ({query}) AS found",
            [list(equipment_ids), *parameters],
        )
        return dict(cursor.fetchall())


def get_sensor_history(
    equipment: Equipment, start: datetime, end: datetime, points: int = 500, fields: Iterable[str] | None = None
) -> dict[str, Any]:
    """At most about `points` readings between two aware moments, oldest first, and the gaps between them.

    More readings than points are gathered in equal steps: the mean of a value, the last of a state, a counter or a
    zone; `temperature_min` and `temperature_max` keep the peaks. `step_seconds` is None for single readings.
    `total_readings` counts what lies in the range.
    """
    metrics = [metric for metric in METRICS if fields is None or metric.field in set(fields)]
    total, gaps = _count_and_gaps(equipment, start, end)
    step = None if total <= points else max(timedelta(seconds=1), (end - start) / points)
    rows = (
        _single_rows(equipment, start, end, metrics) if step is None else _steps(equipment, start, end, metrics, step)
    )
    return {
        "equipment_id": str(equipment.uuid),
        "equipment_name": equipment.name,
        "start_time": start.astimezone(UTC),
        "end_time": end.astimezone(UTC),
        "total_readings": total,
        "step_seconds": step and step.total_seconds(),
        "readings": rows,
        "gaps": [{"start": gap_start, "end": gap_end} for gap_start, gap_end in gaps],
    }


# A step is a gap when it is far longer than those around it too: the machine may have been read less often then.
_GAPS = """
WITH moments AS (
    SELECT reading_time FROM equipment_sensor_readings
    WHERE equipment_id = %(id)s AND reading_time BETWEEN %(start)s AND %(end)s
    UNION ALL SELECT %(now)s WHERE %(now)s > %(start)s
    UNION ALL SELECT %(start)s WHERE EXISTS (
        SELECT FROM equipment_sensor_readings WHERE equipment_id = %(id)s AND reading_time < %(start)s
    )
), moves AS (
    SELECT lag(reading_time) OVER (ORDER BY reading_time) AS before, reading_time FROM moments
), steps AS (
    SELECT before, reading_time, greatest(
        min(reading_time - before) OVER (ORDER BY reading_time ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING),
        min(reading_time - before) OVER (ORDER BY reading_time ROWS BETWEEN 1 FOLLOWING AND 5 FOLLOWING)
    ) AS pace FROM moves
)
SELECT before, reading_time FROM steps
WHERE reading_time - before > greatest(%(longest)s::interval, %(missed)s * pace) ORDER BY before
"""


def _count_and_gaps(
    equipment: Equipment, start: datetime, end: datetime
) -> tuple[int, list[tuple[datetime, datetime]]]:
    """A gap before the first reading of the range counts only if the machine had spoken before."""
    longest = max(MISSED_READS_OF_A_GAP * equipment.poll_interval_seconds, SHORTEST_GAP_SECONDS)
    given: dict[str, Any] = {
        "id": equipment.pk,
        "start": start,
        "end": end,
        "now": min(end, timezone.now()),
        "longest": f"{longest} seconds",
        "missed": MISSED_READS_OF_A_GAP,
    }
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, given)
        gaps = cursor.fetchall()
        cursor.execute(
            "SELECT count(*) FROM equipment_sensor_readings WHERE equipment_id = %s AND reading_time BETWEEN %s AND %s",
            [equipment.pk, start, end],
        )
        (total,) = cursor.fetchone()
    return total, gaps


def _single_rows(equipment: Equipment, start: datetime, end: datetime, metrics: list[Metric]) -> list[dict[str, Any]]:
    columns = ", ".join(["reading_time", *(metric.field for metric in metrics)])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM equipment_sensor_readings"
            " WHERE equipment_id = %s AND reading_time BETWEEN %s AND %s ORDER BY reading_time",
            [equipment.pk, start, end],
        )
        return [_shown(row, metrics) for row in cursor.fetchall()]


def _steps(
    equipment: Equipment, start: datetime, end: datetime, metrics: list[Metric], step: timedelta
) -> list[dict[str, Any]]:
    extremes = any(metric.field == "temperature" for metric in metrics)
    columns = [_gathered(metric) for metric in metrics] + ["min(temperature)", "max(temperature)"] * extremes
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(['date_bin(%s::interval, reading_time, %s) AS step', *columns])}"
            " FROM equipment_sensor_readings WHERE equipment_id = %s AND reading_time BETWEEN %s AND %s"
            " GROUP BY step ORDER BY step",
            [f"{step.total_seconds()} seconds", start, equipment.pk, start, end],
        )
        rows = cursor.fetchall()
    if not extremes:
        return [_shown(row, metrics) for row in rows]
    return [{**_shown(row[:-2], metrics), "temperature_min": row[-2], "temperature_max": row[-1]} for row in rows]


def _gathered(metric: Metric) -> str:
    if metric.kind is Kind.REAL:
        return f"avg({metric.field})::real"
    return f"(array_agg({metric.field} ORDER BY reading_time DESC) FILTER (WHERE {metric.field} IS NOT NULL))[1]"


def _shown(row: Sequence[Any], metrics: list[Metric]) -> dict[str, Any]:
    values = zip(metrics, row[1:], strict=True)
    return {"reading_time": row[0], **{m.field: as_shown(m.field, m.kind, value) for m, value in values}}
