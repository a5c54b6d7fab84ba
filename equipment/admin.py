"""The machines in the admin. Superusers see everything, the others the rows of their own bakeries and no others."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import F, ForeignKey, ManyToManyField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin

from connectors import ConfigurationError, ConnectionTest
from equipment import services
from equipment.admin_forms import ConnectionForm, connection_form, list_credentials
from equipment.inventory import save_equipment
from equipment.models import Bakery, Batch, ConnectionLog, Equipment, Gateway
from equipment.permissions import CONFIGURE_IOT
from equipment.selectors import bakeries_for


class OwnBakeriesAdmin(ModelAdmin):  # type: ignore[misc]
    bakery_path = "bakery"  # from the row to its bakery

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        own = self.model._default_manager.filter(**{f"{self.bakery_path}__in": bakeries_for(request.user)})
        return rows.filter(pk__in=own.values("pk"))

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        related = self.admin_site._registry.get(db_field.related_model)
        if isinstance(related, OwnBakeriesAdmin):
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404(f"There is no {opts.verbose_name} of this number in your bakeries.")


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
    filter_horizontal = ("members",)
    prepopulated_fields = {"slug": ("name",)}

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "members" and not request.user.is_superuser:
            # Colleagues only: other people's names are none of a manager's business.
            colleagues = get_user_model().objects.filter(bakeries__in=bakeries_for(request.user))
            kwargs["queryset"] = colleagues.distinct().order_by("username")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

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
class ConnectionLogAdmin(OwnBakeriesAdmin):
    bakery_path = "equipment__bakery"
    list_display = ("event_time", "equipment", "event_type", "connection_status", "error_message", "response_time_ms")
    list_filter = ("event_type", "connection_status", ("equipment", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("equipment",)
    date_hierarchy = "event_time"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


MACHINE = ("bakery", "name", "type", "place", "manufacturer", "model", "serial_number", "firmware_version")
ABILITIES = ("temperature_zones", "supports_humidity", "supports_energy_monitoring", "supports_remote_control")
READING = ("iot_enabled", "supports_realtime", "poll_interval_seconds")
STATE = ("connection", "iot_connection_error", "last_reading")
SETTINGS_SHOWN = ("iot_protocol", "iot_endpoint", "iot_port", "iot_config")


@admin.register(Equipment)
class EquipmentAdmin(OwnBakeriesAdmin):
    list_display = ("name", "bakery", "type", "place", "connection", "last_reading", "page")
    list_filter = (("bakery", admin.RelatedOnlyFieldListFilter), "type", "iot_connection_status", "iot_enabled")
    list_select_related = ("bakery",)
    search_fields = ("name", "place", "serial_number")
    actions = ("archive",)
    change_form_after_template = "equipment/admin/test_connection.html"

    class Media:
        js = ("js/admin_test_connection.js",)

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
            settings = ("protocol", "endpoint", "port", *credentials, *forget, "additional_config")
        else:
            settings = SETTINGS_SHOWN
        return [
            (None, {"fields": (*MACHINE, *ABILITIES)}),
            ("Connection", {"fields": (*READING, *settings)}),
            *([("State", {"fields": STATE})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Equipment | None = None) -> tuple[str, ...]:
        return STATE if self.may_configure(request) else (*STATE, *READING, *SETTINGS_SHOWN)

    def may_configure(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CONFIGURE_IOT)

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

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.test_connection_view)
        own = path("<int:object_id>/test-connection/", view, name="equipment_equipment_test_connection")
        return [own, *super().get_urls()]

    def test_connection_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Try what stands in the form, saved or not."""
        equipment = self.get_object(request, str(object_id))
        if equipment is None:
            raise Http404
        if not self.may_configure(request) or not self.has_change_permission(request, equipment):
            raise PermissionDenied
        form = self.get_form(request, equipment, change=True)(request.POST, instance=equipment)
        if not form["protocol"].value():
            return JsonResponse({"message": "Choose a protocol first.", "fields": {}}, status=400)
        form.is_valid()
        if errors := form.connection_errors():
            return JsonResponse({"message": "Please correct these settings.", "fields": errors}, status=400)
        try:
            result = services.test_connection(equipment, form.posted)
        except ConfigurationError as error:
            return JsonResponse({"message": str(error), "fields": error.fields}, status=400)
        return JsonResponse(_shown(result))


def _shown(result: ConnectionTest) -> dict[str, Any]:
    values: list[tuple[str, Any]] = []
    for name in result.reading.features if result.reading else []:
        value = getattr(result.reading, name)
        inner = value.items() if hasattr(value, "items") else [("", value)]
        values += [(f"{name} {key}".replace("_", " ").strip(), found) for key, found in inner if found is not None]
    return {
        "success": result.success,
        "message": result.message,
        "response_time_ms": result.response_time_ms,
        "values": values,
    }
