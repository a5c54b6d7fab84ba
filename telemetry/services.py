"""Storing readings, and what follows from it. The statement itself is in `telemetry.store`."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.utils import DataError, IntegrityError

from telemetry import monitoring
from telemetry.live import publish
from telemetry.models import SensorReading
from telemetry.partitions import list_partitions
from telemetry.pushing import publish_readings
from telemetry.signals import readings_stored
from telemetry.store import EquipmentReading as EquipmentReading
from telemetry.store import insert_readings, overwrite_readings

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
# A machine's clock may be this far ahead before we take our own time: it must not block the true values to come.
CLOCK_TOLERANCE = timedelta(seconds=60)


def store_sensor_readings(batch: Sequence[EquipmentReading], *, tell: bool = True) -> int:
    """Save readings and tell the screens once they are committed. Returns how many were new.

    A machine that reports the same moment twice is dropped here: brokers deliver twice after a reconnect. A reading
    that PostgreSQL refuses is logged and left out; it does not take the others with it. `tell=False` is for imports
    of history, which nobody is waiting to see. Raises Django's `OperationalError` when the database is away.
    """
    if not batch:
        return 0
    batch = [_with_believable_time(item) for item in batch]
    try:
        with transaction.atomic():
            with monitoring.STORE.time():
                rows = insert_readings(batch)
            monitoring.BATCHES.observe(len(rows))
            if tell:
                transaction.on_commit(lambda: _tell(batch, rows))
    except (DataError, IntegrityError) as error:
        if len(batch) == 1:
            logger.error("PostgreSQL refused a reading of equipment %s: %s", batch[0].equipment_id, error)
            return 0
        middle = len(batch) // 2
        return store_sensor_readings(batch[:middle], tell=tell) + store_sensor_readings(batch[middle:], tell=tell)
    return len(rows)


def correct_sensor_readings(batch: Sequence[EquipmentReading]) -> int:
    """Put readings in the place of those stored for the same moments, and compute their rollups anew.

    Returns how many were written. For what a machine or a person has put right afterwards. Raises `ValueError` for a
    moment of which the readings are no longer kept, since their rollups could not be computed.
    """
    oldest = list_partitions()[0] + DAY
    if too_old := [item for item in batch if item.reading.reading_time < oldest]:
        moment = min(item.reading.reading_time for item in too_old)
        raise ValueError(f"{moment:%d.%m.%Y %H:%M} UTC cannot be corrected: readings are kept since {oldest:%d.%m.%Y}.")
    with transaction.atomic():
        count = overwrite_readings(batch)
        transaction.on_commit(lambda: publish({item.equipment_id for item in batch}))
    return count


def _with_believable_time(item: EquipmentReading) -> EquipmentReading:
    reading = item.reading
    if reading.reading_time - item.received_at <= CLOCK_TOLERANCE:
        return item
    quality = {**reading.quality, "reading_time": "uncertain"}
    return replace(item, reading=replace(reading, reading_time=item.received_at, quality=quality))


def _tell(batch: Sequence[EquipmentReading], rows: Iterable[tuple[int, datetime, bool]]) -> None:
    new, latest = set(), set()
    for equipment_id, reading_time, is_latest in rows:
        new.add((equipment_id, reading_time))
        if is_latest:
            latest.add(equipment_id)
    readings = [item for item in batch if (item.equipment_id, item.reading.reading_time) in new]
    newest: dict[int, EquipmentReading] = {}
    for item in readings:
        before = newest.get(item.equipment_id)
        if before is None or before.reading.reading_time < item.reading.reading_time:
            newest[item.equipment_id] = item
    with monitoring.PUSH.time():
        publish_readings([item for item in newest.values() if item.equipment_id in latest])
    # Robust: an error in an app above is logged there, and must not look as if the readings had not been stored.
    readings_stored.send_robust(sender=SensorReading, readings=readings)
