"""The Test connection button of a machine's form: tries what stands in the form, before or after the first save."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import path
from unfold.admin import ModelAdmin

from connectors import ConfigurationError, ConnectionTest
from equipment import services
from equipment.permissions import CONFIGURE_IOT
from equipment.throttling import seconds_until_dialing


class ConnectionTestAdmin(ModelAdmin):  # type: ignore[misc]
    def may_configure(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CONFIGURE_IOT)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.test_connection_view)
        own = [
            path("add/test-connection/", view, name="equipment_equipment_test_new_connection"),
            path("<int:object_id>/test-connection/", view, name="equipment_equipment_test_connection"),
        ]
        return [*own, *super().get_urls()]

    def test_connection_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Try what stands in the form, of a machine that is saved or not."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        is_new = object_id is None
        equipment = None if is_new else self.get_object(request, str(object_id))
        if not is_new and equipment is None:
            raise Http404
        is_allowed = self.has_change_permission(request, equipment) if equipment else self.has_add_permission(request)
        if not self.may_configure(request) or not is_allowed:
            raise PermissionDenied
        if wait := seconds_until_dialing(request):
            message = f"These were many tests at once. Try again in {wait} s."
            return JsonResponse({"message": message, "fields": {}}, status=429, headers={"Retry-After": str(wait)})
        form = self.get_form(request, equipment, change=bool(equipment))(request.POST, instance=equipment)
        if not form["protocol"].value():
            return JsonResponse({"message": "Choose a protocol first.", "fields": {}}, status=400)
        form.is_valid()
        errors = form.connection_errors()
        if "bakery" not in form.cleaned_data:
            errors["bakery"] = "Choose the bakery: the machine is tried from its gateway."
        if errors:
            return JsonResponse({"message": "Please correct these settings.", "fields": errors}, status=400)
        try:
            result = services.test_connection(form.instance, form.posted)
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
        "details": result.details,
    }
