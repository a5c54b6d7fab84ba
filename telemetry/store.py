"""The statement that stores a batch, and the rows that go into it.

`docs/performance.md` gives the measured reason: one statement costs the server nearly the same for 1 reading as for
50, and rows that were not new never reach the latest value and the rollups, so duplicates and late readings are exact.
"""

import logging
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg
from django.db import connection
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import TimestamptzLoader

from connectors.reading import Reading
from telemetry.metrics import METRICS, Kind, Metric
from telemetry.models import STATES, LatestReading, SensorReading
from telemetry.rollups import (
    LEVELS,
    MACHINES,
    Level,
    lock_in,
    merge_into,
    of_many_readings,
    of_single_readings,
    recompute_in,
)

logger = logging.getLogger(__name__)

_values_of = operator.attrgetter(*(metric.field for metric in METRICS))
COLUMNS = ("equipment_id", "reading_time", "received_at", *(metric.field for metric in METRICS))
# Half of a column's bytes would be wasted to send `real` as text; arrays go in binary and are cast on arrival.
ARRAY_TYPES = (
    "bigint[]",
    "timestamptz[]",
    "timestamptz[]",
    *("smallint[]" if metric.kind is Kind.STATE else f"{metric.kind}[]" for metric in METRICS),
)
STATE_NUMBERS = {field: {word: number for number, word in enumerate(words)} for field, words in STATES.items()}
# No oven has such values; beyond them a day's sum of thousandths would not fit into eight bytes.
NUMBER_LIMITS = {Kind.REAL: 1e9, Kind.DOUBLE: 1e9, Kind.SMALLINT: 32_767}

_columns = ", ".join(COLUMNS)
_overwrite = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])
_arrays = ", ".join(f"${number}::{array_type}" for number, array_type in enumerate(ARRAY_TYPES, 1))


def _statement(buckets: Callable[[Level, str], str]) -> str:
    """Ordered by the key everywhere, so that two writers lock rows in the same order."""
    rollups = "".join(f", r{level.key} AS ({merge_into(level, 'new_readings', buckets)})" for level in LEVELS)
    return f"""
WITH arrived AS (SELECT * FROM unnest({_arrays}) AS arrived ({_columns})), stored AS (
    INSERT INTO {SensorReading._meta.db_table} ({_columns})
    SELECT {_columns} FROM arrived ORDER BY equipment_id, reading_time
    ON CONFLICT (equipment_id, reading_time) DO NOTHING
    RETURNING {_columns}
), new_readings AS (
    SELECT stored.*, coalesce(is_fast, FALSE) AS is_fast, coalesce(time_zone, 'UTC') AS time_zone
    FROM stored LEFT JOIN ({MACHINES}) AS machines USING (equipment_id)
), latest AS (
    INSERT INTO {LatestReading._meta.db_table} AS latest ({_columns})
    SELECT DISTINCT ON (equipment_id) {_columns} FROM stored ORDER BY equipment_id, reading_time DESC
    ON CONFLICT (equipment_id) DO UPDATE SET {_overwrite} WHERE latest.reading_time < excluded.reading_time
    RETURNING equipment_id
){rollups}
SELECT stored.equipment_id, stored.reading_time, latest.equipment_id IS NOT NULL
FROM stored LEFT JOIN latest USING (equipment_id)
"""


STORE_MANY = _statement(of_many_readings)
# Most batches hold a machine once. Nothing has to be gathered then, which saves the server half of the work.
STORE_SINGLE = _statement(of_single_readings)


