"""Alerts to be told of, and who is to be told, for the tests of messages."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from alerts import webhooks
from alerts.kinds import EventType
from alerts.models import Alert, Notification, NotificationPreference, PushSubscription, Webhook
from alerts.opening import record_event
from equipment.models import Equipment


def make_alert(oven: Equipment, **values: Any) -> Alert:
    """Opened, and nobody has been told yet."""
    defaults = {"alert_type": "door_open", "cause": "door_open", "severity": "warning", "message": "Close the door."}
    alert = Alert.objects.create(bakery=oven.bakery, equipment=oven, **{**defaults, **values})
    record_event(alert, EventType.OPENED, at=values.get("opened_at"), text=alert.message, announce=True)
    return alert


def resolve_by_itself(alert: Alert, text: str) -> None:
    Alert.objects.filter(pk=alert.pk).update(status="resolved", resolved_at=timezone.now())
    record_event(alert, EventType.RESOLVED, text=text, announce=True)


def make_webhook(oven: Equipment, url: str, **values: Any) -> Webhook:
    return Webhook.objects.create(
        bakery=oven.bakery, url=url, secret=webhooks.make_secret(), **{"name": "Pager", **values}
    )


def make_messages(oven: Equipment, person: User) -> None:
    """One row of everything that has to do with messages, all named after the bakery."""
    name = oven.bakery.name
    hook = make_webhook(oven, "https://example.com", name=name)
    NotificationPreference.objects.create(user=person, bakery=oven.bakery)
    device = PushSubscription.objects.create(user=person, device=name, endpoint_hash="1")
    Notification.objects.create(channel="webhook", webhook=hook)
    Notification.objects.create(channel="push", user=person, subscription=device)


def pass_time() -> None:
    """All pauses, leases and quiet hours are over."""
    past = timezone.now() - timedelta(seconds=1)
    Notification.objects.filter(next_try_at__isnull=False).update(next_try_at=past, leased_until=None)
