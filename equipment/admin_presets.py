"""The template's part of the machine's form: to choose one, read what it says, and have it fill in the rest.

What is chosen only fills in inputs, in the browser; nothing is saved before the form is.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from unfold.admin import ModelAdmin

from connectors.preset import Preset, find_preset, list_presets
from equipment.admin_forms import name_input
from equipment.models import Equipment
from equipment.presets import fill_from
from equipment.protocols import list_options, list_protocol_descriptions


class PresetAdmin(ModelAdmin):  # type: ignore[misc]
    change_form_after_template = "equipment/admin/connection.html"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A link may name the template: ?preset=wachtel_deck_oven."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        preset = find_preset(initial.get("preset", ""))
        return {**fill_from(preset), **initial} if preset else initial

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {**(extra_context or {}), "form_data": _form_data()}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return answer

    @admin.display(description="About the template")
    def about_template(self, obj: Equipment) -> str:
        about = [{"preset": preset, "needs": list(_list_needs(preset))} for preset in list_presets().values()]
        context = {"about": about, "chosen": obj.preset, "equipment": obj if obj.pk else None}
        return render_to_string("equipment/admin/about_templates.html", context)


def _list_needs(preset: Preset) -> Iterator[tuple[str, str]]:
    """The inputs that stay empty, by the words on the form, and where to find what belongs there."""
    for key in preset.credentials:
        yield name_input(key), ""
    for key, where in preset.fill_in.items():
        yield name_input(key), where


def _form_data() -> dict[str, Any]:
    """For the scripts of the form."""
    return {
        "presets": {
            key: {"values": fill_from(preset), "fill_in": preset.fill_in} for key, preset in list_presets().items()
        },
        "options": {protocol: [option._asdict() for option in options] for protocol, options in list_options().items()},
        "examples": {found["key"]: found["example"]["additional_config"] for found in list_protocol_descriptions()},
    }