_touched = f"""
    SELECT DISTINCT equipment_id, reading_time, is_fast, time_zone
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS moments (equipment_id, reading_time)
    JOIN ({MACHINES}) AS machines USING (equipment_id)
"""
CORRECT = f"""
WITH arrived AS (SELECT * FROM unnest({_arrays}) AS arrived ({_columns})), corrected AS (
    INSERT INTO {SensorReading._meta.db_table} AS reading ({_columns})
    SELECT DISTINCT ON (equipment_id, reading_time) {_columns} FROM arrived ORDER BY equipment_id, reading_time
    ON CONFLICT (equipment_id, reading_time) DO UPDATE SET {_overwrite}
    RETURNING {_columns}
), latest AS (
    INSERT INTO {LatestReading._meta.db_table} AS latest ({_columns})
    SELECT DISTINCT ON (equipment_id) {_columns} FROM corrected ORDER BY equipment_id, reading_time DESC
    ON CONFLICT (equipment_id) DO UPDATE SET {_overwrite} WHERE latest.reading_time <= excluded.reading_time
)
SELECT count(*) FROM corrected
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class EquipmentReading:
    """A reading, the machine it came from (primary key) and when it reached us."""

    equipment_id: int
    reading: Reading
    received_at: datetime


def insert_readings(batch: Sequence[EquipmentReading]) -> list[tuple[int, datetime, bool]]:
    """Store a batch with its latest values and rollups. Gives machine, moment and "is the latest" of each new reading.

    Raises Django's `DataError` and `IntegrityError` when PostgreSQL refuses one of them, `OperationalError` when it is
    away.
    """
    arrays = to_arrays(batch)
    single = len(set(arrays[0])) == len(arrays[0])
    with _store_cursor() as cursor:
        cursor.execute(STORE_SINGLE if single else STORE_MANY, arrays, prepare=True)
        return cursor.fetchall()


@contextmanager
def raw_cursor() -> Iterator["psycopg.RawCursor[Any]"]:
    """Takes PostgreSQL's own placeholders, for statements that are prepared. Django's query log does not see them."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        yield cursor


@contextmanager
def _store_cursor() -> Iterator["psycopg.RawCursor[Any]"]:
    with raw_cursor() as cursor:  # psycopg would look for its own placeholders in the whole long statement each time
        cursor.adapters.register_dumper(list, ListBinaryDumper)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)  # Django's own is one in Python
        yield cursor


def overwrite_readings(batch: Sequence[EquipmentReading]) -> int:
    """Put readings in the place of those of the same moments. Returns how many. Within a transaction."""
    arrays = to_arrays(batch)
    with _store_cursor() as cursor:
        (count,) = cursor.execute(CORRECT, arrays).fetchone() or (0,)
    recompute_rollups(*arrays[:2])
    return int(count)


def recompute_rollups(equipment_ids: list[int], moments: list[datetime]) -> None:
    """Compute the buckets in which these moments lie from all their readings. Within a transaction."""
    with connection.cursor() as cursor:
        for level in LEVELS:
            cursor.execute(lock_in(level, _touched), [equipment_ids, moments])
            cursor.execute(recompute_in(level, _touched), [equipment_ids, moments])


def to_arrays(batch: Sequence[EquipmentReading]) -> list[list[Any]]:
    """The values of COLUMNS, column by column. Where a connector broke the promise of `Reading`, a line in the log."""
    try:
        return _arrays_of(batch)
    except (TypeError, ValueError, KeyError):
        return _arrays_of([item for item in batch if _is_reading(item)])


def _arrays_of(batch: Sequence[EquipmentReading]) -> list[list[Any]]:
    columns = zip(*[_values_of(item.reading) for item in batch], strict=True) if batch else ([] for _ in METRICS)
    return [
        [item.equipment_id for item in batch],
        [item.reading.reading_time for item in batch],
        [item.received_at for item in batch],
        *(_array(metric, column) for metric, column in zip(METRICS, columns, strict=True)),
    ]


def _array(metric: Metric, values: Iterable[Any]) -> list[Any]:
    """A number that is none, or that no column can hold, is not known."""
    if metric.kind is Kind.JSON:
        return [_json(value) if value else None for value in values]
    if metric.kind is Kind.STATE:
        numbers = STATE_NUMBERS[metric.field]
        return [None if value is None else numbers[value] for value in values]
    limit = NUMBER_LIMITS[metric.kind]
    return [value if value is not None and -limit <= value <= limit else None for value in values]


def _is_reading(item: EquipmentReading) -> bool:
    try:
        _arrays_of([item])
    except (TypeError, ValueError, KeyError) as error:
        logger.error("The connector of equipment %s gave something that is no reading: %r", item.equipment_id, error)
        return False
    return True


def _json(value: Any) -> str:
    """Not for an empty object: most readings have most of them empty, and NULL costs no byte."""
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
