"""The machines in the admin. Superusers see everything, the others the rows of their own bakeries and no others."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Model, QuerySet
from django.forms import Script
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from equipment import services
from equipment.admin_access import ApiClientAdmin, MembershipInline
from equipment.admin_connection import ConnectionTestAdmin
from equipment.admin_forms import ConnectionForm, connection_form, list_credentials
from equipment.admin_identity import InstallationIdentityAdmin
from equipment.admin_own import OwnBakeriesAdmin as OwnBakeriesAdmin
from equipment.admin_presets import PresetAdmin
from equipment.admin_records import FetchRecordsAdmin, ReadOnlyAdmin
from equipment.inventory import save_equipment
from equipment.models import (
    ApiClient,
    Bakery,
    Batch,
    ConnectionLog,
    CookingProgramme,
    Equipment,
    Gateway,
    HaccpRecord,
    InstallationIdentity,
)

admin.site.register(InstallationIdentity, InstallationIdentityAdmin)
admin.site.register(ApiClient, ApiClientAdmin)


@admin.register(Gateway)
class GatewayAdmin(OwnBakeriesAdmin):
    bakery_path = "bakeries"
    list_display = ("name", "slug", "queue")


@admin.register(Bakery)
class BakeryAdmin(OwnBakeriesAdmin):
    bakery_path = "pk"
    list_display = ("name", "slug", "time_zone", "gateway")
    list_select_related = ("gateway",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change and not request.user.is_superuser:
            form.instance.members.add(request.user)


@admin.register(Batch)
class BatchAdmin(OwnBakeriesAdmin):
    bakery_path = "equipment__bakery"
    list_display = ("product", "number", "equipment", "started_at", "ended_at")
    list_filter = (("equipment", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("equipment",)
    search_fields = ("product", "number", "external_id")
    date_hierarchy = "started_at"

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("equipment",) if obj else ()


@admin.register(ConnectionLog)
class ConnectionLogAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    bakery_path = "equipment__bakery"
    list_display = ("event_time", "equipment", "event_type", "connection_status", "error_message", "response_time_ms")
    list_filter = ("event_type", "connection_status", ("equipment", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("equipment",)
    date_hierarchy = "event_time"


@admin.register(HaccpRecord)
class HaccpRecordAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    bakery_path = "equipment__bakery"
    list_display = ("started_at", "equipment", "name", "external_id", "finished", "core_temperature_reached")
    list_filter = ("finished", "core_temperature_reached", ("equipment", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("equipment",)
    search_fields = ("name", "external_id", "serial_number")
    date_hierarchy = "started_at"


@admin.register(CookingProgramme)
class CookingProgrammeAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    bakery_path = "equipment__bakery"
    list_display = ("name", "equipment", "kind", "status", "updated_at")
    list_filter = ("kind", "status", ("equipment", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("equipment",)
    search_fields = ("name", "external_id", "uuid")


MACHINE = ("bakery", "name", "type", "place", "manufacturer", "model", "serial_number", "firmware_version")
ABILITIES = ("temperature_zones", "supports_humidity", "supports_energy_monitoring", "supports_remote_control")
READING = ("iot_enabled", "supports_realtime", "poll_interval_seconds")
STATE = ("connection", "iot_connection_error", "last_reading", "data_request")
SETTINGS_SHOWN = ("iot_protocol", "iot_endpoint", "iot_port", "iot_config")
TEMPLATE = ("preset", "about_template")


@admin.register(Equipment)
class EquipmentAdmin(ConnectionTestAdmin, PresetAdmin, FetchRecordsAdmin, OwnBakeriesAdmin):
    list_display = ("name", "bakery", "type", "place", "connection", "last_reading", "page")
    list_filter = (("bakery", admin.RelatedOnlyFieldListFilter), "type", "iot_connection_status", "iot_enabled")
    list_select_related = ("bakery",)
    search_fields = ("name", "place", "serial_number")
    actions = ("archive", "fetch_records")

    class Media:
        css = {"all": ("css/admin_connection.css", "css/admin_test_details.css")}
        js = (
            "js/admin_test_details.js",
            "js/admin_test_connection.js",
            Script("js/admin_template.js", type="module"),
            Script("js/admin_settings.js", type="module"),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Equipment]:
        # The latest readings belong to an app above; their moment is reached by the relation's name.
        rows: QuerySet[Equipment] = super().get_queryset(request).filter(archived_at=None)
        return rows.annotate(read_at=F("latest_reading__reading_time"))

    def get_form(self, request: HttpRequest, obj: Equipment | None = None, **kwargs: Any) -> Any:
        if self.may_configure(request):
            kwargs["form"] = connection_form()
        return super().get_form(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Equipment | None = None) -> Any:
        if self.may_configure(request):
            credentials = tuple(credential.field for credential in list_credentials())
            forget = ("forget",) if obj and obj.iot_credentials else ()
            settings = ("protocol", "endpoint", "port", "additional_config", *credentials, *forget)
        else:
            settings = SETTINGS_SHOWN
        return [
            ("Template", {"fields": TEMPLATE}),
            ("Machine", {"fields": (*MACHINE, *ABILITIES)}),
            ("Connection", {"fields": (*READING, *settings)}),
            *([("State", {"fields": STATE})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Equipment | None = None) -> tuple[str, ...]:
        shown = (*STATE, "about_template")
        return shown if self.may_configure(request) else (*shown, "preset", *READING, *SETTINGS_SHOWN)

    def save_model(self, request: HttpRequest, obj: Equipment, form: Any, change: bool) -> None:
        if not isinstance(form, ConnectionForm):
            save_equipment(obj)
            return
        wanted = obj.iot_enabled = obj.iot_enabled and bool(form.cleaned_data["protocol"])
        save_equipment(obj)
        if form.connection_changed:
            services.configure_equipment_iot(obj, form.posted)
            if not wanted:
                services.set_iot_enabled(obj, False)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # archived instead: batches and readings are records

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("equipment.delete_equipment")

    @admin.action(description="Archive: no longer read and shown, its records stay", permissions=["archive"])
    def archive(self, request: HttpRequest, rows: QuerySet[Equipment]) -> None:
        for equipment in rows:
            services.archive_equipment(equipment)
        self.message_user(request, f"{len(rows)} archived. What they have told stays in the records.")

    def view_on_site(self, obj: Equipment) -> str:
        return obj.get_absolute_url()

    @admin.display(ordering="iot_connection_status")
    def connection(self, obj: Equipment) -> str:
        return obj.get_iot_connection_status_display() if obj.iot_enabled else "Not read"

    @admin.display(ordering="read_at")
    def last_reading(self, obj: Equipment) -> str:
        read_at = getattr(obj, "read_at", None)
        return f"{timesince(read_at, depth=1)} ago" if read_at else "–"

    @admin.display(description="Live")
    def page(self, obj: Equipment) -> str:
        return format_html('<a href="{}">Open</a>', obj.get_absolute_url())

    @admin.display(description="EU Data Act")
    def data_request(self, obj: Equipment) -> str:
        address = reverse("equipment_data_request", args=[obj.uuid])
        return format_html(
            '<a class="text-primary-600 underline" href="{}" target="_blank">Letter to the maker</a>: '
            "ask for this machine's data",
            address,
        )
