"""Tables for the person who tests a connection, made fit for JSON and for a page. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .reading import Details

MOST_ROWS = 500
_LONGEST_TEXT = 10_000
_EXACT = 2**53  # beyond it a browser rounds numbers


def plain_details(details: Details) -> dict[str, list[dict[str, Any]]]:
    """The same tables of plain JSON values, at most MOST_ROWS rows each and another one that says how many more."""
    return {str(name): _plain_rows(rows) for name, rows in details.items()}


def _plain_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    shown = [{str(key): _plain(value) for key, value in row.items()} for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        shown.append({next(iter(shown[0]), ""): f"… and {len(rows) - MOST_ROWS} more"})
    return shown


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    # Names come from the machine: half of a surrogate pair cannot be sent.
    return str(value)[:_LONGEST_TEXT].encode(errors="replace").decode()
