"""Calls others when nobody acknowledges: after the rule's time the second circle, after as long again everybody."""

from datetime import datetime, timedelta

from django.db import transaction

from alerts.kinds import AlertStatus, EventType
from alerts.models import Alert, AlertEvent, NotificationPreference
from alerts.notification_models import Circle
from alerts.opening import record_event
from alerts.words import minutes
from equipment.selectors import members_of

# Begins anew where the alert does; on its opening it was set with the alert itself.
BEGIN_ANEW = frozenset({EventType.REOPENED, EventType.CAUGHT_UP})


def escalate_due(now: datetime) -> int:
    """Take the next step with every alert whose time is over. Returns how many."""
    due = Alert.objects.filter(
        status=AlertStatus.ACTIVE, escalate_at__lte=now, recovered_at=None, suppressed_by=""
    ).select_related("bakery")
    return sum(_escalate(alert, now) for alert in due)


def _escalate(alert: Alert, now: datetime) -> bool:
    step = alert.escalation_step + 1
    patience = find_patience(alert)
    goes_on = step == 1 and patience and _has_second_circle(alert)
    with transaction.atomic():
        # By condition: of two workers one takes the step, and whoever acknowledged in between has stopped it.
        mine = Alert.objects.filter(pk=alert.pk, status=AlertStatus.ACTIVE, escalate_at=alert.escalate_at)
        if not mine.update(escalation_step=step, escalate_at=now + patience if goes_on else None):
            return False
        waited = minutes((now - (_last_call(alert) or alert.opened_at)).total_seconds())
        text = f"Nobody has seen to this for {waited}: {alert.message}"
        record_event(alert, EventType.ESCALATION, at=now, text=text, announce=True)
    return True


def find_patience(alert: Alert) -> timedelta:
    """How long the alert waits for somebody before others are called. Zero: for ever."""
    return timedelta(seconds=alert.details.get("escalate_after_seconds", 0))


def restart_escalation(event: AlertEvent, now: datetime) -> None:
    """An alert that is told anew gives people as long as at first."""
    patience = find_patience(event.alert)
    if event.event in BEGIN_ANEW and patience:
        Alert.objects.filter(pk=event.alert_id, status=AlertStatus.ACTIVE).update(
            escalation_step=0, escalate_at=now + patience
        )


def _last_call(alert: Alert) -> datetime | None:
    found: datetime | None = (
        alert.events.filter(event__in=[EventType.OPENED, *BEGIN_ANEW]).order_by("-at").values_list("at", flat=True)
    ).first()
    return found


def _has_second_circle(alert: Alert) -> bool:
    """Without one, the first was reminded; to remind them again would teach them not to listen."""
    second = NotificationPreference.objects.filter(bakery=alert.bakery_id, circle=Circle.SECOND, user__is_active=True)
    return second.filter(user__in=members_of(alert.bakery)).exists()
