from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.browser


def test_the_api_can_be_tried_out_by_whoever_is_signed_in(visitor: Any, backstage: Any) -> None:
    def prepare() -> User:
        anna = make_user("manager")
        make_equipment(make_bakery(anna, slug="sol"), name="Steinofen")  # as in the example
        return anna

    page = visitor.window(backstage(prepare))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto("/api/v1/docs")
    listed = page.locator("#operations-equipment-list_equipment")
    expect(listed).to_be_visible(timeout=60_000)  # the schema takes some seconds to make
    listed.locator(".opblock-summary-control").click()
    listed.get_by_role("button", name="Try it out").click()
    listed.get_by_role("button", name="Execute").click()
    expect(listed.locator(".live-responses-table")).to_contain_text("Steinofen")
    assert [address for address in asked if not address.startswith((visitor.site, "data:"))] == []
    assert [text for text in said if "Content Security Policy" in text] == []
