"""Every kind of page in Chromium under the content security policy: nothing of it is refused, and it still works."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import ConsoleMessage, Page, expect

from alerts.models import Alert, AlertRule
from bakery_iot.tests.browser import Backstage, Visitor
from bakery_iot.tests.shop import make_shop, measure

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Add a page of a new kind here: one with a script or a library of its own.
PAGES = (
    "/",
    "/?wall",
    "/equipment/{oven}/",
    "/equipment/{oven}/data-request/",
    "/alerts/",
    "/alerts/{alert}/",
    "/alerts/messages/",
    "/api/v1/docs",
    "/sign-in/second-step/",
    "/nothing/",
    "/admin/",
    "/admin/equipment/equipment/",
    "/admin/equipment/equipment/{oven_pk}/change/",
    "/admin/equipment/equipment/add/",
    "/admin/equipment/bakery/{bakery_pk}/change/",
    "/admin/equipment/batch/add/",
    "/admin/equipment/apiclient/add/",
    "/admin/alerts/alertrule/add/",
    "/admin/alerts/webhook/add/",
    "/admin/telemetry/retention/1/change/",
    "/admin/alerts/alertrule/{rule_pk}/change/",
    "/admin/auditlog/logentry/",
    "/admin/auth/user/add/",
    "/admin/auth/group/add/",
    "/admin/django_celery_beat/periodictask/add/",
)


@pytest.fixture
def places(backstage: Backstage) -> tuple[User, dict[str, object]]:
    def make() -> tuple[User, dict[str, object]]:
        user, (oven,) = make_shop("Steinofen", groups=("manager",))
        user.is_superuser = True
        user.save()
        measure(oven)
        alert = Alert.objects.create(
            bakery=oven.bakery,
            equipment=oven,
            alert_type="door_open",
            cause="door_open",
            severity="warning",
            message="Open",
            opened_at=timezone.now(),
        )
        rule = AlertRule.objects.create(equipment=oven, alert_type="door_open")
        keys = {"oven_pk": oven.pk, "bakery_pk": oven.bakery_id, "rule_pk": rule.pk}
        return user, {"oven": oven.uuid, "alert": alert.uuid, **keys}

    return backstage(make)  # type: ignore[no-any-return]


def refused(page: Page) -> list[str]:
    found: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Permissions-Policy" in message.text:
            found.append(f"{page.url}: {message.text}")

    page.on("console", listen)
    return found


def test_no_page_is_refused_anything(visitor: Visitor, places: tuple[User, dict[str, object]]) -> None:
    user, values = places
    page = visitor.window(user)
    found = refused(page)
    for address in PAGES:
        page.goto(address.format(**values), wait_until="networkidle")
    assert found == []


def test_the_live_line_and_the_admins_menus_still_work(
    visitor: Visitor, places: tuple[User, dict[str, object]]
) -> None:
    user, values = places
    page = visitor.window(user)
    found = refused(page)
    page.goto("/")
    expect(page.get_by_role("heading", name="Steinofen")).to_be_visible()
    page.goto(f"/admin/equipment/bakery/{values['bakery_pk']}/change/")
    page.get_by_role("link", name="Add another Member").click()
    expect(page.locator("select[name=memberships-1-user]")).to_be_visible()
    assert found == []


def test_a_script_from_outside_is_refused(visitor: Visitor) -> None:
    page = visitor.window()
    found = refused(page)
    page.goto("/sign-in/")
    page.evaluate(
        "() => { const script = document.createElement('script'); script.text = 'window.pwned = 1';"
        " document.head.append(script); }"
    )
    assert page.evaluate("() => window.pwned") is None
    assert len(found) == 1
