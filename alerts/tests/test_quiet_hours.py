"""A person's quiet hours: on the clock of the bakery's wall, also in the nights in which it is changed."""

from datetime import UTC, datetime, time

import pytest
from django.contrib.auth.models import User

from alerts import delivery
from alerts.fan_out import announce_waiting
from alerts.models import Notification, NotificationPreference
from alerts.notification_models import Channel
from alerts.tests.factories import make_alert, pass_time, resolve_by_itself
from alerts.tests.mailbox import Mailbox
from equipment.models import Equipment

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(ana: User, oven: Equipment) -> NotificationPreference:
    """In Madrid, where the clocks went back on 25 October 2026 and go forward on 28 March 2027."""
    return NotificationPreference.objects.create(
        user=ana, bakery=oven.bakery, quiet_starts=time(22), quiet_ends=time(6)
    )


@pytest.mark.parametrize(
    ("told_at", "morning"),
    [
        (datetime(2026, 11, 25, 23, 30, tzinfo=UTC), datetime(2026, 11, 26, 5, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 30, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC)),
        (datetime(2026, 10, 25, 4, 59, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC)),
        (datetime(2027, 3, 27, 21, 30, tzinfo=UTC), datetime(2027, 3, 28, 4, tzinfo=UTC)),
    ],
    ids=["any night", "the long night", "its last minute", "the short night"],
)
def test_a_message_waits_for_the_morning_on_the_wall(
    night: NotificationPreference,
    oven: Equipment,
    mailbox: Mailbox,
    told_at: datetime,
    morning: datetime,
) -> None:
    make_alert(oven)
    announce_waiting(told_at)
    row = Notification.objects.get()
    assert (row.next_try_at, row.is_held, row.result) == (morning, True, "Kept for 06:00: quiet hours.")


@pytest.mark.parametrize("told_at", [datetime(2026, 10, 25, 5, tzinfo=UTC), datetime(2026, 10, 24, 19, 59, tzinfo=UTC)])
def test_by_day_it_goes_at_once(
    night: NotificationPreference, oven: Equipment, mailbox: Mailbox, told_at: datetime
) -> None:
    make_alert(oven)
    announce_waiting(told_at)
    delivery.run_lane(Channel.EMAIL)
    assert len(mailbox.mails) == 1


def test_criticals_pass_unless_told_otherwise(night: NotificationPreference, oven: Equipment, mailbox: Mailbox) -> None:
    midnight = datetime(2026, 11, 25, 23, tzinfo=UTC)
    make_alert(oven, cause="a", severity="critical")
    announce_waiting(midnight)
    delivery.run_lane(Channel.EMAIL)
    assert len(mailbox.mails) == 1
    NotificationPreference.objects.update(criticals_pass=False)
    make_alert(oven, cause="b", severity="critical")
    announce_waiting(midnight)
    assert Notification.objects.get(event__alert__cause="b").is_held


def test_the_morning_brings_only_what_is_still_so(
    night: NotificationPreference, oven: Equipment, mailbox: Mailbox
) -> None:
    midnight = datetime(2026, 11, 25, 23, tzinfo=UTC)
    over, still = make_alert(oven, cause="a"), make_alert(oven, cause="b", message="Still open.")
    announce_waiting(midnight)
    resolve_by_itself(over, "Resolved by itself after 5 min")
    announce_waiting(midnight)
    pass_time()
    delivery.run_lane(Channel.EMAIL)
    assert mailbox.subjects == ["Still open. · Zwiebelhof"]
    assert Notification.objects.get(event__alert=over).result == "Not sent: it was over before the quiet hours ended."
    assert Notification.objects.filter(event__alert=still).count() == 1
