"""The audit trail in the admin, and its export: who changed what, when, from what to what. Secrets are masked in it."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.models import LogEntry
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from unfold.admin import ModelAdmin

from equipment.audit import entries_for
from equipment.spreadsheets import defuse

COLUMNS = ("time", "who", "program", "from_address", "action", "kind", "id", "name", "field", "before", "after")
ROWS_AT_ONCE = 2_000


class AuditTrailAdmin(LogEntryAdmin, ModelAdmin):  # type: ignore[misc]
    """Superusers read everything, the others what was done to their own bakeries."""

    actions = ("export_csv", "export_json")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        rows: QuerySet[LogEntry] = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(pk__in=entries_for(request.user).values("pk"))

    @admin.action(description="Download as CSV: a line for each changed field", permissions=["view"])
    def export_csv(self, request: HttpRequest, rows: QuerySet[LogEntry]) -> StreamingHttpResponse:
        return _download(write_csv(rows.iterator(ROWS_AT_ONCE)), "text/csv; charset=utf-8", "csv")

    @admin.action(description="Download as JSON: an object for each change", permissions=["view"])
    def export_json(self, request: HttpRequest, rows: QuerySet[LogEntry]) -> StreamingHttpResponse:
        return _download(write_json(rows.iterator(ROWS_AT_ONCE)), "application/json", "json")


def _download(parts: Iterator[str], content_type: str, ending: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="audit-trail.{ending}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(parts, content_type=content_type, headers=headers)


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
