"""Webhooks, signed as standardwebhooks.com describes: the same `webhook-id` for each try of a message."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Signer

from alerts.channel_errors import RefusedError
from alerts.messages import absolute, describe_event
from alerts.models import AlertEvent, Notification, Webhook
from alerts.posting import GoneError, post
from alerts.selectors import name_of, shown
from equipment.policy import address_policy


def send(rows: Sequence[Notification]) -> str:
    """Post the one row. Returns the result's sentence."""
    (row,) = rows
    hook = row.webhook
    if hook is None:
        raise RefusedError("There is no webhook to send this to.")
    body = orjson.dumps(describe(row))
    message_id, now = f"msg_{row.message_id.hex}", timezone.now()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(hook.secret).sign(message_id, now, body.decode()),
    }
    try:
        status = post(hook.url, body, headers, address_policy())
    except GoneError as error:
        Webhook.objects.filter(pk=hook.pk).update(enabled=False)
        raise RefusedError(f"{error} The webhook is switched off.") from None
    return f"Answered {status}."


def describe(row: Notification) -> dict[str, Any]:
    """What the receiver gets. The alert is as it is when this is sent; the event says what happened, and when."""
    if row.event is None:
        data = {"message": "This is a test: messages about alerts reach you here."}
        return {"type": "test", "timestamp": row.created_at, "data": data}
    event = row.event
    return {"type": f"alert.{event.event}", "timestamp": event.at, "data": _describe_event(event)}


def _describe_event(event: AlertEvent) -> dict[str, Any]:
    alert = shown(event.alert)
    alert["url"] = absolute(alert["url"])
    return {
        "sentence": describe_event(event),
        "text": event.text,
        "actor": name_of(event.actor),
        "bakery_name": event.alert.bakery.name,
        "alert": alert,
    }
