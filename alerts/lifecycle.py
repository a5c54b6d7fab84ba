"""What people do with an alert: acknowledge, assign, note, snooze, close. Each is a line of its history.

By conditional updates: of two people who press at once, one did it, and the other is told so.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from alerts import announcing
from alerts.kinds import AlertStatus, EventType
from alerts.models import Alert, Snooze
from alerts.opening import OPEN, record_event
from equipment.selectors import members_of

ACKNOWLEDGED_FOR = timedelta(hours=4)
LONGEST_SNOOZE = timedelta(days=14)


class AlertError(ValueError):
    """What was asked cannot be done with this alert. The sentence says why, and what to do."""


def acknowledge_alert(alert: Alert, user: Any, *, hours: float | None = None) -> Alert:
    """Somebody sees to it: quiet for four hours, or as said; then it opens again if it is still bad."""
    now = timezone.now()
    until = now + (timedelta(hours=hours) if hours else ACKNOWLEDGED_FOR)
    with transaction.atomic():
        changed = Alert.objects.filter(pk=alert.pk, status=AlertStatus.ACTIVE).update(
            status=AlertStatus.ACKNOWLEDGED,
            acknowledged_at=now,
            acknowledged_by=user,
            acknowledged_until=until,
            escalate_at=None,
        )
        if not changed:
            raise AlertError(_why_not(alert))
        _note(alert, EventType.ACKNOWLEDGED, user, f"Until {_clock(alert, until)}", announce=True)
    return _fresh(alert)


def _why_not(alert: Alert) -> str:
    found = _fresh(alert)
    if found.status == AlertStatus.RESOLVED:
        return "This alert is resolved already. There is nothing left to acknowledge."
    by = found.acknowledged_by
    return f"{by.get_full_name() or by.get_username() if by else 'Somebody'} has acknowledged this alert already."


def resolve_alert(alert: Alert, user: Any, *, corrective_action: str = "") -> Alert:
    """Close it by hand. A food-safety alert needs to know what was done with the goods."""
    action = corrective_action.strip()
    if alert.is_food_safety and not action:
        raise AlertError("Say what was done with the goods: a food-safety alert closes only with a corrective action.")
    with transaction.atomic():
        changed = Alert.objects.filter(OPEN, pk=alert.pk).update(
            status=AlertStatus.RESOLVED,
            resolved_at=timezone.now(),
            resolved_by=user,
            corrective_action=action,
            escalate_at=None,
        )
        if not changed:
            raise AlertError("This alert is resolved already.")
        _note(alert, EventType.RESOLVED, user, action, announce=True)
    return _fresh(alert)


def add_note(alert: Alert, user: Any, text: str) -> Alert:
    with transaction.atomic():
        _note(alert, EventType.NOTE, user, text.strip())
    return _fresh(alert)


def assign_alert(alert: Alert, user: Any, assignee: Any) -> Alert:
    """To a member of the alert's bakery, or to nobody (None)."""
    if assignee is not None and not members_of(alert.bakery).filter(pk=assignee.pk).exists():
        raise AlertError("This person is not a member of the bakery, and could not see the alert.")
    with transaction.atomic():
        if not Alert.objects.filter(OPEN, pk=alert.pk).update(assigned_to=assignee):
            raise AlertError("This alert is resolved already.")
        name = (assignee.get_full_name() or assignee.get_username()) if assignee else "nobody"
        _note(alert, EventType.ASSIGNED, user, f"To {name}", announce=assignee is not None)
    return _fresh(alert)


def snooze_alert(alert: Alert, user: Any, until: datetime, *, reason: str = "") -> Snooze:
    """Keep this kind of alert of this machine quiet for a while. It is recorded, and ends by itself."""
    now = timezone.now()
    if until <= now:
        raise AlertError("A snooze must end in the future.")
    if until - now > LONGEST_SNOOZE:
        raise AlertError("Two weeks at most: for longer, change the rule or plan a maintenance window.")
    with transaction.atomic():
        snooze = Snooze.objects.create(
            bakery=alert.bakery,
            equipment=alert.equipment,
            alert_type=alert.alert_type,
            until=until,
            reason=reason.strip(),
            created_by=user,
        )
        text = f"Until {_clock(alert, until)}"
        Alert.objects.filter(OPEN, pk=alert.pk).update(suppressed_by=f"Snoozed {text.lower()}", escalate_at=None)
        _note(alert, EventType.SNOOZED, user, f"{text}. {reason.strip()}".strip())
    return snooze


def _note(alert: Alert, event: EventType, user: Any, text: str, *, announce: bool = False) -> None:
    record_event(alert, event, actor=user, text=text, announce=announce and not alert.suppressed_by)
    announcing.tell_after_commit({alert.bakery_id})


def _clock(alert: Alert, moment: datetime) -> str:
    return f"{moment.astimezone(alert.bakery.time_zone):%a %H:%M}"


def _fresh(alert: Alert) -> Alert:
    related = ("bakery", "equipment", "acknowledged_by", "assigned_to", "resolved_by")
    return Alert.objects.select_related(*related).get(pk=alert.pk)
