"""What a person wants to hear of, and the test that shows whether it gets there. Over the API."""

import pytest
from django.contrib.auth.models import User

from alerts import delivery
from alerts.models import NotificationPreference
from alerts.notification_models import Channel
from alerts.tests.mailbox import Mailbox, text_of
from equipment.models import Bakery
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_user

pytestmark = pytest.mark.django_db
PREFERENCES = "/api/v1/notification-preferences"
MESSAGES = "/api/v1/notifications"


@pytest.fixture
def ana() -> User:
    return make_user("staff", username="ana", first_name="Ana", email="ana@example.com")


@pytest.fixture
def bakery(ana: User) -> Bakery:
    return make_bakery(ana, slug="zwiebelhof")


def test_whoever_has_chosen_nothing_sees_what_holds(ana: User, bakery: Bakery) -> None:
    assert integrator(ana).get(PREFERENCES).json() == [
        {
            "bakery": "zwiebelhof",
            "circle": 1,
            "email_from": "warning",
            "push_from": "warning",
            "quiet_starts": None,
            "quiet_ends": None,
            "criticals_pass": True,
        }
    ]
    assert not NotificationPreference.objects.exists()


def test_a_choice_changes_only_what_it_names(ana: User, bakery: Bakery) -> None:
    client = integrator(ana)
    where = f"{PREFERENCES}/zwiebelhof"
    client.patch(where, {"quiet_starts": "22:00", "quiet_ends": "06:00"}, format="json")
    changed = client.patch(where, {"email_from": "never"}, format="json").json()
    assert (changed["email_from"], changed["push_from"]) == ("never", "warning")
    assert (changed["quiet_starts"], changed["quiet_ends"]) == ("22:00:00", "06:00:00")


def test_half_of_quiet_hours_is_refused_and_the_circle_is_the_managers(ana: User, bakery: Bakery) -> None:
    client = integrator(ana)
    half = client.patch(f"{PREFERENCES}/zwiebelhof", {"quiet_starts": "22:00"}, format="json")
    assert half.json()["fields"]["quiet_starts"].startswith("Quiet hours need a start and an end.")
    circle = client.patch(f"{PREFERENCES}/zwiebelhof", {"circle": 2}, format="json")
    assert circle.json()["fields"] == {"circle": "This can be read, but not set."}


def test_strangers_find_neither_preferences_nor_messages(ana: User, bakery: Bakery, mailbox: Mailbox) -> None:
    outsider = make_user("manager")
    make_bakery(outsider)
    assert integrator(outsider).patch(f"{PREFERENCES}/zwiebelhof", {}, format="json").status_code == 404
    (row,) = integrator(ana).post(f"{MESSAGES}/test", {"channel": "email"}, format="json").json()
    assert integrator(outsider).get(f"{MESSAGES}/{row['id']}").status_code == 404
    assert integrator(outsider).get(MESSAGES).json()["count"] == 0


def test_a_test_mail_arrives_and_says_so(ana: User, bakery: Bakery, mailbox: Mailbox) -> None:
    client = integrator(ana)
    answer = client.post(f"{MESSAGES}/test", {"channel": "email"}, format="json")
    (row,) = answer.json()
    assert (answer.status_code, row["sent_at"], row["result"]) == (202, None, "")
    delivery.run_lane(Channel.EMAIL)
    found = client.get(f"{MESSAGES}/{row['id']}").json()
    assert found["result"] == "Taken by the mail server for ana@example.com."
    (mail,) = mailbox.mails
    for kind in ("plain", "html"):
        assert "This is a test, Ana: messages about alerts reach you here." in text_of(mail, kind)


def test_what_stands_in_the_way_of_a_test_is_said(ana: User, bakery: Bakery, mailbox: Mailbox) -> None:
    client = integrator(ana)
    nothing = client.post(f"{MESSAGES}/test", {"channel": "push"}, format="json").json()["detail"]
    assert nothing.startswith("None of your devices takes messages yet.")
    mailbox.close()
    (row,) = client.post(f"{MESSAGES}/test", {"channel": "email"}, format="json").json()
    delivery.run_lane(Channel.EMAIL)
    found = client.get(f"{MESSAGES}/{row['id']}").json()
    assert found["result"] == "The mail server cannot be reached."
    assert found["next_try_at"] is not None


def test_without_an_address_or_a_server_no_test_is_tried(ana: User, bakery: Bakery, settings: object) -> None:
    settings.EMAIL_HOST = ""  # type: ignore[attr-defined]
    client = integrator(ana)
    answer = client.post(f"{MESSAGES}/test", {"channel": "email"}, format="json")
    assert answer.json()["detail"].startswith("E-mail is not set up on this server.")
    User.objects.update(email="")
    answer = client.post(f"{MESSAGES}/test", {"channel": "email"}, format="json")
    assert answer.json()["detail"].startswith("There is no e-mail address with your name.")
