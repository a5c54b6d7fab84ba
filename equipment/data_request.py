"""A letter to print: the bakery asks a maker for its machine's data under the EU Data Act, Regulation (EU) 2023/2854.

What it says rests on these articles: 2 (user, data holder, connected product), 3(1) and 50 (since when), 4(1) (access),
4(5) to 4(8) (proof, trade secrets), 4(10) (no competing product), 7(1) (small makers). It is a template, not advice.
"""

from datetime import timedelta
from typing import Any

from django.http import Http404
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import get_language_from_request

from connectors.preset import Preset, find_preset
from equipment.models import Bakery, Equipment
from equipment.selectors import bakeries_for, equipment_for
from equipment.views import BakeryPage

LANGUAGES = {"es": "Español", "de": "Deutsch", "en": "English"}
_DATES = {"es": r"j \d\e F \d\e Y", "de": "j. F Y", "en": "j F Y"}
# The Regulation says "without undue delay" and names no number of days; the letter asks for an answer by then.
ANSWER_DAYS = 30


class DataRequestPage(BakeryPage):
    template_name = "equipment/data_request.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **self.describe_language(), **self.describe_letter()}

    def describe_language(self) -> dict[str, Any]:
        asked = self.request.GET.get("lang", "") or get_language_from_request(self.request)[:2]
        language = asked if asked in LANGUAGES else "en"
        return {
            "language": language,
            "languages": LANGUAGES,
            "letter_template": f"equipment/data_request/{language}.html",
        }

    def describe_letter(self) -> dict[str, Any]:
        raise NotImplementedError

    def describe(self, bakery: Bakery, preset: Preset | None, **machine: str) -> dict[str, Any]:
        language = self.describe_language()["language"]
        today = timezone.now().astimezone(bakery.time_zone).date()
        with translation.override(language):
            dates = [date_format(day, _DATES[language]) for day in (today, today + timedelta(days=ANSWER_DAYS))]
        asked = preset.data_request if preset else None
        return {
            "bakery": bakery,
            "machine": machine,
            "own_question": getattr(asked, language) if asked else "",
            "today": dates[0],
            "answer_by": dates[1],
        }


class EquipmentDataRequestView(DataRequestPage):
    """For one machine, with what is known of it filled in."""

    def describe_letter(self) -> dict[str, Any]:
        equipment = equipment_for(self.request.user).filter(uuid=self.kwargs["equipment_id"]).first()
        if equipment is None:
            raise Http404
        preset = find_preset(equipment.preset)
        return {
            **self.describe(equipment.bakery, preset, **_describe_machine(equipment, preset)),
            "back_url": equipment.get_absolute_url(),
        }


def _describe_machine(equipment: Equipment, preset: Preset | None) -> dict[str, str]:
    return {
        "maker": equipment.manufacturer or (preset.manufacturer if preset else ""),
        "model": equipment.model,
        "serial_number": equipment.serial_number,
        "firmware": equipment.firmware_version,
    }


class PresetDataRequestView(DataRequestPage):
    """Before the machine is entered: for the make of a template, with lines to write the rest on."""

    def describe_letter(self) -> dict[str, Any]:
        preset = find_preset(self.kwargs["preset"])
        bakeries = list(bakeries_for(self.request.user))
        wanted = self.request.GET.get("bakery", bakeries[0].slug)
        bakery = next((bakery for bakery in bakeries if bakery.slug == wanted), None)
        if preset is None or bakery is None:
            raise Http404
        machine = {"maker": preset.manufacturer, "model": "", "serial_number": "", "firmware": ""}
        return {**self.describe(bakery, preset, **machine), "bakeries": bakeries if len(bakeries) > 1 else []}
