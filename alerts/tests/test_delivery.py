"""Several workers, and several channels, at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from alerts import delivery, notifications
from alerts.models import Notification
from alerts.notification_models import Channel
from alerts.tests.factories import make_alert, make_webhook
from alerts.tests.mailbox import Mailbox
from alerts.tests.receivers import Receiver
from conftest import wait_for
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4


def test_workers_side_by_side_tell_each_person_once(mailbox: Mailbox) -> None:
    people = [make_user(email=f"person-{number}@example.com") for number in range(6)]
    oven = make_equipment(make_bakery(*people))
    for number in range(3):
        make_alert(oven, cause=f"{number}", message=f"Door {number} is open.")
    start = threading.Barrier(WORKERS)

    def work() -> None:
        start.wait(10)
        notifications.send_notifications()
        connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(work) for _ in range(WORKERS)]:
            done.result(60)
    told = sorted((str(mail["To"]), str(mail["Subject"]).strip().partition(" is open")[0]) for mail in mailbox.mails)
    assert told == [(f"person-{number}@example.com", f"Door {door}") for number in range(6) for door in range(3)]


def test_a_webhook_that_hangs_holds_no_mail_up(mailbox: Mailbox, receiver: Receiver) -> None:
    oven = make_equipment(make_bakery(make_user(email="ana@example.com")))
    make_webhook(oven, receiver.url)
    receiver.hangs.set()
    make_alert(oven)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(notifications.send_notifications)
        wait_for(lambda: receiver.came.is_set() and mailbox.mails, "the mail, while the webhook hangs")
        assert not running.done()
        receiver.goes_on.set()
        running.result(30)
        pool.submit(connections.close_all).result(10)
    row = Notification.objects.get(channel=Channel.WEBHOOK)
    assert row.result == "127.0.0.1 broke the conversation off."


def test_what_one_worker_holds_no_other_takes(mailbox: Mailbox) -> None:
    make_alert(make_equipment(make_bakery(make_user(email="ana@example.com"))))
    mailbox.close()
    notifications.send_notifications()
    Notification.objects.update(next_try_at="2026-01-01T00:00Z", leased_until="2100-01-01T00:00Z")
    mailbox.open()
    delivery.deliver_due()
    assert mailbox.mails == []
    Notification.objects.update(leased_until="2026-01-01T00:00Z")
    delivery.deliver_due()
    assert len(mailbox.mails) == 1
