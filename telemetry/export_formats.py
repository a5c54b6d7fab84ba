"""Readings as text: CSV for spreadsheets, NDJSON for programs."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from equipment.spreadsheets import disarm

LINES = 500


def write_csv(
    rows: Iterable[Mapping[str, Any]], fields: Sequence[str], separator: str, decimal: str
) -> Iterator[bytes]:
    """One line per reading. Objects, such as the zones, stand as JSON in one cell, always with decimal points."""
    names = ["reading_time", *fields]
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=separator, lineterminator="\r\n")
    writer.writerow(names)
    iterator = iter(rows)
    while chunk := list(islice(iterator, LINES)):
        writer.writerows([_cell(row[name], decimal) for name in names] for row in chunk)
        yield _take(lines)
    if lines.tell():
        yield _take(lines)


def _take(lines: io.StringIO) -> bytes:
    text = lines.getvalue()
    lines.seek(0)
    lines.truncate()
    return text.encode()


def _cell(value: Any, decimal: str) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, float):
        return repr(value).replace(".", decimal)
    if isinstance(value, dict):
        return orjson.dumps(_disarm(value)).decode()
    return disarm(str(value))


def _disarm(value: Any) -> Any:
    if isinstance(value, dict):
        return {disarm(key): _disarm(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_disarm(item) for item in value]
    return disarm(value) if isinstance(value, str) else value


def write_ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One JSON object per line, in the shape of `readings` of sensor-history."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, LINES)):
        yield b"".join(orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE) for row in chunk)


def in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
