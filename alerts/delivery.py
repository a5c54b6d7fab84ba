"""Sends the rows that wait, each by one worker at a time, and writes down what came of it.

A row is claimed by a conditional update with a lease: if its worker is killed, another one sends it when the lease is
over. Who is in trouble is left alone for growing pauses; when it is back, what waits for it follows at once.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from alerts import channel_mail, channel_push, channel_webhook
from alerts.channel_errors import DeliveryError
from alerts.models import Notification
from alerts.notification_models import Channel
from alerts.obstacles import find_obstacle

logger = logging.getLogger(__name__)

# Longer than any channel's own time limits together.
LEASE = timedelta(minutes=2)
PAUSES = [timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600, 900)]
# A person waits for these: when the server is back, they must not wait a quarter of an hour longer.
LONGEST_PAUSE_OF_PEOPLE = timedelta(minutes=2)
GIVE_UP_AFTER = timedelta(days=3)
# From so many at once for one person on, they are one message.
DIGEST_FROM = 4
LARGEST_DIGEST = 50
# How many messages of a channel are on their way at once in one run.
LANES = {Channel.EMAIL: 1, Channel.PUSH: 2, Channel.WEBHOOK: 4}
SENDERS: dict[str, Callable[[Sequence[Notification]], str]] = {
    Channel.EMAIL: channel_mail.send,
    Channel.PUSH: channel_push.send,
    Channel.WEBHOOK: channel_webhook.send,
}


def deliver_due() -> None:
    """Channel beside channel: a webhook that hangs must not hold up the mails."""
    lanes = [
        channel for channel, width in LANES.items() for _ in range(min(width, _due(channel, timezone.now()).count()))
    ]
    if not lanes:
        return
    with ThreadPoolExecutor(len(lanes), thread_name_prefix="messages") as pool:
        for lane in [pool.submit(_run_in_thread, channel) for channel in lanes]:
            lane.result()


def _run_in_thread(channel: Channel) -> None:
    try:
        run_lane(channel)
    finally:
        connections.close_all()


def run_lane(channel: Channel) -> None:
    while rows := claim(channel, timezone.now()):
        deliver(rows)


def _due(channel: Channel, now: datetime) -> QuerySet[Notification]:
    is_free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Notification.objects.filter(is_free, channel=channel, next_try_at__lte=now, sent_at=None)


def claim(channel: Channel, now: datetime) -> list[Notification]:
    """The next message of the channel, as the rows that it is made of; none when nothing is due. New ones come first:
    what has failed before may fail again, and take its time."""
    with transaction.atomic():
        free = _due(channel, now).select_for_update(skip_locked=True).order_by("attempts", "pk")
        first = free.first()
        if first is None:
            return []
        keys = [row.pk for row in _list_bundle(free, first)]
        Notification.objects.filter(pk__in=keys).update(
            leased_until=now + LEASE, attempts=F("attempts") + 1, message_id=first.message_id
        )
    related = ("event__alert__bakery", "event__alert__equipment", "event__actor", "user", "webhook", "subscription")
    return list(Notification.objects.filter(pk__in=keys).select_related(*related).order_by("pk"))


def _list_bundle(free: QuerySet[Notification], first: Notification) -> Iterable[Notification]:
    """What goes out with it. A message that was tried before goes out as it was, so that its receiver knows it."""
    if first.attempts:
        return free.filter(message_id=first.message_id)
    if first.user_id is None or first.event_id is None:
        return [first]
    same = free.filter(user=first.user_id, subscription=first.subscription_id, attempts=0, event__isnull=False)
    found = list(same[:LARGEST_DIGEST])
    return found if len(found) >= DIGEST_FROM else [first]


def deliver(rows: Sequence[Notification]) -> None:
    ready = []
    for row in rows:
        obstacle = find_obstacle(row)
        if obstacle:
            _close([row], obstacle)
        else:
            ready.append(row)
    if not ready:
        return
    try:
        result = SENDERS[ready[0].channel](ready)
    except DeliveryError as error:
        note_failure(ready, error)
    else:
        now = timezone.now()
        _close(ready, result, sent_at=now)
        # Those that were put off with a sentence; what is being gathered has none yet.
        _for_same_receiver(ready[0]).filter(is_held=False).exclude(result="").update(next_try_at=now)


def _close(rows: Sequence[Notification], result: str, sent_at: datetime | None = None) -> None:
    mine = Notification.objects.filter(pk__in=[row.pk for row in rows], sent_at=None)
    mine.update(sent_at=sent_at, next_try_at=None, leased_until=None, is_held=False, result=result)


def note_failure(rows: Sequence[Notification], error: DeliveryError) -> None:
    now = timezone.now()
    if not error.retry or rows[0].created_at + GIVE_UP_AFTER < now:
        _close(rows, f"{error} Not tried again.")
        return
    again = now + max(_pause_after(rows[0]), error.pause or timedelta(0))
    mine = Notification.objects.filter(pk__in=[row.pk for row in rows], sent_at=None)
    mine.update(next_try_at=again, leased_until=None, is_held=False, result=str(error))
    if error.is_shared:
        if rows[0].attempts == 1:
            logger.warning("%s: messages wait. %s", rows[0].get_channel_display(), error)
        others = _for_same_receiver(rows[0]).filter(next_try_at__lt=again, is_held=False)
        others.update(next_try_at=again, result=str(error))


def _pause_after(row: Notification) -> timedelta:
    pause = PAUSES[min(row.attempts, len(PAUSES)) - 1]
    return pause if row.channel == Channel.WEBHOOK else min(pause, LONGEST_PAUSE_OF_PEOPLE)


def _for_same_receiver(row: Notification) -> QuerySet[Notification]:
    """What waits for the same server, and no worker holds."""
    now = timezone.now()
    waiting = Notification.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), channel=row.channel)
    waiting = waiting.filter(next_try_at__isnull=False)
    if row.channel == Channel.EMAIL:
        return waiting
    return waiting.filter(webhook=row.webhook_id, subscription=row.subscription_id)
