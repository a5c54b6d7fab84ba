"""Doors for Celery: the tick, readings handed over by a poll worker without a database, and the nightly run."""

from typing import Any

from celery import Task, shared_task
from django.db import InterfaceError, OperationalError

from telemetry import poll_worker, retention, services
from telemetry.handover import parse_readings

LONGEST_PAUSE_SECONDS = 30


@shared_task
def poll_due_equipment() -> None:
    """Wake the collector and return; it never waits for a machine."""
    poll_worker.wake()


@shared_task(bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=None)
def store_sensor_readings(self: "Task[Any, Any]", readings: str) -> int:
    """Readings of a poll worker that found no database, tried until they land."""
    try:
        return services.store_sensor_readings(parse_readings(readings))
    except (OperationalError, InterfaceError) as error:
        pause = min(2**self.request.retries, LONGEST_PAUSE_SECONDS)
        raise self.retry(exc=error, countdown=pause) from error


@shared_task
def maintain_storage() -> None:
    retention.maintain_storage()
