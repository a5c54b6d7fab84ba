"""What a connection test tells of a machine, in Chromium: its points in every word order, the devices of a server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bakery_iot.tests.browser import Backstage, Visitor
from bakery_iot.tests.shop import HOSTILE
from conftest import BackgroundLoop
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.served import make_ovens
from equipment.services import configure_equipment_iot
from equipment.tests.clients import gateway_worker
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OVEN = "sol-2"


@pytest.fixture(scope="module", autouse=True)
def worker() -> Iterator[None]:
    with gateway_worker():
        yield


@pytest.fixture
def machine(background: BackgroundLoop) -> Iterator[ModbusOvens]:
    machine = ModbusOvens({OVEN: make_ovens()[OVEN]})
    background.run(machine.start())
    yield machine
    background.run(machine.stop())


@pytest.fixture
def form(visitor: Visitor, backstage: Backstage, machine: ModbusOvens) -> Page:
    def connect() -> Any:
        bakery = make_bakery(make_user(username="root", is_staff=True, is_superuser=True))
        oven = make_equipment(bakery, name="Etagenofen")
        return configure_equipment_iot(oven, {"protocol": "modbus", **machine.settings(OVEN)})

    oven = backstage(connect)
    page = visitor.window(backstage(lambda: oven.bakery.members.get()), viewport={"width": 1280, "height": 1000})
    page.goto(f"/admin/equipment/equipment/{oven.pk}/change/")
    return page


def test_each_point_is_shown_with_its_registers_and_what_they_may_mean(form: Page) -> None:
    form.get_by_role("button", name="Test connection").click()
    points = form.get_by_role("region", name="Points")
    expect(points).to_be_visible()
    for column in ("Registers", "ABCD", "CDAB", "BADC", "DCBA"):
        expect(points.get_by_role("columnheader", name=column)).to_be_visible()
    humidity = points.get_by_role("row").filter(has_text="humidity")
    expect(humidity.locator("td.plausible.chosen")).to_contain_text("✓")
    expect(form.get_by_text("makes sense as a value")).to_be_visible()
    assert form.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page itself must not scroll"


def test_what_a_machine_calls_itself_is_text(form: Page) -> None:
    devices = [{"name": HOSTILE, "type": "oven", "place": None}, {"name": "two", "type": None, "place": ""}]
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    answer = {
        "success": True,
        "message": "Connected in 3 ms, 1 value received.",
        "details": {"devices": devices, "server_certificate": [{"subject": "CN=server", "pem": pem}], "none": []},
    }
    body = json.dumps(answer)
    form.route("**/test-connection/", lambda route: route.fulfill(body=body, content_type="application/json"))
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_role("region", name="Devices").get_by_role("row").nth(1)).to_contain_text(HOSTILE)
    expect(form.get_by_role("region", name="Devices").get_by_role("row").nth(2)).to_contain_text("–")
    expect(form.get_by_role("columnheader", name="Place")).to_have_count(0)  # nobody knows it of any
    certificate = form.get_by_role("region", name="Server certificate")
    expect(certificate.get_by_role("row", name="Subject")).to_contain_text("CN=server")
    certificate.get_by_text("Show").click()
    expect(certificate.get_by_text("MIIB")).to_be_visible()
    assert form.evaluate("window.pwned") is None
