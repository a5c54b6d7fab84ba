"""The gateways' load, how long readings are kept, and what that takes on the disk."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from equipment.admin import OwnBakeriesAdmin
from equipment.admin_records import ReadOnlyAdmin
from telemetry.models import GatewayLoad, Retention
from telemetry.retention import forecast_disk, get_retention


@admin.register(Retention)
class RetentionAdmin(ModelAdmin):  # type: ignore[misc]
    fields = ("readings_days", "quarter_hours_months", "hours_years", "disk")
    readonly_fields = ("disk",)

    class Media:
        css = {"all": ("css/admin_disk_forecast.css",)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one row."""
        row = get_retention()
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return redirect("admin:telemetry_retention_change", row.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="Disk, with the machines of today")
    def disk(self, retention: Retention) -> SafeString:
        shares = forecast_disk(retention)
        total = sum(share.bytes_full for share in shares)
        rows = [
            {
                "label": share.label,
                "kept": share.kept,
                "now": filesizeformat(share.bytes_now),
                "full": filesizeformat(share.bytes_full),
                "percentage": round(100 * share.bytes_full / total) if total else 0,
            }
            for share in shares
        ]
        now = filesizeformat(sum(share.bytes_now for share in shares))
        return render_to_string(
            "admin/telemetry/disk_forecast.html", {"rows": rows, "now": now, "full": filesizeformat(total)}
        )


@admin.register(GatewayLoad)
class GatewayLoadAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    bakery_path = "gateway__bakeries"
    list_select_related = ("gateway",)
    list_display = (
        "gateway",
        "is_well",
        "machines",
        "readings_a_second",
        "lateness",
        "missed",
        "busy",
        "waiting_readings",
        "measured_at",
        "poll_worker",
    )

    @admin.display(boolean=True, description="keeps up")
    def is_well(self, load: GatewayLoad) -> bool:
        return not load.is_overloaded

    @admin.display(description="readings per second", ordering="readings_per_second")
    def readings_a_second(self, load: GatewayLoad) -> str:
        return f"{load.readings_per_second:,.1f}"

    @admin.display(ordering="lateness_p99_seconds")
    def lateness(self, load: GatewayLoad) -> str | None:
        late = load.lateness_p99_seconds
        return None if late is None else f"{1000 * late:,.0f} ms"

    @admin.display(ordering="missed_percentage")
    def missed(self, load: GatewayLoad) -> str:
        return f"{load.missed_percentage:.1f} %"

    @admin.display(ordering="busy_percentage")
    def busy(self, load: GatewayLoad) -> str:
        return f"{load.busy_percentage:.1f} %"
