"""Readings of any range as a file, row by row: never more in memory than a chunk of it.

Each chunk is a query of its own that goes on after the last moment: a reader who takes an hour holds no transaction.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from equipment.models import Equipment
from telemetry.live import as_shown
from telemetry.metrics import METRICS

CHUNK_ROWS = 2000


def iter_sensor_history(
    equipment: Equipment, start: datetime, end: datetime, fields: Iterable[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Every reading between two aware moments, both included, oldest first: `reading_time` and the named values."""
    metrics = [metric for metric in METRICS if fields is None or metric.field in set(fields)]
    columns = ", ".join(["reading_time", *(metric.field for metric in metrics)])
    after = ">="
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM equipment_sensor_readings WHERE equipment_id = %s"
                f" AND reading_time {after} %s AND reading_time <= %s ORDER BY reading_time LIMIT %s",
                [equipment.pk, start, end, CHUNK_ROWS],
            )
            rows = cursor.fetchall()
        for row in rows:
            values = zip(metrics, row[1:], strict=True)
            yield {"reading_time": row[0], **{m.field: as_shown(m.field, m.kind, value) for m, value in values}}
        if len(rows) < CHUNK_ROWS:
            return
        start, after = rows[-1][0], ">"


async def stream(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts as they are made. Given plainly, Django would gather all of them before it sends the first."""
    take = sync_to_async(next)
    while (part := await take(parts, None)) is not None:
        yield part


def begin(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Makes the first part at once: what fails there can still be answered with an error."""
    return chain([next(parts, b"")], parts)
