"""How far a batch is: its own plan, what its machine says now, and the curve so far."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from equipment.models import Batch
from telemetry.history import get_sensor_history
from telemetry.selectors import get_realtime_data

PLANNED, RUNNING, FINISHED = "planned", "running", "finished"


def get_batch_tracking(batch: Batch, points: int = 500, fields: Iterable[str] | None = None) -> dict[str, Any]:
    """The answer of `realtime-tracking`. `realtime_data` and `curve` have the shapes of the machine's own answers."""
    now = timezone.now()
    status = _status_of(batch, now)
    current = get_realtime_data(batch.equipment_id) if status == RUNNING else None
    return {
        "batch_id": str(batch.uuid),
        "batch_name": str(batch),
        "product": batch.product,
        "number": batch.number,
        "external_id": batch.external_id,
        "equipment_id": str(batch.equipment.uuid),
        "equipment_name": batch.equipment.name,
        "status": status,
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
        "target_temperature": batch.target_temperature,
        "expected_minutes": batch.expected_minutes,
        **_progress_of(batch, status, current, now),
        "realtime_data": current,
        "curve": _curve_of(batch, now, points, fields),
    }


def _status_of(batch: Batch, now: datetime) -> str:
    if batch.started_at > now:
        return PLANNED
    return RUNNING if batch.ended_at is None or batch.ended_at > now else FINISHED


def _progress_of(batch: Batch, status: str, current: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """By the machine's programme where it tells, else by the clock and the minutes that the batch should take."""
    expected = batch.expected_minutes
    elapsed = max(0.0, (min(batch.ended_at or now, now) - batch.started_at) / timedelta(minutes=1))
    progress: float | None = None if expected is None else round(min(100.0, 100 * elapsed / expected), 1)
    left: int | None = None if expected is None else max(0, math.ceil(expected - elapsed))
    source = None if expected is None else "clock"
    if status == FINISHED:
        progress, left = 100.0, 0
    elif current is not None and current["cycle_progress_percentage"] is not None:
        progress, source = current["cycle_progress_percentage"], "machine"
        left = left if current["time_remaining_minutes"] is None else current["time_remaining_minutes"]
    return {
        "elapsed_minutes": round(elapsed, 1),
        "progress_percentage": progress,
        "time_remaining_minutes": left,
        "progress_source": source,
        "expected_end_at": None if expected is None else batch.started_at + timedelta(minutes=expected),
    }


def _curve_of(batch: Batch, now: datetime, points: int, fields: Iterable[str] | None) -> dict[str, Any] | None:
    """None before the batch begins."""
    end = min(batch.ended_at or now, now)
    if end <= batch.started_at:
        return None
    return get_sensor_history(batch.equipment, batch.started_at, end, points, fields)
