"""What lower apps have said, judged; and what pages of theirs are to know of alerts."""

from collections.abc import Sequence
from typing import Any

from alerts.selectors import snapshot_of
from alerts.services import evaluate_readings
from telemetry.services import EquipmentReading


def evaluate_stored(readings: Sequence[EquipmentReading], **kwargs: Any) -> None:
    evaluate_readings(readings)


def add_to_snapshot(user: Any, **kwargs: Any) -> dict[str, Any]:
    return snapshot_of(user)
