"""The audit trail's entries as CSV and JSON: who changed what, when, from what to what. Secrets are masked in them."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from auditlog.models import LogEntry

from equipment.spreadsheets import defuse

COLUMNS = ("time", "who", "program", "from_address", "action", "kind", "id", "name", "field", "before", "after")


def write_csv(entries: Iterable[LogEntry]) -> Iterator[str]:
    """A line per changed field, so that a spreadsheet can be sorted and filtered by it."""
    line = csv.writer(_Echo()).writerow
    yield line(COLUMNS)
    for entry in entries:
        told = describe(entry)
        changes = told.pop("changes")
        for field, (before, after) in changes.items() or [("", ("", ""))]:
            yield line([defuse(value) for value in (*told.values(), field, before, after)])


def write_json(entries: Iterable[LogEntry]) -> Iterator[str]:
    """One array. Each entry ends in a new line, so that what was cut off can be seen."""
    yield "["
    for number, entry in enumerate(entries):
        yield ("," if number else "") + "\n" + json.dumps(describe(entry), ensure_ascii=False)
    yield "\n]\n"


def describe(entry: LogEntry) -> dict[str, Any]:
    return {
        "time": entry.timestamp.isoformat(),
        "who": entry.actor.get_username() if entry.actor else "",
        "program": (entry.additional_data or {}).get("api_client", ""),
        "from_address": entry.remote_addr or "",
        "action": entry.get_action_display(),
        "kind": entry.content_type.name,
        "id": entry.object_pk,
        "name": entry.object_repr,
        "changes": {field: _before_and_after(change) for field, change in (entry.changes_dict or {}).items()},
    }


def _before_and_after(change: Any) -> tuple[str, str]:
    """A list of two, or what was added to or taken from a list of rows."""
    if isinstance(change, dict):
        names = ", ".join(map(str, change.get("objects", ())))
        return ("", names) if change.get("operation") == "add" else (names, "")
    before, after = change
    return str(before), str(after)


class _Echo:
    """For csv.writer: what is written is its own answer, so that nothing has to be gathered."""

    def write(self, text: str) -> str:
        return text
