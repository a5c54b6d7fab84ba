"""Alerts by mail: a real mail server takes them, is away, refuses, and is back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from alerts import delivery, lifecycle, obstacles
from alerts.fan_out import announce_waiting
from alerts.models import AlertEvent, Notification, NotificationPreference
from alerts.notification_models import Channel
from alerts.tests.factories import make_alert, pass_time, resolve_by_itself
from alerts.tests.mailbox import Mailbox, text_of
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_user

pytestmark = pytest.mark.django_db


def send(at: datetime | None = None) -> None:
    """As send_notifications does, but in this test's transaction, and at a clock of its own."""
    announce_waiting(at or timezone.now())
    delivery.run_lane(Channel.EMAIL)


def test_a_mail_says_what_happened_then_what_to_do_then_where(mailbox: Mailbox, oven: Equipment) -> None:
    message = "Deck 2 is 14 degrees under its target for 6 min. Is the door closed?"
    alert = make_alert(oven, message=message, opened_at=datetime(2026, 11, 25, 2, 12, tzinfo=UTC))
    send()
    (mail,) = mailbox.mails
    assert mailbox.subjects == [f"{message} · Zwiebelhof"]
    assert (mail["To"], mail["Auto-Submitted"]) == ("ana@example.com", "auto-generated")
    link = f"https://bakery.example.com/alerts/{alert.uuid}/"
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        assert text.index(message) < text.index("Zwiebelhof · Deck 2") < text.index(link)
        assert "since Wed 25 Nov, 03:12" in text
    row = Notification.objects.get()
    assert (row.sent_at is not None, row.next_try_at, row.attempts) == (True, None, 1)
    assert row.result == "Taken by the mail server for ana@example.com."


def test_what_is_sent_is_never_sent_again(mailbox: Mailbox, oven: Equipment) -> None:
    make_alert(oven)
    for _ in range(3):
        send()
        pass_time()
    assert len(mailbox.mails) == 1


def test_names_cannot_become_markup_or_headers(mailbox: Mailbox, oven: Equipment) -> None:
    make_alert(oven, message="<b>Deck</b>\nBcc: thief@example.com")
    send()
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert "&lt;b&gt;Deck&lt;/b&gt;" in text_of(mail, "html")
    assert "<b>Deck</b>" in text_of(mail)


def test_a_dead_mail_server_loses_nothing_and_each_arrives_once(mailbox: Mailbox, oven: Equipment) -> None:
    mailbox.close()
    for number in range(3):
        make_alert(oven, cause=f"door {number}", message=f"Door {number} is open.")
        send()
        pass_time()
    waiting = Notification.objects.all()
    assert {row.result for row in waiting} == {"The mail server cannot be reached."}
    send()
    assert all(row.next_try_at and row.next_try_at > timezone.now() for row in waiting.all()), "a pause"
    mailbox.open()
    pass_time()
    for _ in range(2):
        send()
        pass_time()
    assert sorted(mailbox.subjects) == [f"Door {number} is open. · Zwiebelhof" for number in range(3)]


def test_ten_minutes_without_a_mail_server_lose_nothing_and_cost_at_most_two_more(
    mailbox: Mailbox, oven: Equipment
) -> None:
    """By a clock that goes on fifteen seconds at a time: for a row, that is what was due moving nearer."""
    mailbox.close()
    tick, ticks = timedelta(seconds=15), range(40)
    for number in ticks:
        if number % 8 == 0:
            make_alert(oven, cause=f"door {number}", message=f"Door {number} is open.")
        send()
        Notification.objects.update(next_try_at=F("next_try_at") - tick)
    assert sum(Notification.objects.values_list("attempts", flat=True)) < len(ticks), "it is left alone in between"
    mailbox.open()
    for _ in range(8):
        send()
        Notification.objects.update(next_try_at=F("next_try_at") - tick)
    told = "".join(text_of(mail) for mail in mailbox.mails)
    assert [told.count(f"Door {number} is open.") for number in ticks if number % 8 == 0] == [1] * 5
    assert not Notification.objects.filter(sent_at=None).exists()


def test_pauses_grow_while_a_server_is_away(mailbox: Mailbox, oven: Equipment) -> None:
    mailbox.close()
    make_alert(oven)
    pauses = []
    for _ in range(9):
        send()
        row = Notification.objects.get()
        assert row.next_try_at is not None
        pauses.append(round((row.next_try_at - timezone.now()).total_seconds() / 5) * 5)
        pass_time()
    assert pauses == [15, 30, 60, 120, 120, 120, 120, 120, 120]


def test_when_the_server_is_back_nobody_waits_for_the_end_of_a_pause(mailbox: Mailbox, oven: Equipment) -> None:
    mailbox.close()
    make_alert(oven, cause="a")
    send()
    mailbox.open()
    make_alert(oven, cause="b")
    send()
    assert len(mailbox.mails) == 2


