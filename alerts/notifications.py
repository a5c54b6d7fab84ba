"""Tells people what is new of an alert. Each step keeps its work in rows, and may be killed at any moment."""

from django.utils import timezone

from alerts.delivery import deliver_due
from alerts.escalation import escalate_due
from alerts.fan_out import announce_waiting


def send_notifications() -> None:
    """Call others where nobody has acknowledged, make the rows of what is to be told, send those that are due."""
    now = timezone.now()
    escalate_due(now)
    announce_waiting(now)
    deliver_due()
