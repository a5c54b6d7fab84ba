"""The audit trail in the admin, and its export: who changed what, when, from what to what. Secrets are masked in it."""

from collections.abc import Iterator

from auditlog.admin import LogEntryAdmin
from auditlog.models import LogEntry
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from unfold.admin import ModelAdmin

from bakery_iot.audit_export import write_csv, write_json
from equipment.audit import entries_for
from equipment.streaming import in_parts

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
    return StreamingHttpResponse(in_parts(parts), content_type=content_type, headers=headers)
