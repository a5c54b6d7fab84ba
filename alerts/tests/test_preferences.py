"""What a person wants to hear of, and the test that shows whether it gets there. Over the API."""

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from alerts import delivery
from alerts.fan_out import announce_waiting
from alerts.models import Notification, NotificationPreference, Webhook
from alerts.notification_models import Channel
from alerts.tests.factories import make_alert
from alerts.tests.mailbox import Mailbox, text_of
from equipment.models import Bakery
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from equipment.views import show_moment

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


class TestThePage:
    def test_it_saves_what_was_chosen(self, ana: User, bakery: Bakery) -> None:
        client = Client()
        client.force_login(ana)
        chosen = {"email_from": "critical", "push_from": "info", "quiet_starts": "22:00", "quiet_ends": "06:00"}
        answer = client.post("/alerts/messages/", {f"zwiebelhof-{name}": value for name, value in chosen.items()})
        assert answer["Location"] == "/alerts/messages/?saved"
        row = NotificationPreference.objects.get()
        assert (row.user, row.email_from, row.push_from, row.criticals_pass) == (ana, "critical", "info", False)
        assert "Saved." in client.get("/alerts/messages/?saved").content.decode()

    def test_half_of_quiet_hours_is_said_beside_them_and_nothing_is_lost(self, ana: User, bakery: Bakery) -> None:
        client = Client()
        client.force_login(ana)
        chosen = {"email_from": "critical", "push_from": "info", "quiet_starts": "22:00", "quiet_ends": ""}
        page = client.post("/alerts/messages/", {f"zwiebelhof-{name}": value for name, value in chosen.items()})
        text = page.content.decode()
        assert "Quiet hours need a start and an end." in text
        assert 'value="22:00"' in text
        assert not NotificationPreference.objects.exists()

    def test_it_shows_what_was_sent_and_what_stands_in_the_way(self, ana: User, bakery: Bakery) -> None:
        client = Client()
        client.force_login(ana)
        Notification.objects.create(channel="email", user=ana, result="The mail server cannot be reached.")
        text = client.get("/alerts/messages/").content.decode()
        assert "E-mail: The mail server cannot be reached." in text
        assert "E-mail is not set up on this server." in text


def test_the_page_of_an_alert_says_who_was_told(ana: User, bakery: Bakery, mailbox: Mailbox) -> None:
    alert = make_alert(make_equipment(bakery))
    announce_waiting(timezone.now())
    client = Client()
    client.force_login(ana)
    assert "E-mail: waits until" in client.get(alert.get_absolute_url()).content.decode()
    delivery.run_lane(Channel.EMAIL)
    text = client.get(alert.get_absolute_url()).content.decode()
    sent_at = Notification.objects.get().sent_at
    assert sent_at is not None
    assert f'<span>Ana</span><span class="quiet">E-mail, {show_moment(sent_at, bakery.time_zone)}</span>' in text
    assert "ana@example.com" not in text


class TestTheAdmin:
    @pytest.fixture
    def manager(self, bakery: Bakery) -> Client:
        user = make_user("manager", username="boss")
        bakery.members.add(user)
        client = Client()
        client.force_login(user)
        return client

    def test_the_secret_of_a_webhook_is_shown_once(self, bakery: Bakery, manager: Client) -> None:
        body = {"bakery": bakery.pk, "name": "Pager", "url": "https://example.com/x", "severity_from": "info"}
        answer = manager.post("/admin/alerts/webhook/add/", {**body, "enabled": "on"}, follow=True)
        hook = Webhook.objects.get()
        assert f"is {hook.secret}. It is shown only this once" in answer.content.decode()
        assert hook.created_by is not None
        page = manager.get(f"/admin/alerts/webhook/{hook.pk}/change/").content.decode()
        assert hook.secret not in page
        entries = LogEntry.objects.get_for_object(hook)
        trail = str(list(entries.values_list("changes", "changes_text", "serialized_data")))
        assert "Pager" in trail
        assert hook.secret not in trail
        assert "example.com" not in trail

    def test_a_wrong_address_is_refused_beside_its_field(self, bakery: Bakery, manager: Client) -> None:
        body = {"bakery": bakery.pk, "name": "Pager", "url": "http://169.254.169.254/", "severity_from": "info"}
        text = manager.post("/admin/alerts/webhook/add/", body).content.decode()
        assert "This address may not be used: addresses of this kind" in text

    def test_messages_of_webhooks_are_sent_again_and_no_others(
        self, bakery: Bakery, manager: Client, ana: User
    ) -> None:
        hook = Webhook.objects.create(bakery=bakery, name="Pager", url="https://example.com", secret="whsec_AAAA")
        sent = Notification.objects.create(channel="webhook", webhook=hook, next_try_at=None)
        Notification.objects.create(channel="email", user=ana, next_try_at=None)
        body = {"action": "send_again", "_selected_action": [row.pk for row in Notification.objects.all()]}
        manager.post("/admin/alerts/notification/", body)
        again = Notification.objects.get(replay_of=sent)
        assert (again.message_id, Notification.objects.count()) == (sent.message_id, 3)
