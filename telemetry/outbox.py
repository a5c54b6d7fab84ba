"""What has arrived and is not stored yet. The collector's loop fills it; a thread of its own empties it.

Readings and connection events go in one batch: to the database; if it is away, readings to the broker; if that is
away too, they wait here. What a machine repeats until it is confirmed waits for the database alone.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from connectors import Reading
from equipment.models import ConnectionLog
from equipment.services import record_connection_events
from telemetry.handover import dump_readings
from telemetry.services import EquipmentReading, store_sensor_readings

logger = logging.getLogger(__name__)

T = TypeVar("T")
BATCH_SIZE = 500
# About 500 MB of readings. Beyond it the oldest are given up, which is logged: better a hole than a dead worker.
CAPACITY = 500_000
EVENT_CAPACITY = 10_000


class Origin(Protocol):
    """Who pushed a reading, and limits how many of its own wait here."""

    @property
    def repeats(self) -> bool:
        """What is not confirmed comes again, so that it needs no other safe place."""

    def settle(self, readings: Sequence[Reading]) -> None:
        """These wait no longer: they are stored, or handed over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedReading(EquipmentReading):
    origin: Origin


class Outbox:
    """Readings and connection events on their way out. `hand_over` sends a text to the broker, without waiting."""

    def __init__(self, hand_over: Any) -> None:
        self.readings: deque[EquipmentReading] = deque(maxlen=CAPACITY)
        self.unconfirmed: deque[PushedReading] = deque()  # bounded by their origins
        self.events: deque[ConnectionLog] = deque(maxlen=EVENT_CAPACITY)
        self.settled: deque[PushedReading] = deque()  # for the loop: their origins live there
        self.hand_over = hand_over
        self.database_away = False

    def add(self, equipment_id: int, reading: Reading, received_at: datetime, origin: Origin | None = None) -> None:
        item: EquipmentReading
        if origin is None:
            item = EquipmentReading(equipment_id=equipment_id, reading=reading, received_at=received_at)
        else:
            item = PushedReading(equipment_id=equipment_id, reading=reading, received_at=received_at, origin=origin)
            if origin.repeats:
                self.unconfirmed.append(item)
                return
        if len(self.readings) == CAPACITY:
            logger.error("Neither database nor broker takes readings; the oldest one waiting was given up")
            self._settle([self.readings.popleft()])
        self.readings.append(item)

    def __len__(self) -> int:
        return len(self.readings) + len(self.unconfirmed) + len(self.events)

    def flush(self) -> bool:
        """Write one batch. False if it has to wait. Blocks: run it on the collector's database thread."""
        readings, unconfirmed = _take(self.readings, BATCH_SIZE), _take(self.unconfirmed, BATCH_SIZE)
        events = _take(self.events, EVENT_CAPACITY)
        try:
            store_sensor_readings([*readings, *unconfirmed])
            self._settle([*readings, *unconfirmed])
            readings, unconfirmed = [], []
            if events:
                _record(events)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            self.events.extendleft(reversed(events))
            self.unconfirmed.extendleft(reversed(unconfirmed))
            self._log_once(error)
            return not readings or self._hand_over(readings)
        if self.database_away:
            logger.info("The database is back")
        self.database_away = False
        return True

    def _hand_over(self, readings: Sequence[EquipmentReading]) -> bool:
        try:
            self.hand_over(dump_readings(readings))
        except (BrokerError, RedisError, OSError):
            self.readings.extendleft(reversed(readings))
            return False
        self._settle(readings)
        return True

    def _settle(self, readings: Iterable[EquipmentReading]) -> None:
        self.settled.extend([item for item in readings if isinstance(item, PushedReading)])

    def _log_once(self, error: Exception) -> None:
        if not self.database_away:
            logger.warning("The database is away, readings go to the broker: %s", error)
        self.database_away = True


def _take(queue: deque[T], most: int) -> list[T]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]


def _record(events: Sequence[ConnectionLog]) -> None:
    """What the database refuses is logged and left out; it must not take the collector with it."""
    try:
        record_connection_events(events)
    except (DataError, IntegrityError, ValueError):
        if len(events) == 1:
            machine = events[0].equipment_id
            logger.exception(
                "The database refused a connection event of equipment %s", machine, extra={"equipment": machine}
            )
            return
        for event in events:
            _record([event])
