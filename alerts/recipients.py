"""Who is told of an event: only members of the alert's bakery, as each of them wishes, and its webhooks."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Q

from alerts import channel_mail
from alerts.kinds import EventType, Severity
from alerts.models import Alert, AlertEvent, Notification, NotificationPreference, PushSubscription, Webhook
from alerts.notification_models import Channel, Circle, Lowest
from alerts.schedule import Stretch, find_end
from equipment.selectors import members_of

RANKS = {severity: rank for rank, severity in enumerate(Severity.values)}
# What calls for somebody. All else only concerns those who were called before.
CALLS = frozenset({EventType.OPENED, EventType.REOPENED, EventType.CAUGHT_UP, EventType.ESCALATION, EventType.ASSIGNED})
# Who sees to it is worth a glance at the phone, but not a mail.
ONLY_BY_PUSH = frozenset({EventType.ACKNOWLEDGED})


class Target(NamedTuple):
    """One row to be made: a person's channel, or a webhook. `held_until` is the end of the person's quiet hours."""

    channel: Channel
    user_id: int | None = None
    subscription_id: int | None = None
    webhook_id: int | None = None
    held_until: datetime | None = None


def list_targets(event: AlertEvent, now: datetime) -> list[Target]:
    return [*_list_people(event, now), *_list_webhooks(event.alert)]


def _list_webhooks(alert: Alert) -> list[Target]:
    hooks = Webhook.objects.filter(bakery=alert.bakery_id, enabled=True)
    wanted = [hook for hook in hooks if is_wanted(hook.severity_from, alert.severity)]
    return [Target(Channel.WEBHOOK, webhook_id=hook.pk) for hook in wanted]


def _list_people(event: AlertEvent, now: datetime) -> list[Target]:
    alert = event.alert
    preferences = read_preferences(alert)
    people = {pk: preferences[pk] for pk in find_audience(event, preferences)}
    devices = PushSubscription.objects.filter(user__in=people, ended_at=None)
    told = None if event.event in CALLS else _list_told(alert)
    ways = [
        *((Channel.EMAIL, pk, None) for pk, one in people.items() if one.user.email and channel_mail.is_set_up()),
        *((Channel.PUSH, device.user_id, device.pk) for device in devices),
    ]
    return [
        Target(channel, pk, device, held_until=find_quiet_end(people[pk], alert, now))
        for channel, pk, device in ways
        if _is_way_wanted(event, channel, people[pk])
        if told is None or (channel, pk, device) in told
        if channel == Channel.PUSH or event.event not in ONLY_BY_PUSH
    ]


def read_preferences(alert: Alert) -> dict[int, NotificationPreference]:
    """By the member's id; whoever has chosen nothing has the defaults."""
    members = members_of(alert.bakery).filter(is_active=True)
    rows = {row.user_id: row for row in NotificationPreference.objects.filter(bakery=alert.bakery_id, user__in=members)}
    found = {}
    for member in members:
        found[member.pk] = rows.get(member.pk) or NotificationPreference(user=member, bakery=alert.bakery)
        found[member.pk].user = member
    return found


def find_audience(event: AlertEvent, preferences: Mapping[int, NotificationPreference]) -> Collection[int]:
    """Whose business it is, by their ids. An empty circle is nobody's excuse: then the other one is called."""
    alert = event.alert
    if event.event == EventType.ASSIGNED:
        return [pk for pk in preferences if pk == alert.assigned_to_id and pk != event.actor_id]
    if event.event not in CALLS:
        return [pk for pk in preferences if pk != event.actor_id]
    if event.event == EventType.ESCALATION and alert.escalation_step > 1:
        return list(preferences)
    wanted = Circle.SECOND if event.event == EventType.ESCALATION else Circle.FIRST
    return [pk for pk, one in preferences.items() if one.circle == wanted] or list(preferences)


def _list_told(alert: Alert) -> set[tuple[str, int | None, int | None]]:
    """The ways on which somebody was called to this alert, or is about to be."""
    rows = Notification.objects.filter(event__alert=alert, event__event__in=CALLS)
    rows = rows.filter(Q(sent_at__isnull=False) | Q(next_try_at__isnull=False, is_held=False))
    return set(rows.values_list("channel", "user", "subscription"))


def _is_way_wanted(event: AlertEvent, channel: Channel, person: NotificationPreference) -> bool:
    lowest = person.email_from if channel == Channel.EMAIL else person.push_from
    is_personal = event.event == EventType.ASSIGNED and lowest != Lowest.NEVER
    return is_personal or is_wanted(lowest, event.alert.severity)


def is_wanted(lowest: str, severity: str) -> bool:
    return lowest != Lowest.NEVER and RANKS[severity] >= RANKS[lowest]


def find_quiet_end(person: NotificationPreference, alert: Alert, now: datetime) -> datetime | None:
    """When this person may be told of this alert, if not now."""
    if alert.severity == Severity.CRITICAL and person.criticals_pass:
        return None
    return find_quiet_hours_end(person, alert.bakery.time_zone, now)


def find_quiet_hours_end(person: NotificationPreference, zone: ZoneInfo, now: datetime) -> datetime | None:
    if person.quiet_starts is None or person.quiet_ends is None:
        return None
    return find_end(_nights(person.quiet_starts, person.quiet_ends), zone, now)


def _nights(starts: Any, ends: Any) -> Iterable[Stretch]:
    return [Stretch(weekday, starts, ends) for weekday in range(7)]
