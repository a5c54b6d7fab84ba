"""What has arrived and is not stored yet. The collector's loop fills it; a thread of its own empties it.

Readings and connection events go in one batch: to the database; if it is away, readings to the broker; if that is
away too, they wait here.
"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from connectors import Reading
from equipment.models import ConnectionLog
from equipment.services import record_connection_events
from telemetry.handover import dump_readings
from telemetry.services import EquipmentReading, store_sensor_readings

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
# About 500 MB of readings. Beyond it the oldest are given up, which is logged: better a hole than a dead worker.
CAPACITY = 500_000
EVENT_CAPACITY = 10_000


class Outbox:
    """Readings and connection events on their way out. `hand_over` sends a text to the broker, without waiting."""

    def __init__(self, hand_over: Any) -> None:
        self.readings: deque[EquipmentReading] = deque(maxlen=CAPACITY)
        self.events: deque[ConnectionLog] = deque(maxlen=EVENT_CAPACITY)
        self.hand_over = hand_over
        self.database_away = False

    def add(self, equipment_id: int, reading: Reading, received_at: datetime) -> None:
        if len(self.readings) == CAPACITY:
            logger.error("Neither database nor broker takes readings; the oldest one waiting was given up")
        self.readings.append(EquipmentReading(equipment_id=equipment_id, reading=reading, received_at=received_at))

    def __len__(self) -> int:
        return len(self.readings) + len(self.events)

    def flush(self) -> bool:
        """Write one batch. False if it has to wait. Blocks: run it on the collector's database thread."""
        readings = [self.readings.popleft() for _ in range(min(BATCH_SIZE, len(self.readings)))]
        events = [self.events.popleft() for _ in range(len(self.events))]
        try:
            store_sensor_readings(readings)
            readings = []
            if events:
                _record(events)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            self.events.extendleft(reversed(events))
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
        return True

    def _log_once(self, error: Exception) -> None:
        if not self.database_away:
            logger.warning("The database is away, readings go to the broker: %s", error)
        self.database_away = True


def _record(events: Sequence[ConnectionLog]) -> None:
    """What the database refuses is logged and left out; it must not take the collector with it."""
    try:
        record_connection_events(events)
    except (DataError, IntegrityError, ValueError):
        if len(events) == 1:
            logger.exception("The database refused a connection event of equipment %s", events[0].equipment_id)
            return
        for event in events:
            _record([event])
