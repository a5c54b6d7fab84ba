"""What a person wants to hear of, by which way, and whether it gets there."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from alerts import announcing, channel_mail
from alerts.devices import devices_for
from alerts.models import Notification, NotificationPreference
from alerts.notification_models import Channel
from equipment.models import Bakery
from equipment.selectors import bakeries_for

# What people choose themselves; who is in which circle is for their manager.
CHOSEN = ("email_from", "push_from", "quiet_starts", "quiet_ends", "criticals_pass")


class PreferenceError(ValueError):
    """What was asked cannot be done. The sentence says why, and what to do."""


def list_preferences(user: Any) -> list[NotificationPreference]:
    """One for each of the user's bakeries, saved or not."""
    rows = {row.bakery_id: row for row in NotificationPreference.objects.filter(user=user)}
    return [
        rows.get(bakery.pk) or NotificationPreference(user=user, bakery=bakery)
        for bakery in bakeries_for(user).order_by("name")
    ]


def set_preference(user: Any, bakery: Bakery, chosen: dict[str, Any]) -> NotificationPreference:
    """Only what is in `chosen` changes."""
    row, _ = NotificationPreference.objects.get_or_create(user=user, bakery=bakery)
    ends = [chosen.get(name, getattr(row, name)) for name in ("quiet_starts", "quiet_ends")]
    if (ends[0] is None) != (ends[1] is None):
        raise PreferenceError("Quiet hours need a start and an end. Leave both empty for none.")
    for name in CHOSEN:
        setattr(row, name, chosen.get(name, getattr(row, name)))
    row.save(update_fields=CHOSEN)
    return row


def notifications_for(user: Any) -> QuerySet[Notification]:
    """The user's own messages, the newest first, of bakeries that are still theirs, and tests."""
    own = Notification.objects.filter(user=user)
    hidden = own.exclude(event=None).exclude(event__alert__bakery__in=bakeries_for(user))
    return own.exclude(pk__in=hidden.values("pk")).select_related("event__alert__bakery", "subscription")


def send_test(user: Any, channel: str) -> list[Notification]:
    """One row by mail, or one for each of the user's devices. They say what came of it."""
    if channel == Channel.EMAIL:
        rows = [Notification(channel=channel, user=user)]
        if not user.email:
            raise PreferenceError("There is no e-mail address with your name. Ask a manager to enter it.")
        if not channel_mail.is_set_up():
            raise PreferenceError(channel_mail.NOT_SET_UP)
    else:
        rows = [Notification(channel=channel, user=user, subscription=device) for device in devices_for(user)]
        if not rows:
            raise PreferenceError("None of your devices takes messages yet. Switch them on for this one first.")
    with transaction.atomic():
        made = Notification.objects.bulk_create(rows)
        transaction.on_commit(announcing.nudge)
    return list(notifications_for(user).filter(pk__in=[row.pk for row in made]))
