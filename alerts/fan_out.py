"""Turns what happened to alerts into messages: one row for each receiver, in the transaction that ticks the event off.

So a worker that is killed here has either told nothing, and the next one does, or everything is a row already.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from alerts.escalation import restart_escalation
from alerts.gathering import find_gathering_end
from alerts.models import Alert, AlertEvent, Notification
from alerts.recipients import Target, list_targets


def announce_waiting(now: datetime) -> int:
    """Make the rows of all events that wait. Returns how many events were announced."""
    waiting = AlertEvent.objects.filter(announce=True, announced_at=None).values_list("alert", flat=True)
    return sum(_announce_alert(alert_id, now) for alert_id in sorted(set(waiting)))


def _announce_alert(alert_id: int, now: datetime) -> int:
    """Under the alert's lock, and in their order: who is told of an end depends on who was told of the beginning."""
    with transaction.atomic():
        alert = Alert.objects.select_for_update(of=("self",)).select_related("bakery", "equipment").get(pk=alert_id)
        events = list(alert.events.filter(announce=True, announced_at=None).order_by("at", "pk"))
        for event in events:
            event.alert = alert
            Notification.objects.bulk_create(_rows(event, list_targets(event, now), now), ignore_conflicts=True)
            restart_escalation(event, now)
        AlertEvent.objects.filter(pk__in=[event.pk for event in events]).update(announced_at=now)
    return len(events)


def _rows(event: AlertEvent, targets: Iterable[Target], now: datetime) -> list[Notification]:
    return [_row(event, target, target.held_until or find_gathering_end(event, target, now)) for target in targets]


def _row(event: AlertEvent, target: Target, not_before: datetime | None) -> Notification:
    return Notification(
        event=event,
        channel=target.channel,
        user_id=target.user_id,
        subscription_id=target.subscription_id,
        webhook_id=target.webhook_id,
        is_held=target.held_until is not None,
        result=_why_held(event, target.held_until),
        **({"next_try_at": not_before} if not_before else {}),
    )


def _why_held(event: AlertEvent, until: datetime | None) -> str:
    return f"Kept for {until.astimezone(event.alert.bakery.time_zone):%H:%M}: quiet hours." if until else ""
