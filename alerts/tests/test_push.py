"""Push messages: a real push service takes them, and what it took is decrypted as the browser would."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from py_vapid import Vapid02

from alerts import delivery, devices, lifecycle
from alerts.fan_out import announce_waiting
from alerts.models import Notification, PushIdentity, PushSubscription
from alerts.notification_models import Channel
from alerts.push_identity import get_push_identity
from alerts.tests.factories import make_alert, pass_time
from alerts.tests.phones import Phone
from alerts.tests.receivers import Receiver
from equipment.models import Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/push-subscriptions"


@pytest.fixture
def phone(ana: User, oven: Equipment, receiver: Receiver) -> Phone:
    found = Phone()
    body = {"endpoint": receiver.url, "keys": found.keys, "device": "Ana's phone"}
    assert integrator(ana).post(URL, body, format="json").status_code == 201
    return found


def send() -> None:
    announce_waiting(timezone.now())
    delivery.run_lane(Channel.PUSH)


def test_a_phone_reads_what_the_push_service_cannot(phone: Phone, receiver: Receiver, oven: Equipment) -> None:
    alert = make_alert(oven, severity="critical")
    send()
    (got,) = receiver.received
    assert b"door" not in got.body
    assert phone.read(got) == {
        "title": "Critical: Zwiebelhof · Deck 2",
        "body": "Close the door.",
        "url": f"/alerts/{alert.uuid}/",
        "tag": str(alert.uuid),
        "silent": False,
    }
    assert (got.headers["urgency"], got.headers["ttl"]) == ("high", "14400")
    assert Vapid02.verify(got.headers["authorization"])
    assert f"k={get_push_identity().public_key}" in got.headers["authorization"]
    assert Notification.objects.get(channel="push").result == "Taken by the push service."


def test_the_key_pair_is_made_once_and_kept_encrypted() -> None:
    first, second = get_push_identity(), get_push_identity()
    assert first.public_key == second.public_key
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM alerts_pushidentity")
        assert b"PRIVATE" not in bytes(cursor.fetchone()[0])
    assert PushIdentity.objects.count() == 1


def test_a_phone_that_is_gone_is_forgotten_with_its_keys(phone: Phone, receiver: Receiver, oven: Equipment) -> None:
    receiver.status = 410
    make_alert(oven)
    send()
    device = PushSubscription.objects.get()
    assert (device.endpoint, device.keys) == ("", "")
    assert device.ended_at is not None
    row = Notification.objects.get()
    assert row.next_try_at is None
    assert row.result.startswith("This device no longer takes messages")
    make_alert(oven, cause="b")
    send()
    assert len(receiver.received) == 1


def test_a_push_service_in_trouble_gets_it_later_and_once(phone: Phone, receiver: Receiver, oven: Equipment) -> None:
    receiver.status = 502
    make_alert(oven)
    send()
    receiver.status = 201
    for _ in range(2):
        pass_time()
        send()
    assert len(receiver.received) == 2
    assert len({got.headers["topic"] for got in receiver.received}) == 1


def test_who_sees_to_it_replaces_the_message_without_a_sound(phone: Phone, receiver: Receiver, oven: Equipment) -> None:
    ben = make_user(username="ben")
    oven.bakery.members.add(ben)
    alert = make_alert(oven)
    send()
    lifecycle.acknowledge_alert(alert, ben)
    send()
    first, second = [phone.read(got) for got in receiver.received]
    assert second["body"] == "ben sees to it: Close the door."
    assert (second["tag"], second["silent"]) == (first["tag"], True)


def test_the_phone_of_another_person_shows_nothing_that_was_meant_for_the_first(
    phone: Phone, receiver: Receiver, oven: Equipment
) -> None:
    make_alert(oven)
    announce_waiting(timezone.now())
    other = make_user()
    make_bakery(other)
    body = {"endpoint": receiver.url, "keys": phone.keys}
    assert integrator(other).post(URL, body, format="json").status_code == 201
    assert PushSubscription.objects.count() == 1
    delivery.run_lane(Channel.PUSH)
    assert receiver.received == []


def test_a_name_that_leads_into_the_own_network_is_not_dialled(
    phone: Phone, receiver: Receiver, oven: Equipment, settings: Any
) -> None:
    PushSubscription.objects.update(endpoint=receiver.url.replace("127.0.0.1", "localhost"))
    settings.ALLOW_LOOPBACK_MACHINES = False
    make_alert(oven)
    send()
    assert receiver.received == []
    assert Notification.objects.get().result.startswith("We may not connect to localhost")


def test_nobody_has_devices_without_end(ana: User, oven: Equipment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MOST_DEVICES", 2)
    answers = [
        integrator(ana).post(URL, {"endpoint": f"https://push.example.com/{n}", "keys": Phone().keys}, format="json")
        for n in (1, 2, 2, 3)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 400]
    assert answers[-1].json()["detail"].startswith("You have 2 devices already.")


def test_devices_are_ones_own(phone: Phone, ana: User) -> None:
    other = make_user()
    make_bakery(other)
    (device,) = integrator(ana).get(URL).json()["devices"]
    assert device["device"] == "Ana's phone"
    assert integrator(other).get(URL).json()["devices"] == []
    assert integrator(other).delete(f"{URL}/{device['id']}").status_code == 404
    assert integrator(ana).delete(f"{URL}/{device['id']}").status_code == 204
    assert integrator(ana).get(URL).json()["devices"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://169.254.169.254/latest"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://192.168.1.20/oven"},
        {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"keys": {"p256dh": "é", "auth": "?"}},
    ],
)
def test_what_is_no_subscription_is_refused_with_a_sentence(ana: User, oven: Equipment, wrong: dict[str, Any]) -> None:
    body = {"endpoint": "https://push.example.com/1", "keys": Phone().keys, **wrong}
    answer = integrator(ana).post(URL, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "This browser's push address or keys cannot be used. Try another browser."
