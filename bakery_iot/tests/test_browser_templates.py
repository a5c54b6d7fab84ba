"""Adding a machine in Chromium: template, what only the bakery knows, test, save. And the letter to its maker."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from bakery_iot.tests.browser import Backstage, Visitor
from connectors.preset import list_presets
from connectors.simulators.http import SimulatedBakery
from equipment.models import ConnectionLog, Equipment
from equipment.tests.clients import gateway_worker
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OVEN = "sol-1"
ADD = "/admin/equipment/equipment/add/"


@pytest.fixture(scope="module", autouse=True)
def worker() -> Iterator[None]:
    with gateway_worker():
        yield


@pytest.fixture
def manager(backstage: Backstage) -> User:
    def make() -> User:
        # The groups' permissions come with a migration, and these tests empty the tables after themselves.
        user = make_user(is_staff=True, is_superuser=True)
        make_bakery(user, name="Sol", slug="sol")
        return user

    made: User = backstage(make)
    return made


@pytest.fixture
def form(visitor: Visitor, manager: User) -> Page:
    page = visitor.window(manager, viewport={"width": 1280, "height": 1000})
    page.goto(ADD)
    return page


def settings_of(form: Page) -> dict[str, Any]:
    text = form.locator("#id_additional_config").input_value()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def test_template_then_credentials_then_test_then_save(
    form: Page, ovens: SimulatedBakery, backstage: Backstage
) -> None:
    settings = ovens.settings(OVEN)
    form.get_by_label("Template", exact=True).select_option("any_rest_api")
    expect(form.locator("#id_protocol")).to_have_value("rest_api")
    expect(form.locator("#about-templates")).to_contain_text("one example of the answer")
    form.locator("#id_bakery").select_option(label="Sol")
    form.locator("#id_endpoint").fill(settings["endpoint"])
    form.locator("#id_port").fill(str(settings["port"] or ""))
    form.get_by_text("As JSON", exact=True).click()
    form.locator("#id_additional_config").fill(json.dumps(settings["additional_config"]))
    result = form.locator("#test-connection [role=status]")
    form.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("▲")
    for key, secret in settings["credentials"].items():
        form.locator(f"#id_credential_{key}").fill(secret)
    form.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("Connected in")
    expect(result).to_contain_text("Save the machine to have it read.")
    assert backstage(lambda: (Equipment.objects.count(), ConnectionLog.objects.count())) == (0, 0)
    form.locator("#id_name").fill("Steinofen")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.get_by_text("was added successfully")).to_be_visible()
    oven = backstage(Equipment.objects.get)
    assert (oven.name, oven.preset, oven.iot_enabled) == ("Steinofen", "any_rest_api", True)
    assert (oven.type, oven.poll_interval_seconds) == ("other", 30)
    assert oven.iot_credentials == settings["credentials"]


def test_a_template_fills_in_and_undo_brings_back_what_was_there(form: Page) -> None:
    form.locator("#id_endpoint").fill("https://typed.example")
    form.locator("#id_manufacturer").fill("Typed")
    form.locator("#id_preset").select_option("watlow_f4t")
    expect(form.locator("#id_protocol")).to_have_value("modbus")
    expect(form.locator("#id_endpoint")).to_have_value("{host}")
    expect(form.locator("#id_port")).to_have_value("502")
    expect(form.locator("#id_manufacturer")).to_have_value("Typed")
    expect(form.locator("#id_model")).to_have_value("F4T")
    assert settings_of(form) == list_presets()["watlow_f4t"].additional_config
    form.get_by_role("button", name="Undo").click()
    expect(form.locator("#id_preset")).to_have_value("")
    expect(form.locator("#id_endpoint")).to_have_value("https://typed.example")
    expect(form.locator("#id_protocol")).to_have_value("")
    expect(form.locator("#id_model")).to_have_value("")
    assert settings_of(form) == {}
    expect(form.get_by_text("No template is chosen.")).to_be_visible()


def test_another_template_takes_the_place_of_the_first(form: Page) -> None:
    form.locator("#id_preset").select_option("rational_icombi")
    expect(form.locator("#id_supports_humidity")).to_be_checked()
    expect(form.locator("#id_credential_username")).to_be_visible()
    form.locator("#id_preset").select_option("wachtel_deck_oven")
    expect(form.locator("#id_manufacturer")).to_have_value("Wachtel")
    expect(form.locator("#id_supports_humidity")).not_to_be_checked()
    expect(form.locator("#id_temperature_zones")).to_have_value("3")
    assert settings_of(form) == {"deck_count": 3}
    expect(form.locator(".template-badge").locator("visible=true")).to_have_text("○ Unverified with the manufacturer")


def test_what_only_the_bakery_knows_is_asked_for_and_goes_into_the_settings(form: Page) -> None:
    form.locator("#id_preset").select_option("wachtel_deck_oven")
    panel = form.locator(".settings")
    expect(panel).to_contain_text("Fill in. The oven's id in REMOTE")
    panel.get_by_label("Oven id").fill("W-2207")
    panel.get_by_label("Deck count").fill("")
    panel.get_by_text("More settings").click()
    panel.get_by_label("Temperature unit").select_option(label="F")
    panel.get_by_label("Verify ssl").select_option(label="no")
    panel.get_by_label("Timeout").fill("20")
    assert settings_of(form) == {"oven_id": "W-2207", "temperature_unit": "F", "verify_ssl": False, "timeout": 20}
    panel.get_by_label("Verify ssl").select_option(label="yes (default)")
    assert "verify_ssl" not in settings_of(form)


def test_a_list_that_is_no_json_is_sent_along_and_refused_by_name(form: Page) -> None:
    form.locator("#id_bakery").select_option(label="Sol")
    form.locator("#id_preset").select_option("any_modbus")
    form.locator("#id_endpoint").fill("10.0.0.7")
    points = form.locator(".settings").get_by_label("Points")
    points.fill('[{"field": "temperature"')
    expect(points).to_have_attribute("aria-invalid", "true")
    form.get_by_role("button", name="Test connection").click()
    expect(form.locator("#test-connection [role=status]")).to_contain_text("Further settings: points:")
    points.fill('[{"field": "temperature", "address": 1, "type": "int16"}]')
    expect(points).not_to_have_attribute("aria-invalid", re.compile(".*"))
    assert settings_of(form)["points"] == [{"field": "temperature", "address": 1, "type": "int16"}]


def test_the_json_and_the_inputs_follow_each_other(form: Page) -> None:
    form.locator("#id_protocol").select_option("mqtt")
    panel = form.locator(".settings")
    form.get_by_text("As JSON", exact=True).click()
    text = form.locator("#id_additional_config")
    text.fill('{"topic": "bakery/oven-1", "qos": 0, "allow_rebirth": "perhaps", "deck_count": 3}')
    expect(panel.get_by_label("Topic", exact=True)).to_have_value("bakery/oven-1")
    assert panel.get_by_label("Qos").locator("option:checked").inner_text() == "0"
    expect(panel).to_contain_text("The JSON holds something else here")
    expect(panel).to_contain_text("This protocol has no such settings: deck_count.")
    panel.get_by_role("button", name="Take them out").click()
    assert settings_of(form) == {"topic": "bakery/oven-1", "qos": 0, "allow_rebirth": "perhaps"}
    text.fill('{"topic": ')
    expect(panel).to_contain_text("no JSON object: correct it there")
    expect(text).to_be_visible()
    text.fill("")
    expect(panel.get_by_label("Topic", exact=True)).to_have_value("")


def test_the_letter_is_printed_without_what_is_around_it(visitor: Visitor, manager: User, backstage: Backstage) -> None:
    def make() -> Equipment:
        return make_equipment(manager.bakeries.get(), manufacturer="SALVA", preset="salva")

    oven = backstage(make)
    page = visitor.window(manager, viewport={"width": 390, "height": 844})
    page.goto(f"{oven.get_absolute_url()}data-request/?lang=es")
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.get_by_role("textbox", name="Número de serie").fill("S-20417")
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("article")).to_contain_text("Sehr geehrte Damen und Herren")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator(".topbar")).to_be_hidden()
    sheets = len(re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True)))
    assert 1 <= sheets <= 2
