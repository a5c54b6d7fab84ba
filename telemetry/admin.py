"""The gateways' load in the admin: to look at."""

from django.contrib import admin

from equipment.admin import OwnBakeriesAdmin
from equipment.admin_records import ReadOnlyAdmin
from telemetry.load_models import GatewayLoad


@admin.register(GatewayLoad)
class GatewayLoadAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    bakery_path = "gateway__bakeries"
    list_select_related = ("gateway",)
    list_display = (
        "gateway",
        "is_well",
        "machines",
        "readings_per_second",
        "lateness_p99_seconds",
        "missed_percentage",
        "busy_percentage",
        "waiting_readings",
        "measured_at",
        "poll_worker",
    )

    @admin.display(boolean=True, description="keeps up")
    def is_well(self, load: GatewayLoad) -> bool:
        return not load.is_overloaded
