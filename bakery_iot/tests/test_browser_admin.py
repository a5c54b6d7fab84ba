"""The form of a machine's connection, in Chromium: the test button, and the inputs that follow the protocol."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from bakery_iot.tests.browser import Backstage, Visitor
from connectors.simulators.http import SimulatedBakery
from equipment.models import Equipment
from equipment.services import configure_equipment_iot
from equipment.tests.clients import gateway_worker
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OVEN = "sol-1"


@pytest.fixture(scope="module", autouse=True)
def worker() -> Iterator[None]:
    with gateway_worker():
        yield


@pytest.fixture
def oven(backstage: Backstage, ovens: SimulatedBakery) -> Equipment:
    def make() -> Equipment:
        bakery = make_bakery(make_user(username="root", is_staff=True, is_superuser=True))
        oven = make_equipment(bakery, name="Steinofen")
        return configure_equipment_iot(oven, {"protocol": "rest_api", **ovens.settings(OVEN)})

    made: Equipment = backstage(make)
    return made


@pytest.fixture
def form(visitor: Visitor, backstage: Backstage, oven: Equipment) -> Page:
    user = backstage(lambda: oven.bakery.members.get())
    page = visitor.window(user, viewport={"width": 1280, "height": 1000})
    page.goto(f"/admin/equipment/equipment/{oven.pk}/change/")
    return page


def test_the_button_says_what_was_found(form: Page, oven: Equipment, backstage: Backstage) -> None:
    form.get_by_role("button", name="Test connection").click()
    result = form.locator("#test-connection [role=status]")
    expect(result).to_contain_text("Connected in")
    expect(result.get_by_role("row", name="operational status")).to_be_visible()
    assert backstage(lambda: oven.connection_logs.filter(event_type="test").count()) == 1


def test_it_says_what_to_do_when_the_machine_refuses_and_again_when_it_does_not(
    form: Page, ovens: SimulatedBakery
) -> None:
    ovens.ovens[OVEN].fault = "http_401"
    result = form.locator("#test-connection [role=status]")
    form.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("▲")
    expect(result.get_by_role("row")).to_have_count(0)
    ovens.ovens[OVEN].fault = None
    form.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("Connected in")


def test_what_is_wrong_is_named_with_the_label_of_its_input(form: Page) -> None:
    form.get_by_text("As JSON", exact=True).click()
    form.get_by_label("Further settings").fill('{"timeout": "soon"}')
    form.get_by_role("button", name="Test connection").click()
    result = form.locator("#test-connection [role=status]")
    expect(result).to_contain_text("Further settings: timeout: This must be a number.")


def test_a_server_that_is_away_is_told(form: Page) -> None:
    form.route("**/test-connection/", lambda route: route.abort())
    form.get_by_role("button", name="Test connection").click()
    expect(form.locator("#test-connection")).to_contain_text("The server cannot be reached.")
    expect(form.get_by_role("button", name="Test connection")).to_be_enabled()


def test_inputs_that_the_protocol_does_not_know_are_hidden(form: Page) -> None:
    password = form.locator("#id_credential_password")
    expect(password).to_be_visible()
    form.locator("#id_credential_password").evaluate("input => input.dataset.protocols = 'telepathy'")
    password.fill("typed before the change")
    form.locator("#id_protocol").select_option("")
    expect(password).to_be_visible()
    form.locator("#id_protocol").select_option("rest_api")
    expect(password).to_be_hidden()
    expect(form.locator("label[for=id_credential_password]")).to_be_hidden()
    assert password.input_value() == ""
    expect(form.locator("#id_credential_token")).to_be_visible()


def test_a_credential_is_saved_from_the_form_and_never_shown(form: Page, oven: Equipment, backstage: Backstage) -> None:
    form.locator("#id_credential_token").fill("gugelhupf-4711")
    form.get_by_role("button", name="Save and continue editing").click()
    expect(form.get_by_text("was changed successfully")).to_be_visible()
    assert form.locator("#id_credential_token").input_value() == ""
    assert "gugelhupf" not in form.content()
    assert backstage(lambda: Equipment.objects.get(pk=oven.pk).iot_credentials)["token"] == "gugelhupf-4711"
