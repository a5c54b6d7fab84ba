"""Push messages to browsers and phones (RFC 8030): encrypted for the device, so that the push service reads nothing."""

import json
import time
from collections.abc import Sequence
from email.utils import parseaddr
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from py_vapid import Vapid02
from pywebpush import WebPusher

from alerts import devices
from alerts.channel_errors import RefusedError
from alerts.kinds import EventType, Severity
from alerts.messages import Item, Message, compose
from alerts.models import Notification, PushSubscription
from alerts.posting import GoneError, post
from alerts.push_identity import get_push_identity
from alerts.selectors import name_of

# For a phone that is off: an alert of yesterday is no news.
KEPT_SECONDS = 4 * 3600
SIGNED_SECONDS = 3600
LONGEST_BODY = 500


def send(rows: Sequence[Notification]) -> str:
    """One message for all rows: they are for one device. Returns the result's sentence."""
    device = rows[0].subscription
    if device is None or device.ended_at:
        raise RefusedError("This device no longer takes messages.")
    events = [row.event for row in rows if row.event]
    message = compose(events, name_of(rows[0].user) or "")
    is_urgent = any(event.alert.severity == Severity.CRITICAL for event in events)
    # Those who were called need not be woken once more to hear that somebody is there.
    is_silent = bool(events) and all(event.event == EventType.ACKNOWLEDGED for event in events)
    info = {"endpoint": device.endpoint, "keys": json.loads(device.keys)}
    body = WebPusher(info).encode(orjson.dumps(_payload(message, is_silent)))["body"]
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_SECONDS),
        "Urgency": "high" if is_urgent else "normal",
        "Topic": rows[0].message_id.hex,  # a second try replaces the first while the device is away
        **_sign(device),
    }
    try:
        post(device.endpoint, body, headers, devices.push_policy())
    except GoneError:
        devices.end(device)
        raise RefusedError("This device no longer takes messages: they were switched off there.") from None
    return "Taken by the push service."


def _payload(message: Message, is_silent: bool) -> dict[str, str | bool]:
    only = message.items[0] if len(message.items) == 1 else None
    return {
        "title": _title(only) if only else "Alerts",
        "body": (only.sentence if only else message.subject)[:LONGEST_BODY],
        "url": urlsplit(message.url).path,
        "tag": message.tag,
        "silent": is_silent,
    }


def _title(item: Item) -> str:
    return item.place if item.is_over else f"{item.severity_words}: {item.place}"


def _sign(device: PushSubscription) -> dict[str, str]:
    where = urlsplit(device.endpoint)
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    claims = {
        "aud": f"{where.scheme}://{where.netloc}",
        "exp": int(time.time()) + SIGNED_SECONDS,
        "sub": f"mailto:{sender}",
    }
    signed: dict[str, str] = Vapid02.from_pem(get_push_identity().private_key.encode()).sign(claims)
    return signed
