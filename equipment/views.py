"""The page of one machine. What it measures comes with the frame of every live page; here is what stays."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from connectors import list_protocols
from equipment.models import ConnectionEventType, ConnectionLog, Equipment
from equipment.record_models import HaccpRecord, RecordImport
from equipment.selectors import bakeries_for, equipment_for, list_connection_events

NO_BAKERY = "There is nothing here for you yet. Ask a manager to make you a member of a bakery."
FAILED = ":failed"
SHOWN_RECORDS = 10
# Also in the page for the events that come live.
EVENT_WORDS: dict[str, str] = {
    ConnectionEventType.CONNECTED: "Connected",
    ConnectionEventType.DISCONNECTED: "Connection lost",
    ConnectionEventType.ERROR: "No readings",
    ConnectionEventType.TEST: "Connection test passed",
    ConnectionEventType.TEST + FAILED: "Connection test failed",
    ConnectionEventType.CONFIGURED: "Settings changed",
    ConnectionEventType.RECORDS: "HACCP records fetched",
    ConnectionEventType.RECORDS + FAILED: "HACCP records not fetched",
}


# A page from the browser's store would show old values, and would show them after signing out.
@method_decorator(never_cache, name="dispatch")
class BakeryPage(LoginRequiredMixin, TemplateView):
    """A page for members of at least one bakery. For everyone else who is signed in, no page exists."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not bakeries_for(request.user).exists():
            raise Http404(NO_BAKERY)
        return super().dispatch(request, *args, **kwargs)


class EquipmentDetailView(BakeryPage):
    template_name = "equipment/equipment_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        equipment = equipment_for(user).filter(uuid=self.kwargs["equipment_id"]).first()
        if equipment is None:
            raise Http404
        time_zone = equipment.bakery.time_zone
        may_change = is_admin(user) and user.has_perm("equipment.change_equipment")
        return {
            **super().get_context_data(**kwargs),
            "equipment": equipment,
            "events": [describe_event(event, time_zone) for event in list_connection_events(equipment)],
            "event_words": EVENT_WORDS,
            "facts": list_facts(equipment),
            **describe_records(equipment, time_zone),
            "change_url": reverse("admin:equipment_equipment_change", args=[equipment.pk]) if may_change else "",
        }


def is_admin(user: Any) -> bool:
    """Whether the admin opens for the user: pages link to it for nobody else."""
    return bool(user.is_active and user.is_staff)


def list_facts(equipment: Equipment) -> list[tuple[str, str]]:
    """What is known of the machine itself, with its label; nothing about what is not known."""
    protocol = list_protocols().get(equipment.iot_protocol, equipment.iot_protocol)
    facts = (
        ("Kind", equipment.get_type_display()),
        ("Maker", equipment.manufacturer),
        ("Model", equipment.model),
        ("Serial number", equipment.serial_number),
        ("Firmware", equipment.firmware_version),
        ("Connected by", protocol if equipment.iot_enabled else "Not connected"),
        ("Read every", f"{equipment.poll_interval_seconds}\u2009s" if equipment.iot_enabled else ""),
    )
    return [(label, value) for label, value in facts if value]


def describe_records(equipment: Equipment, time_zone: ZoneInfo) -> dict[str, Any]:
    """The last HACCP batches, and when they were fetched; nothing of machines that have none."""
    state = RecordImport.objects.filter(equipment=equipment, tried_at__isnull=False).first()
    rows = list(equipment.haccp_records.order_by("-started_at", "-id")[:SHOWN_RECORDS])
    return {
        "record_import": state
        and {
            "fetched_at": state.succeeded_at and show_moment(state.succeeded_at, time_zone),
            "message": state.error_message,
        },
        "haccp_records": [describe_record(row, time_zone) for row in rows],
    }


def describe_record(record: HaccpRecord, time_zone: ZoneInfo) -> dict[str, Any]:
    core = {True: "reached", False: "not reached", None: "–"}[record.core_temperature_reached]
    return {
        "started_at": show_moment(record.started_at, time_zone) if record.started_at else "–",
        "name": record.name or "–",
        "batch": record.external_id,
        "minutes": "–" if record.total_seconds is None else f"{record.total_seconds / 60:.0f}",
        "core": core,
        "is_alarming": record.core_temperature_reached is False,
        "finished": {True: "yes", False: "no", None: "–"}[record.finished],
    }


def show_moment(moment: datetime, time_zone: ZoneInfo) -> str:
    """On the bakery's wall, with the day when that is not today."""
    at = moment.astimezone(time_zone)
    is_today = at.date() == timezone.now().astimezone(time_zone).date()
    return f"{at:%H:%M}" if is_today else f"{at:%a} {at.day} {at:%b}, {at:%H:%M}"


def describe_event(event: ConnectionLog, time_zone: ZoneInfo) -> dict[str, Any]:
    """In plain words, at the time on the bakery's wall, with the day when that is not today."""
    failure = event.event_type + FAILED
    words = EVENT_WORDS[failure if event.error_message and failure in EVENT_WORDS else event.event_type]
    return {
        "at": event.event_time.astimezone(time_zone).isoformat(),
        "shown_at": show_moment(event.event_time, time_zone),
        "words": words,
        "message": event.error_message,
    }
