"""What the other rooms call: judge what was stored, and look at the clock."""

import logging
from collections.abc import Sequence
from threading import Lock

from django.db import DatabaseError, InterfaceError

from alerts.opening import record_changes
from alerts.watch import Watch
from telemetry.monitoring import evaluating
from telemetry.quality import mark_suspect
from telemetry.services import EquipmentReading

logger = logging.getLogger(__name__)

_watch = Watch()
_watching = Lock()


def evaluate_readings(readings: Sequence[EquipmentReading]) -> None:
    """Judge a stored batch. Without the database nothing is lost: the timers' rows say how far each rule was."""
    with _watching, evaluating(len(readings)):
        try:
            findings = _watch.judge(readings)
            mark_suspect(findings.suspects)
            record_changes(findings.changes)
        except (DatabaseError, InterfaceError) as error:
            _watch.forget({item.equipment_id for item in readings})
            logger.error("A batch of %d readings was not judged: %s", len(readings), error)


def start_afresh() -> None:
    """Forget what this process remembers, as a restart would."""
    global _watch
    with _watching:
        _watch = Watch()
