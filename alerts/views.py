"""The list of alerts, and the page of one. What is open comes live; the rest is as it was when the page was made."""

from datetime import timedelta
from typing import Any

from django.http import Http404
from django.utils import timezone

from alerts.models import Alert, Notification
from alerts.selectors import alerts_for, list_told, name_of
from equipment.views import BakeryPage, show_moment

BEFORE = timedelta(hours=1)
AFTER = timedelta(minutes=30)
LONGEST_CHART = timedelta(hours=24)
SHOWN_RESOLVED = 50


class AlertListView(BakeryPage):
    template_name = "alerts/alert_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        resolved = alerts_for(self.request.user).exclude(resolved_at=None).order_by("-resolved_at")[:SHOWN_RESOLVED]
        quiet = alerts_for(self.request.user).filter(resolved_at=None).exclude(suppressed_by="").order_by("-opened_at")
        return {
            **super().get_context_data(**kwargs),
            "resolved": [describe_alert(alert) for alert in resolved],
            "quiet": [describe_alert(alert) for alert in quiet[:SHOWN_RESOLVED]],
        }


class AlertDetailView(BakeryPage):
    template_name = "alerts/alert_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        alert = alerts_for(self.request.user).filter(uuid=self.kwargs["alert_id"]).first()
        if alert is None:
            raise Http404("There is no such alert in your bakeries.")
        events = alert.events.select_related("actor")
        return {
            **super().get_context_data(**kwargs),
            "alert": alert,
            "shown": describe_alert(alert),
            "chart": chart_of(alert),
            "told": [describe_told(row, alert) for row in list_told(alert)],
            "events": [
                {
                    "shown_at": show_moment(event.at, alert.bakery.time_zone),
                    "words": event.get_event_display(),
                    "actor": name_of(event.actor),
                    "text": event.text,
                }
                for event in events
            ],
        }


def describe_alert(alert: Alert) -> dict[str, Any]:
    """In words, at the times on the bakery's wall."""
    zone = alert.bakery.time_zone
    return {
        "alert": alert,
        "opened": show_moment(alert.opened_at, zone),
        "resolved": show_moment(alert.resolved_at, zone) if alert.resolved_at else "",
        "recovered": show_moment(alert.recovered_at, zone) if alert.recovered_at else "",
        "acknowledged": show_moment(alert.acknowledged_at, zone) if alert.acknowledged_at else "",
        "acknowledged_by": name_of(alert.acknowledged_by),
        "assigned_to": name_of(alert.assigned_to),
        "resolved_by": name_of(alert.resolved_by),
        "again": alert.occurrences - 1,
    }


def describe_told(row: Notification, alert: Alert) -> dict[str, str]:
    """Who, by which way, and whether it got there. The result's own sentence may hold an address: it is not here."""
    zone = alert.bakery.time_zone
    if row.sent_at:
        state = f"{row.get_channel_display()}, {show_moment(row.sent_at, zone)}"
    elif row.next_try_at:
        state = f"{row.get_channel_display()}: waits until {show_moment(row.next_try_at, zone)}"
    else:
        state = f"{row.get_channel_display()}: was not sent"
    return {"who": str(row.webhook) if row.webhook else name_of(row.user) or "", "state": state}


def chart_of(alert: Alert) -> dict[str, str] | None:
    """From when to when the curve is shown: from an hour before. None for a bakery as a whole."""
    if alert.equipment is None:
        return None
    start = alert.opened_at - BEFORE
    end = min(alert.resolved_at + AFTER if alert.resolved_at else timezone.now(), start + LONGEST_CHART, timezone.now())
    return {"start": start.isoformat(), "end": end.isoformat(), "opened": alert.opened_at.isoformat()}
