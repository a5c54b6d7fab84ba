"""Tells the pages what is open, and nudges the messages. Both only after the commit; both find it later anyway."""

import logging
from collections.abc import Collection
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from alerts.selectors import list_open, shown
from equipment.models import Bakery
from telemetry.live import publish_to_bakeries

logger = logging.getLogger(__name__)

# By its name: the door lies above this, and what it opens writes alerts too.
SEND_NOTIFICATIONS = "alerts.tasks.send_notifications"


def tell_after_commit(bakery_ids: Collection[int]) -> None:
    transaction.on_commit(lambda: tell(bakery_ids))


def tell(bakery_ids: Collection[int]) -> None:
    """All open alerts of each of these bakeries to its pages, never differences; and the nudge for the messages."""
    publish_to_bakeries({bakery.pk: alerts_message(bakery) for bakery in Bakery.objects.filter(pk__in=bakery_ids)})
    nudge()


def nudge() -> None:
    """Have what waits sent now."""
    try:
        current_app.send_task(SEND_NOTIFICATIONS)
    except (BrokerError, RedisError, OSError) as error:
        logger.warning("Messages wait for the timer, Redis is away: %s", error)


def alerts_message(bakery: Bakery) -> dict[str, Any]:
    return {"type": "alerts", "bakery": bakery.slug, "alerts": [shown(alert) for alert in list_open([bakery])]}
