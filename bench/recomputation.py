"""Whether the rollups are, bit for bit, what all stored readings come to when they are looked at again."""

from django.db import connection, transaction

from telemetry.models import SensorReading
from telemetry.rollups import COLUMNS, LEVELS, MACHINES, Level, of_many_readings

_NAMES = ", ".join(("equipment_id", "bucket", *(column.name for column in COLUMNS)))
_READINGS = f"""(
    SELECT reading.*, is_fast, time_zone FROM {SensorReading._meta.db_table} AS reading
    JOIN ({MACHINES}) AS machines USING (equipment_id)
) AS readings"""


def count_buckets() -> tuple[int, int]:
    """How many there are, and how many differ, are missing or should not be there. Takes a while."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL statement_timeout = 0")
        kept = differing = 0
        for level in LEVELS:
            cursor.execute(f"SELECT count(*) FROM {level.table}")
            kept += cursor.fetchone()[0]
            cursor.execute(_differing(level))
            differing += cursor.fetchone()[0]
    return kept, differing


def _differing(level: Level) -> str:
    """Counts keys: a bucket that differs is in both halves."""
    there, anew = f"SELECT {_NAMES} FROM {level.table}", of_many_readings(level, _READINGS)
    return f"""
        SELECT count(DISTINCT (equipment_id, bucket)) FROM (
            (({there}) EXCEPT ALL ({anew})) UNION ALL (({anew}) EXCEPT ALL ({there}))
        ) AS differing
    """
