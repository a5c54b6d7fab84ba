"""Reads of what the machines said: now, and over time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection
from django.utils import timezone

from equipment.models import Bakery, Batch
from equipment.selectors import bakeries_for, equipment_for
from telemetry.live import HEARTBEAT_SECONDS, as_shown, live_state, with_live_state
from telemetry.metrics import METRICS
from telemetry.signals import snapshot_asked
from telemetry.store import raw_cursor

TREND = timedelta(minutes=5)


_REALTIME_FIELDS = (
    "temperature",
    "temperature_zones",
    "humidity",
    "operational_status",
    "cycle_stage",
    "cycle_progress_percentage",
    "time_remaining_minutes",
    "energy_consumption_kwh",
)
_KINDS = {metric.field: metric.kind for metric in METRICS}
# By hand: to have the ORM write it anew each time takes three times as long as to run it.
_REALTIME = f"""
SELECT machine.uuid, machine.name, latest.reading_time, machine.iot_connection_status,
    batch.uuid, batch.product, batch.number, {", ".join(f"latest.{field}" for field in _REALTIME_FIELDS)}
FROM equipment AS machine LEFT JOIN equipment_latest_readings AS latest ON latest.equipment_id = machine.id
LEFT JOIN LATERAL (
    SELECT uuid, product, number FROM equipment_batch
    WHERE equipment_id = machine.id AND ended_at IS NULL AND started_at <= $1 ORDER BY started_at DESC LIMIT 1
) AS batch ON true
WHERE machine.id = $2 AND machine.archived_at IS NULL
"""


def get_realtime_data(equipment_id: int) -> dict[str, Any] | None:
    """The guide's answer of `realtime-data`, with its keys in its order. None of a machine that is archived."""
    row = _fetch_prepared(_REALTIME, timezone.now(), equipment_id)
    if row is None:
        return None
    uuid, name, moment, connection_status, batch, product, number, *values = row
    return {
        "equipment_id": str(uuid),
        "equipment_name": name,
        "timestamp": moment,
        "connection_status": connection_status,
        **{f: as_shown(f, _KINDS[f], value) for f, value in zip(_REALTIME_FIELDS, values, strict=True)},
        "active_batch_id": str(batch) if batch else None,
        "active_batch_name": str(Batch(product=product, number=number)) if batch else None,
    }


def _fetch_prepared(statement: str, *parameters: Any) -> tuple[Any, ...] | None:
    """The first row. A session that broke since the last request is replaced; Django would test it before each."""
    try:
        return _fetch(statement, parameters)
    except OperationalError:
        if connection.in_atomic_block or not connection.connection or not connection.connection.closed:
            raise
        connection.close()
        return _fetch(statement, parameters)


def _fetch(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    with raw_cursor() as cursor:
        row: tuple[Any, ...] | None = cursor.execute(statement, parameters, prepare=True).fetchone()
        return row


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
