"""Marks stored values that cannot be true. They stay as they are: kept, shown, and named as suspect."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

SUSPECT = "suspect"
MARK = """
UPDATE {table} AS kept SET quality = coalesce(kept.quality, '{{}}'::jsonb) || marked.quality::jsonb
FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS marked(equipment_id, reading_time, quality)
WHERE kept.equipment_id = marked.equipment_id AND kept.reading_time = marked.reading_time
"""


def mark_suspect(found: Sequence[tuple[int, datetime, tuple[str, ...]]]) -> None:
    """Name these fields of these readings (machine, moment, fields) in `quality`, in the history and the latest."""
    if not found:
        return
    ordered = sorted(found)
    arrays: list[Any] = [
        [equipment_id for equipment_id, _, _ in ordered],
        [moment for _, moment, _ in ordered],
        [orjson.dumps(dict.fromkeys(fields, SUSPECT)).decode() for _, _, fields in ordered],
    ]
    with connection.cursor() as cursor:
        for table in ("equipment_sensor_readings", "equipment_latest_readings"):
            cursor.execute(MARK.format(table=table), arrays)
