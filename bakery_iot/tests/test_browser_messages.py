"""A person sets up messages on the page, tries them, and the browser shows what comes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alerts import delivery
from alerts.models import Notification, NotificationPreference
from alerts.notification_models import Channel
from alerts.tests.mailbox import Mailbox
from alerts.tests.phones import Phone
from alerts.tests.receivers import Receiver
from bakery_iot.tests.browser import Backstage, Visitor
from bakery_iot.tests.shop import make_shop
from conftest import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
# The push service of a browser's maker is out of reach here: this one is on loopback, with keys that we can open.
OUR_PUSH_SERVICE = """
let mine = null;
PushManager.prototype.getSubscription = async () => mine;
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  if (applicationServerKey.length !== 65) throw new Error("no key");
  mine = { toJSON: () => (%s), unsubscribe: async () => { mine = null; } };
  return mine;
};
"""


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with Mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def take_up(backstage: Backstage, channel: Channel) -> None:
    """As the worker does when it is nudged."""
    wait_for(lambda: backstage(Notification.objects.filter(channel=channel, sent_at=None).exists), "the row")
    backstage(lambda: delivery.run_lane(channel))


def deliver(page: Page, message: Any) -> list[dict[str, str]]:
    """What a push service would hand to the browser; returns what the browser shows then."""
    session = page.context.new_cdp_session(page)
    seen: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: seen.extend(one["registrationId"] for one in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    wait_for(lambda: page.evaluate("1") and seen, "the browser to name its worker", 15)
    origin = page.evaluate("location.origin")
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": seen[0], "data": json.dumps(message)},
    )
    return wait_for(lambda: shown(page), "the message to be shown", 15)


def shown(page: Page) -> list[dict[str, str]]:
    found: list[dict[str, str]] = page.evaluate(
        """async () => {
          const [worker] = await navigator.serviceWorker.getRegistrations();
          return (await worker.getNotifications()).map(({ title, body, data }) => ({ title, body, url: data.url }));
        }"""
    )
    return found


def test_a_phone_is_set_up_tried_and_shows_a_message(
    visitor: Visitor, backstage: Backstage, mailbox: Mailbox, receiver: Receiver
) -> None:
    user, _ = backstage(lambda: make_shop("Horno 1"))
    user.email = "ana@example.com"
    backstage(user.save)
    phone = Phone()
    context = visitor.context(user, **PHONE, permissions=["notifications"])
    context.add_init_script(OUR_PUSH_SERVICE % json.dumps({"endpoint": receiver.url, "keys": phone.keys}))
    page = context.new_page()
    page.on("pageerror", lambda error: visitor.errors.append(str(error)))
    page.goto("/alerts/messages/")
    result = page.locator("#test-result")

    page.locator("[data-test=email]").tap()
    take_up(backstage, Channel.EMAIL)
    expect(result).to_have_text("Taken by the mail server for ana@example.com.")
    assert len(mailbox.mails) == 1

    expect(page.locator("#push-state")).to_have_text("Messages are not shown here yet.")
    page.get_by_role("button", name="Show messages here").tap()
    device = page.locator("[data-device]")
    expect(device).to_contain_text("Chrome on")
    page.locator("[data-test=push]").tap()
    take_up(backstage, Channel.PUSH)
    expect(result).to_have_text(re.compile("Chrome on .*: Taken by the push service."))
    (message,) = deliver(page, phone.read(receiver.received[-1]))
    assert message["title"] == "Alerts"
    assert message["body"].startswith("This is a test, ")

    page.get_by_role("button", name=re.compile("^Remove")).tap()
    expect(device).to_be_hidden()


def test_what_is_chosen_is_kept(visitor: Visitor, backstage: Backstage) -> None:
    user, _ = backstage(lambda: make_shop("Horno 1"))
    page = visitor.window(user, **PHONE)
    page.goto("/")
    page.locator(".account summary").tap()
    page.get_by_role("link", name="My messages").tap()
    page.get_by_label("By e-mail").select_option("critical")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_role("button", name="Save").tap()
    expect(page.get_by_role("alert")).to_have_text("Quiet hours need a start and an end.")
    page.get_by_label("Quiet until").fill("06:00")
    button = page.get_by_role("button", name="Save")
    box = button.bounding_box()
    assert box is not None and box["height"] >= 64
    button.tap()
    expect(page.get_by_role("status").first).to_have_text("Saved. From now on it is as you chose.")
    row = backstage(NotificationPreference.objects.get)
    assert (row.email_from, f"{row.quiet_starts:%H:%M}", f"{row.quiet_ends:%H:%M}") == ("critical", "22:00", "06:00")
