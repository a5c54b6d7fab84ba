"""Keeps a storm of alerts from becoming a storm of messages: who got several within minutes gets the next as one.

Critical ones always go at once.
"""

from datetime import datetime, timedelta

from alerts.kinds import Severity
from alerts.models import AlertEvent, Notification
from alerts.recipients import CALLS, Target

SEVERAL = 3
WITHIN = timedelta(minutes=5)
GATHERED_FOR = timedelta(minutes=2)


def find_gathering_end(event: AlertEvent, target: Target, now: datetime) -> datetime | None:
    """When this message goes out together with others. None: at once."""
    is_urgent = event.event in CALLS and event.alert.severity == Severity.CRITICAL
    if target.user_id is None or is_urgent:
        return None
    same = Notification.objects.filter(
        user=target.user_id, channel=target.channel, subscription=target.subscription_id, event__isnull=False
    )
    if same.filter(sent_at__gt=now - WITHIN).values("message_id").distinct().count() < SEVERAL:
        return None
    gathered = same.filter(next_try_at__gt=now, attempts=0, is_held=False).order_by("next_try_at")
    return gathered.values_list("next_try_at", flat=True).first() or now + GATHERED_FOR
