"""The last day of a new demo oven, so that its charts are not empty at first sight: computed, with honest gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.simulators.fleet import TEIDE
from connectors.simulators.site import UNTOLD
from equipment.models import ConnectionEventType, ConnectionLog, IoTConnectionStatus
from telemetry.models import LatestReading
from telemetry.partitions import create_partitions
from telemetry.services import EquipmentReading, store_sensor_readings

from .machines import DemoMachine

STEP = timedelta(minutes=1)
_TRAVEL = timedelta(milliseconds=120)
_BATCH_SIZE = 2000
# (how long ago it began, how long it took)
_SHOP_OUTAGE = (timedelta(hours=9, minutes=20), timedelta(minutes=35))
_OVEN_OUTAGE = (timedelta(hours=2, minutes=10), timedelta(minutes=12))
_OUTAGE_SENTENCE = (
    "The machine did not answer within 5 s. Check that it is switched on and that its network cable is plugged in."
)


def store_history(machines: Sequence[DemoMachine], since: datetime, now: datetime) -> int:
    """One reading a minute for those that have none. Returns how many were stored."""
    known = set(LatestReading.objects.values_list("equipment_id", flat=True))
    new = [machine for machine in machines if machine.equipment.pk not in known]
    if not new or since >= now:
        return 0
    create_partitions(since, now)
    stored, waiting = 0, []
    for reading in _readings(new, since, now):
        waiting.append(reading)
        if len(waiting) == _BATCH_SIZE:
            stored += store_sensor_readings(waiting, tell=False)
            waiting = []
    stored += store_sensor_readings(waiting, tell=False)
    _log_outages(new, since, now)
    return stored


def outage_of(machine: DemoMachine, now: datetime) -> tuple[datetime, datetime] | None:
    """When nothing could be read from this machine: a shop was without internet, and one oven without its network."""
    spec = machine.oven.spec
    if spec.bakery is TEIDE:
        ago, length = _SHOP_OUTAGE
    elif spec.key == "sol-3":
        ago, length = _OVEN_OUTAGE
    else:
        return None
    return now - ago, now - ago + length


def _readings(machines: Sequence[DemoMachine], since: datetime, now: datetime) -> Iterator[EquipmentReading]:
    for machine in machines:
        outage = outage_of(machine, now)
        untold: dict[str, Any] = dict.fromkeys(UNTOLD.get(machine.oven.spec.protocol, ()))
        moment = since.replace(microsecond=0)
        while moment < now:
            if outage is None or not outage[0] <= moment < outage[1]:
                yield EquipmentReading(
                    equipment_id=machine.equipment.pk,
                    reading=replace(machine.oven.read(moment), **untold),
                    received_at=moment + _TRAVEL,
                )
            moment += STEP


def _log_outages(machines: Sequence[DemoMachine], since: datetime, now: datetime) -> None:
    """As history: these rows must not change what the machine's card says now."""
    rows = []
    for machine in machines:
        if (outage := outage_of(machine, now)) and outage[0] > since:
            rows.append(
                ConnectionLog(
                    equipment=machine.equipment,
                    event_type=ConnectionEventType.DISCONNECTED,
                    event_time=outage[0],
                    connection_status=IoTConnectionStatus.DISCONNECTED,
                    error_message=_OUTAGE_SENTENCE,
                    error_code="timeout",
                )
            )
            rows.append(
                ConnectionLog(
                    equipment=machine.equipment,
                    event_type=ConnectionEventType.CONNECTED,
                    event_time=outage[1],
                    connection_status=IoTConnectionStatus.CONNECTED,
                    response_time_ms=_TRAVEL // timedelta(milliseconds=1),
                )
            )
    ConnectionLog.objects.bulk_create(rows)
