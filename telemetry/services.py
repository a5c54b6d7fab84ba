"""The store: readings come in batches, and one statement takes a batch.

`docs/` and the storage notes give the measured reason: one statement costs the server the same for 1 reading as for
50, and the rows that were not new never reach the latest value, so duplicates and late readings are exact.
"""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from django.db import connection, transaction
from django.db.utils import DataError, IntegrityError
from django.utils import timezone

from connectors.reading import Reading
from telemetry import monitoring
from telemetry.live import publish
from telemetry.metrics import METRICS, Kind
from telemetry.models import STATES, LatestReading, SensorReading
from telemetry.partitions import create_partitions, drop_partitions
from telemetry.pushing import publish_readings
from telemetry.signals import readings_stored

logger = logging.getLogger(__name__)

COLUMNS = ("equipment_id", "reading_time", "received_at", *(metric.field for metric in METRICS))
# Half of a column's bytes would be wasted to send `real` as text; arrays go in binary and are cast on arrival.
ARRAY_TYPES = (
    "bigint[]",
    "timestamptz[]",
    "timestamptz[]",
    *("smallint[]" if metric.kind is Kind.STATE else f"{metric.kind}[]" for metric in METRICS),
)
STATE_NUMBERS = {field: {word: number for number, word in enumerate(words)} for field, words in STATES.items()}
NUMBER_LIMITS = {Kind.REAL: 3.4e38, Kind.DOUBLE: math.inf, Kind.SMALLINT: 32_767}
PARTITIONS_AHEAD = timedelta(weeks=3)
# A machine's clock may be this far ahead before we take our own time: it must not block the true values to come.
CLOCK_TOLERANCE = timedelta(seconds=60)

_columns = ", ".join(COLUMNS)
_overwrite = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])
# Ordered by the key, so that two writers lock rows in the same order.
STORE = f"""
WITH arrived AS (
    SELECT * FROM unnest({", ".join(f"%b::{array_type}" for array_type in ARRAY_TYPES)}) AS arrived ({_columns})
), stored AS (
    INSERT INTO {SensorReading._meta.db_table} ({_columns})
    SELECT {_columns} FROM arrived ORDER BY equipment_id, reading_time
    ON CONFLICT (equipment_id, reading_time) DO NOTHING
    RETURNING {_columns}
), latest AS (
    INSERT INTO {LatestReading._meta.db_table} AS latest ({_columns})
    SELECT DISTINCT ON (equipment_id) {_columns} FROM stored ORDER BY equipment_id, reading_time DESC
    ON CONFLICT (equipment_id) DO UPDATE SET {_overwrite} WHERE latest.reading_time < excluded.reading_time
    RETURNING equipment_id
)
SELECT stored.equipment_id, stored.reading_time, latest.equipment_id IS NOT NULL
FROM stored LEFT JOIN latest USING (equipment_id)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class EquipmentReading:
    """A reading, the machine it came from (primary key) and when it reached us."""

    equipment_id: int
    reading: Reading
    received_at: datetime


def store_sensor_readings(batch: Sequence[EquipmentReading], *, tell: bool = True) -> int:
    """Save readings and tell the screens once they are committed. Returns how many were new.

    A machine that reports the same moment twice is dropped here: brokers deliver twice after a reconnect. A reading
    that PostgreSQL refuses is logged and left out; it does not take the others with it. `tell=False` is for imports
    of history, which nobody is waiting to see. Raises Django's `OperationalError` when the database is away.
    """
    if not batch:
        return 0
    try:
        with transaction.atomic():
            with monitoring.STORE.time():
                rows = _execute(batch)
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


def _execute(batch: Sequence[EquipmentReading]) -> list[tuple[int, datetime, bool]]:
    rows = [row for item in batch if (row := _row(item))]
    arrays = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in COLUMNS]
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(STORE, arrays, prepare=True)
        return cursor.fetchall()


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
    # A machine whose clock is wrong has another time in its row than in its reading.
    publish(latest - newest.keys())
    # Robust: an error in an app above is logged there, and must not look as if the readings had not been stored.
    readings_stored.send_robust(sender=SensorReading, readings=readings)


def _row(item: EquipmentReading) -> tuple[Any, ...] | None:
    """The reading's columns. None, and a line in the log, where a connector broke the promise of `Reading`."""
    reading_time, quality = item.reading.reading_time, dict(item.reading.quality)
    if reading_time - item.received_at > CLOCK_TOLERANCE:
        reading_time, quality["reading_time"] = item.received_at, "uncertain"
    try:
        values = [_value(metric.kind, metric.field, item.reading) for metric in METRICS if metric.field != "quality"]
    except (TypeError, ValueError, KeyError) as error:
        logger.error("The connector of equipment %s gave something that is no reading: %r", item.equipment_id, error)
        return None
    return (item.equipment_id, reading_time, item.received_at, *values, _json(quality))


def _value(kind: Kind, field: str, reading: Reading) -> Any:
    value = getattr(reading, field)
    if value is None:
        return None
    if kind is Kind.JSON:
        return _json(value)
    if kind is Kind.STATE:
        return STATE_NUMBERS[field][value]
    return value if math.isfinite(value) and abs(value) <= NUMBER_LIMITS[kind] else None


def _json(value: Any) -> str | None:
    """NULL for an empty object: most readings have most of them empty, and NULL costs no byte."""
    if not value:
        return None
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(_storable(value)).decode()
    # jsonb has no way to write the character NUL.
    return orjson.dumps(_storable(value)).decode() if "\\u0000" in text else text


def _storable(value: Any) -> Any:
    """What PostgreSQL cannot keep, as near to it as it can: machines send broken text and endless numbers."""
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    return str(value).encode(errors="replace").decode().replace("\0", "")


def maintain_partitions(*, keep_days: int) -> None:
    """Make the coming weeks and drop those that lie more than `keep_days` back."""
    now = timezone.now()
    create_partitions(now - timedelta(weeks=1), now + PARTITIONS_AHEAD)
    drop_partitions(now - timedelta(days=keep_days))