def test_an_unknown_address_is_not_tried_again_and_holds_nobody_up(mailbox: Mailbox, oven: Equipment) -> None:
    oven.bakery.members.add(make_user(email="nobody@example.com"))
    make_alert(oven)
    send()
    assert [mail["To"] for mail in mailbox.mails] == ["ana@example.com"]
    refused = Notification.objects.get(user__email="nobody@example.com")
    assert (refused.next_try_at, refused.sent_at) == (None, None)
    assert refused.result.startswith("The mail server does not take mail for this address. Check its spelling")


def test_a_mail_taken_without_an_answer_comes_again_under_the_same_name(mailbox: Mailbox, oven: Equipment) -> None:
    """The server has it, but its answer got lost: mailboxes tell the second by its Message-ID."""
    taken = []
    mailbox.answer = lambda: taken.append(True) or "421 Going down"  # type: ignore[func-returns-value]
    make_alert(oven)
    send()
    first = Notification.objects.get().message_id
    mailbox.answer = lambda: "250 OK"
    pass_time()
    send()
    (mail,) = mailbox.mails
    assert mail["Message-ID"] == f"<{first}@bakery.example.com>"


def test_many_at_once_are_one_mail_and_stay_one_when_it_fails(mailbox: Mailbox, oven: Equipment) -> None:
    mailbox.close()
    for number in range(12):
        make_alert(oven, cause=f"door {number}", message=f"Door {number} is open.")
    send()
    mailbox.open()
    pass_time()
    send()
    (mail,) = mailbox.mails
    assert mailbox.subjects == ["12 alerts at once, 12 still open · Zwiebelhof"]
    assert all(f"Door {number} is open." in text_of(mail) for number in range(12))
    assert "https://bakery.example.com/alerts/" in text_of(mail)
    assert Notification.objects.filter(sent_at=None).count() == 0


def test_a_storm_that_comes_piece_by_piece_is_gathered_but_criticals_go_at_once(
    mailbox: Mailbox, oven: Equipment
) -> None:
    for number in range(9):
        make_alert(oven, cause=f"door {number}", message=f"Door {number} is open.")
        send()
    make_alert(oven, cause="fault", severity="critical", message="Fault.")
    send()
    assert mailbox.subjects == [
        *(f"Door {number} is open. · Zwiebelhof" for number in range(3)),
        "Fault. · Zwiebelhof",
    ]
    assert len(set(Notification.objects.filter(sent_at=None).values_list("next_try_at"))) == 1
    pass_time()
    send()
    assert mailbox.subjects[4:] == ["6 alerts at once, 6 still open · Zwiebelhof"]


def test_strangers_are_told_nothing(mailbox: Mailbox, oven: Equipment) -> None:
    stranger = make_user(email="stranger@example.com")
    make_bakery(stranger)
    gone = make_user(email="gone@example.com")
    make_user(email="inactive@example.com", is_active=False).bakeries.add(oven.bakery)
    oven.bakery.members.add(gone)
    make_alert(oven)
    announce_waiting(timezone.now())
    oven.bakery.members.remove(gone)
    delivery.run_lane(Channel.EMAIL)
    assert [mail["To"] for mail in mailbox.mails] == ["ana@example.com"]
    assert Notification.objects.get(user=gone).result == obstacles.LEFT


def test_the_end_is_told_once_to_those_who_were_told_of_the_beginning(mailbox: Mailbox, oven: Equipment) -> None:
    ben = make_user(email="ben@example.com", first_name="Ben")
    NotificationPreference.objects.create(user=ben, bakery=oven.bakery, email_from="critical")
    oven.bakery.members.add(ben)
    alert = make_alert(oven)
    send()
    text = "Resolved by itself after 31 min, 4 interruptions"
    resolve_by_itself(alert, text)
    send()
    assert mailbox.subjects[1:] == [f"Deck 2 is well again. {text}. · Zwiebelhof"]
    assert {mail["To"] for mail in mailbox.mails} == {"ana@example.com"}
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2
    assert len({mail["References"] for mail in mailbox.mails}) == 1, "one conversation"


def test_whoever_acts_is_not_told_of_it_and_the_assigned_one_is(mailbox: Mailbox, oven: Equipment, ana: User) -> None:
    ben = make_user(email="ben@example.com", username="ben")
    oven.bakery.members.add(ben)
    alert = make_alert(oven, severity="info")
    send()
    assert mailbox.mails == [], "info is on the pages"
    lifecycle.assign_alert(alert, ana, ben)
    send()
    (mail,) = mailbox.mails
    assert mail["To"] == "ben@example.com"
    assert mailbox.subjects == ["Ana asks you to see to it: Close the door. · Zwiebelhof"]
    lifecycle.resolve_alert(alert, ben, corrective_action="Closed it.")
    send()
    assert len(mailbox.mails) == 1


def test_without_a_mail_server_there_are_no_rows_to_pile_up(oven: Equipment, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    make_alert(oven)
    announce_waiting(timezone.now())
    assert not Notification.objects.exists()
    assert AlertEvent.objects.filter(announced_at=None).count() == 0
