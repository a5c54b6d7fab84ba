"""An alert as the baker meets it: it rings, it is on every page, and one thumb acknowledges it."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from alerts.services import start_afresh
from bakery_iot.tests.browser import Backstage, Visitor, card
from bakery_iot.tests.shop import make_shop, measure
from connectors import OperationalStatus, Reading
from equipment.models import Equipment
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True}
ON_ALL_PAGES_MS = 2_000


def fail(oven: Equipment) -> None:
    """The machine reports a fault for a quarter of a minute."""
    now = datetime.now(UTC).timestamp()
    for seconds in (-12, -1):
        at = datetime.fromtimestamp(now + seconds, UTC)
        reading = Reading(reading_time=at, temperature=180.0, operational_status=OperationalStatus.ERROR)
        store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=at)])


def test_a_fault_rings_shows_everywhere_and_is_acknowledged_on_a_phone(visitor: Visitor, backstage: Backstage) -> None:
    start_afresh()
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    backstage(lambda: measure(oven, 221, seconds_ago=60))
    wall, phone, other = (visitor.window(user, **options) for options in ({}, PHONE, {}))
    wall.goto("/?wall")
    expect(wall.locator("#sound-note")).to_have_text("Touch once for sound")
    wall.locator("#main").click(position={"x": 5, "y": 5})
    expect(wall.locator("#sound-note")).to_be_hidden()
    phone.goto("/alerts/")
    expect(phone.locator("#headline")).to_have_text("Nothing is wrong")
    other.goto(f"/equipment/{oven.uuid}/data-request/")
    for page in (wall, phone):
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
    other.wait_for_function("document.getElementById('bell').dataset.severity === 'none'")
    backstage(lambda: fail(oven))
    for page in (wall, phone, other):
        expect(page.locator("#bell")).to_have_attribute("data-severity", "critical", timeout=ON_ALL_PAGES_MS)
        expect(page.locator(".bell-count")).to_have_text("1")
    expect(wall.locator("#bell")).to_have_attribute("data-rang", "1")
    expect(card(wall, "Horno 1")).to_have_attribute("data-severity", "critical")
    expect(card(wall, "Horno 1")).to_contain_text("Horno 1 reports a fault.")
    button = phone.get_by_role("button", name="I see to it")
    box = button.bounding_box()
    assert box is not None and box["height"] >= 64 and box["width"] > 300
    button.tap()
    expect(phone.locator(".alert")).to_contain_text(f"{user.username} sees to it")
    expect(button).to_be_hidden()
    expect(card(wall, "Horno 1")).to_contain_text(f"{user.username} sees to it")
    expect(wall.locator("#bell")).to_have_attribute("data-severity", "none")
    expect(wall.locator("#bell")).to_have_attribute("data-rang", "1")
    phone.locator(".alert-sentence").click()
    expect(phone.get_by_text(re.compile(f"Acknowledged by {user.username}"))).to_be_visible()
    phone.get_by_label("What was done").fill("Reset at the display")
    phone.get_by_role("button", name="Close the alert").click()
    expect(phone.get_by_text("Reset at the display").first).to_be_visible()
    expect(card(wall, "Horno 1")).not_to_contain_text("reports a fault. ")
