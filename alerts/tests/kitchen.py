"""A machine whose readings are judged minute by minute, at a clock of the test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import TestCase

from alerts import patrol
from alerts.models import Alert
from connectors import Reading
from connectors.reading import CycleStage, OperationalStatus
from equipment.models import Equipment
from telemetry.services import EquipmentReading, store_sensor_readings

START = datetime(2026, 11, 23, 8, tzinfo=UTC)  # a Monday, 09:00 in Madrid


def say(machine: Equipment, at: datetime, *, late: timedelta = timedelta(0), **values: Any) -> None:
    """One reading of a machine that bakes at its target of 200 °C, unless the values say otherwise."""
    baking = {
        "temperature": 200.0,
        "target_temperature": 200.0,
        "operational_status": OperationalStatus.RUNNING,
        "cycle_stage": CycleStage.BAKING,
    }
    reading = Reading(reading_time=at, **{**baking, **values})
    with TestCase.captureOnCommitCallbacks(execute=True):
        store_sensor_readings([EquipmentReading(equipment_id=machine.pk, reading=reading, received_at=at + late)])


def say_for(machine: Equipment, start: datetime, minutes: float, every_seconds: int = 30, **values: Any) -> datetime:
    """The same reading over and over; returns the moment after the last."""
    for number in range(int(minutes * 60 / every_seconds)):
        say(machine, start + timedelta(seconds=number * every_seconds), **values)
    return start + timedelta(minutes=minutes)


def look_at(moment: datetime) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        patrol.look_around(moment.timestamp())


def only_alert() -> Alert:
    return Alert.objects.get()


def told(alert: Alert) -> list[str]:
    """The kinds of events that people are told of, in their order."""
    return [str(event) for event in alert.events.filter(announce=True).values_list("event", flat=True)]
