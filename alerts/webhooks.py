"""What managers do with webhooks: make one, renew its secret, try it, and have a message sent again."""

import base64
import secrets
from collections.abc import Iterable
from typing import Any

import httpx
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from alerts import announcing
from alerts.models import Notification, Webhook
from alerts.notification_models import Channel
from connectors import AddressPolicy
from connectors.http_settings import check_address, check_endpoint
from equipment.policy import address_policy
from equipment.selectors import bakeries_for

SECRET_BYTES = 32


def webhooks_for(user: Any) -> QuerySet[Webhook]:
    return Webhook.objects.filter(bakery__in=bakeries_for(user)).select_related("bakery")


def check_url(text: str, policy: AddressPolicy | None = None) -> str:
    """The address as it is stored; ValueError says what is wrong with it. Names are judged when they are dialled."""
    url = check_address(text) if "://" in text else check_endpoint(text)
    try:
        refusal = (policy or address_policy()).find_refusal(httpx.URL(url).host)
    except ValueError:
        return url
    if refusal:
        raise ValueError(f"This address may not be used: {refusal}.")
    return url


def make_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def renew_secret(webhook: Webhook) -> Webhook:
    """From now on a new one signs, also what still waits. It is in what this returns, and shown once."""
    Webhook.objects.filter(pk=webhook.pk).update(secret=make_secret())
    return Webhook.objects.select_related("bakery").get(pk=webhook.pk)


def send_test(webhook: Webhook) -> Notification:
    """Its row says what came of it."""
    with transaction.atomic():
        row = Notification.objects.create(channel=Channel.WEBHOOK, webhook=webhook)
        transaction.on_commit(announcing.nudge)
    return row


def replay(rows: Iterable[Notification]) -> list[Notification]:
    """Send messages of webhooks again, under the ids they had. One that still waits is sent now instead."""
    with transaction.atomic():
        found = [_replay(row) for row in rows]
        transaction.on_commit(announcing.nudge)
    return found


def _replay(row: Notification) -> Notification:
    waiting = Notification.objects.filter(pk=row.pk, next_try_at__isnull=False)
    if waiting.update(next_try_at=timezone.now()):
        row.refresh_from_db()
        return row
    return Notification.objects.create(
        channel=Channel.WEBHOOK,
        webhook=row.webhook,
        event=row.event,
        message_id=row.message_id,
        replay_of=row.replay_of or row,
    )
