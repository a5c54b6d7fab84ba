"""A worker is killed with messages in its hands: between an alert's opening and the sending, and while it sends."""

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from alerts import announcing
from alerts.models import Alert, Notification
from alerts.tests.factories import make_alert, make_webhook
from alerts.tests.mailbox import Mailbox
from alerts.tests.receivers import Receiver
from bakery_iot.tests.worker import Worker
from conftest import wait_for
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
QUEUE = "celery"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def worker(tmp_path: Path, mailbox: Mailbox) -> Iterator[Worker]:
    with redis.Redis.from_url(settings.REDIS_URL) as line:
        line.delete(QUEUE)  # what the tests before have nudged
    worker = Worker(tmp_path, QUEUE, EMAIL_URL=f"smtp://127.0.0.1:{mailbox.port}", PUBLIC_URL="https://b.example.com")
    yield worker
    worker.end(signal.SIGKILL)


def open_alert(receiver: Receiver) -> Alert:
    """In a bakery with one person and one webhook."""
    oven = make_equipment(make_bakery(make_user(email="ana@example.com")))
    make_webhook(oven, receiver.url)
    return make_alert(oven)


def all_are_sent() -> bool:
    """Beat comes by, and looks."""
    announcing.nudge()
    return Notification.objects.count() == 2 and not Notification.objects.filter(sent_at=None).exists()


def is_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_killed_between_opening_and_sending_each_message_arrives_once(
    worker: Worker, mailbox: Mailbox, receiver: Receiver
) -> None:
    alert = open_alert(receiver)
    with transaction.atomic():
        Alert.objects.select_for_update().get(pk=alert.pk)
        worker.start()
        announcing.nudge()
        wait_for(is_waiting_for_a_lock, "the worker to take up the alert")
        worker.end(signal.SIGKILL)
    assert (mailbox.mails, receiver.received) == ([], [])
    worker.start()
    wait_for(all_are_sent, "the messages to be sent")
    assert (len(mailbox.mails), len(receiver.received)) == (1, 1)


@pytest.mark.parametrize(("last_words", "copies"), [("421 Closing", 1), ("250 OK", 2)], ids=["dropped", "kept"])
def test_killed_while_sending_each_message_arrives_once_as_far_as_its_channel_can_tell(
    worker: Worker, mailbox: Mailbox, receiver: Receiver, last_words: str, copies: int
) -> None:
    """A mail server that has the whole mail may keep it, or drop it because nobody waits for its answer any more."""
    released = threading.Event()
    mailbox.answer = lambda: last_words if released.wait(60) else ""
    receiver.hangs.set()
    open_alert(receiver)
    worker.start()
    announcing.nudge()
    wait_for(lambda: mailbox.tried.is_set() and receiver.came.is_set(), "both messages to be on their way")
    worker.end(signal.SIGKILL)
    released.set()
    receiver.hangs.clear()
    receiver.goes_on.set()
    wait_for(lambda: len(mailbox.mails) == copies - 1, "the server to make up its mind")
    mailbox.answer = lambda: "250 OK"
    worker.start()
    rows = Notification.objects.all()
    assert all(row.leased_until and row.leased_until > timezone.now() for row in rows), "nobody else may send them yet"
    rows.update(leased_until=timezone.now() - timedelta(seconds=1))
    wait_for(all_are_sent, "the messages to be sent")
    assert len(mailbox.mails) == copies
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1, "a mailbox knows the second as the first"
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len(receiver.received) == 2, "the first was never answered"
