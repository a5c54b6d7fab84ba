"""The browsers on which a person wants push messages. Each is known by the address its push service gave it."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from pywebpush import WebPusher, WebPushException

from alerts.models import PushSubscription
from alerts.webhooks import check_url
from connectors import AddressPolicy
from equipment.policy import address_policy

MOST_DEVICES = 20


class DeviceError(ValueError):
    """What the browser sent is no subscription. The sentence says what to do."""


def devices_for(user: Any) -> QuerySet[PushSubscription]:
    return PushSubscription.objects.filter(user=user, ended_at=None)


def subscribe(user: Any, endpoint: str, keys: dict[str, str], device: str) -> PushSubscription:
    """The same browser again, or another person at it, replaces what was known of it."""
    check_keys(endpoint, keys)
    if devices_for(user).exclude(endpoint_hash=_hash(endpoint)).count() >= MOST_DEVICES:
        raise DeviceError(f"You have {MOST_DEVICES} devices already. Remove those that you no longer use.")
    values = {"user": user, "endpoint": endpoint, "keys": json.dumps(keys), "device": device, "ended_at": None}
    found, _ = PushSubscription.objects.update_or_create(endpoint_hash=_hash(endpoint), defaults=values)
    return found


def push_policy() -> AddressPolicy:
    """Push services are out in the world. Every member may enter one, so none leads into the bakery's own network."""
    return replace(address_policy(), allow_private=False)


def check_keys(endpoint: str, keys: dict[str, str]) -> None:
    try:
        check_url(endpoint, push_policy())
        WebPusher({"endpoint": endpoint, "keys": keys}).encode(b"try")
    except (ValueError, IndexError, WebPushException):
        raise DeviceError("This browser's push address or keys cannot be used. Try another browser.") from None


def end(device: PushSubscription) -> None:
    """Its messages stay on record; its address and keys do not."""
    rows = PushSubscription.objects.filter(pk=device.pk, ended_at=None)
    rows.update(ended_at=timezone.now(), endpoint="", keys="")


def _hash(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()
