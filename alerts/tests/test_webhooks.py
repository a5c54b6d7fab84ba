"""Webhooks: a real receiver that takes, refuses, hangs and is away; and who may set them up."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from alerts import delivery, posting, webhooks
from alerts.fan_out import announce_waiting
from alerts.models import Notification, Webhook
from alerts.notification_models import Channel
from alerts.tests.factories import make_alert, make_webhook, pass_time
from alerts.tests.receivers import Receiver
from equipment.models import Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhooks"


def send() -> None:
    announce_waiting(timezone.now())
    delivery.run_lane(Channel.WEBHOOK)


def test_a_receiver_can_verify_who_sent_it_and_that_it_is_whole(receiver: Receiver, oven: Equipment) -> None:
    hook = make_webhook(oven, receiver.url)
    alert = make_alert(oven)
    send()
    (got,) = receiver.received
    told = Verifier(hook.secret).verify(got.body, dict(got.headers))
    assert (told["type"], told["data"]["sentence"]) == ("alert.opened", "Close the door.")
    assert told["data"]["alert"]["alert_id"] == str(alert.uuid)
    assert told["data"]["alert"]["url"].endswith(f"/alerts/{alert.uuid}/")
    assert got.path == "/alerts?token=gugelhupf"
    for wrong in (got.body.replace(b"Close", b"Leave"), b"{}"):
        with pytest.raises(WebhookVerificationError):
            Verifier(hook.secret).verify(wrong, dict(got.headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(webhooks.make_secret()).verify(got.body, dict(got.headers))


def test_one_that_fails_hangs_and_comes_back_gets_each_message_once_under_one_id(
    receiver: Receiver, oven: Equipment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIME_LIMIT_SECONDS", 0.3)
    make_webhook(oven, receiver.url)
    make_alert(oven)
    receiver.status = 500
    send()
    row = Notification.objects.get()
    assert (row.result, row.sent_at, row.attempts) == ("127.0.0.1 answered 500.", None, 1)
    receiver.hangs.set()
    pass_time()
    send()
    row.refresh_from_db()
    assert row.result == "127.0.0.1 did not answer within 0.3 s."
    receiver.hangs.clear()
    receiver.status = 204
    pass_time()
    send()
    row.refresh_from_db()
    assert (row.result, row.attempts, row.next_try_at) == ("Answered 204.", 3, None)
    pass_time()
    send()
    assert len(receiver.received) == 3
    assert {got.headers["webhook-id"] for got in receiver.received} == {f"msg_{row.message_id.hex}"}


def test_one_that_is_away_is_asked_once_a_pass_and_then_gets_all(receiver: Receiver, oven: Equipment) -> None:
    make_webhook(oven, receiver.url)
    receiver.status = 503
    for number in range(5):
        make_alert(oven, cause=f"door {number}")
    send()
    assert len(receiver.received) == 1
    receiver.status = 200
    pass_time()
    send()
    assert len(receiver.received) == 6
    assert Notification.objects.filter(sent_at=None).count() == 0


def test_a_receiver_that_asks_for_a_pause_gets_it(receiver: Receiver, oven: Equipment) -> None:
    make_webhook(oven, receiver.url)
    make_alert(oven)
    receiver.status, receiver.headers = 429, {"Retry-After": "1800"}
    send()
    next_try_at = Notification.objects.get().next_try_at
    assert next_try_at is not None
    assert timedelta(minutes=29) < next_try_at - timezone.now() < timedelta(minutes=31)


def test_one_that_wants_no_more_is_switched_off(receiver: Receiver, oven: Equipment) -> None:
    hook = make_webhook(oven, receiver.url)
    receiver.status = 410
    make_alert(oven)
    send()
    hook.refresh_from_db()
    assert not hook.enabled
    assert Notification.objects.get().result.endswith("The webhook is switched off. Not tried again.")


def test_nobody_is_followed_elsewhere(receiver: Receiver, oven: Equipment) -> None:
    make_webhook(oven, receiver.url)
    receiver.status, receiver.headers = 307, {"Location": receiver.url}
    make_alert(oven)
    send()
    assert len(receiver.received) == 1
    assert "sends us elsewhere" in Notification.objects.get().result


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_the_address_policy_holds_where_the_line_is_opened(
    receiver: Receiver, oven: Equipment, settings: Any, host: str
) -> None:
    """Whatever the name led to when it was entered."""
    hook = make_webhook(oven, receiver.url)
    Webhook.objects.update(url=hook.url.replace("127.0.0.1", host))
    settings.ALLOW_LOOPBACK_MACHINES = False
    make_alert(oven)
    send()
    assert receiver.received == []
    row = Notification.objects.get()
    assert row.result.startswith("We may not connect to")
    assert row.next_try_at is None


def test_a_receiver_hears_of_its_severities_only_and_of_its_bakery_only(receiver: Receiver, oven: Equipment) -> None:
    make_webhook(oven, receiver.url, severity_from="critical")
    make_alert(oven)
    make_alert(make_equipment(), severity="critical")
    send()
    assert receiver.received == []
    make_alert(oven, cause="b", severity="critical")
    send()
    assert len(receiver.received) == 1


def test_a_replay_is_another_row_under_the_same_id(receiver: Receiver, oven: Equipment, ana: User) -> None:
    hook, client = make_webhook(oven, receiver.url), integrator(ana)
    make_alert(oven)
    send()
    (sent,) = client.get(f"{URL}/{hook.uuid}/deliveries").json()["results"]
    assert (sent["event"], sent["result"], sent["attempts"]) == ("opened", "Answered 200.", 1)
    answer = client.post(f"{URL}/{hook.uuid}/deliveries/{sent['id']}/replay")
    assert (answer.status_code, answer.json()["replay_of"]) == (202, sent["id"])
    send()
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert client.get(f"{URL}/{hook.uuid}/deliveries").json()["count"] == 2


def test_a_waiting_message_is_hurried_by_a_replay_and_not_doubled(receiver: Receiver, oven: Equipment) -> None:
    make_webhook(oven, receiver.url)
    receiver.status = 500
    make_alert(oven)
    send()
    receiver.status = 200
    webhooks.replay(Notification.objects.all())
    send()
    assert (len(receiver.received), Notification.objects.count()) == (2, 1)


class TestApi:
    def test_the_secret_is_shown_once_and_stored_encrypted(
        self, oven: Equipment, ana: User, receiver: Receiver
    ) -> None:
        client = integrator(ana)
        body = {"bakery": oven.bakery.slug, "name": "Pager", "url": receiver.url}
        made = client.post(URL, body, format="json")
        assert made.status_code == 201
        secret = made.json()["secret"]
        where = f"{URL}/{made.json()['id']}"
        for answer in (client.get(URL), client.get(where), client.patch(where, {"name": "Phone"}, format="json")):
            assert answer.status_code == 200
            assert "secret" not in answer.json()
            assert secret not in answer.content.decode()
        with connection.cursor() as cursor:
            cursor.execute("SELECT url, secret FROM alerts_webhook")
            stored = b"".join(bytes(value) for value in cursor.fetchone())
        assert b"gugelhupf" not in stored
        assert secret.removeprefix("whsec_").encode() not in stored
        renewed = client.post(f"{where}/secret").json()["secret"]
        assert renewed != secret
        assert Webhook.objects.get().secret == renewed

    def test_a_test_message_says_what_came_of_it(self, oven: Equipment, ana: User, receiver: Receiver) -> None:
        hook = make_webhook(oven, receiver.url)
        client = integrator(ana)
        waiting = client.post(f"{URL}/{hook.uuid}/test")
        assert (waiting.status_code, waiting.json()["sent_at"]) == (202, None)
        send()
        (row,) = client.get(f"{URL}/{hook.uuid}/deliveries").json()["results"]
        assert (row["id"], row["result"]) == (waiting.json()["id"], "Answered 200.")
        assert json.loads(receiver.received[0].body)["type"] == "test"

    @pytest.mark.parametrize(
        ("url", "sentence"),
        [
            ("ftp://example.com", "This must begin with http:// or https://"),
            ("example.com", "This must begin with http:// or https://"),
            ("http://169.254.169.254/latest", "This address may not be used: addresses of this kind"),
            ("https://user:word@example.com/", "Take user name and password out"),
        ],
    )
    def test_a_wrong_address_is_refused_with_a_sentence(
        self, oven: Equipment, ana: User, url: str, sentence: str
    ) -> None:
        body = {"bakery": oven.bakery.slug, "name": "Pager", "url": url}
        answer = integrator(ana).post(URL, body, format="json")
        assert answer.status_code == 400
        assert answer.json()["fields"]["url"].startswith(sentence)

    def test_managers_only_and_a_stranger_finds_nothing(self, oven: Equipment, receiver: Receiver) -> None:
        hook = make_webhook(oven, receiver.url)
        row = webhooks.send_test(hook)
        staff, outsider = make_user("staff"), make_user("manager")
        oven.bakery.members.add(staff)
        make_bakery(outsider)
        where = f"{URL}/{hook.uuid}"
        posts = [f"{where}/test", f"{where}/secret", f"{where}/deliveries/{row.uuid}/replay"]
        for user, expected in ((staff, 403), (outsider, 404)):
            client = integrator(user)
            assert [client.get(path).status_code for path in (where, f"{where}/deliveries")] == [expected] * 2
            assert [client.post(path).status_code for path in posts] == [expected] * 3
            assert client.delete(where).status_code == expected
            assert client.patch(where, {}, format="json").status_code == expected
        assert integrator(outsider).get(URL).json() == []
        body = {"bakery": oven.bakery.slug, "name": "Pager", "url": receiver.url}
        assert integrator(outsider).post(URL, body, format="json").status_code == 400
