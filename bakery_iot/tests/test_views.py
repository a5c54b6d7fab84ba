"""The doors of the site, without a browser."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bakery_iot.tests.shop import HOSTILE, make_shop, measure
from equipment.tests.factories import make_bakery, make_user

pytestmark = pytest.mark.django_db


def test_health_is_open_and_well(client: Client) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": True, "redis": True})
    assert "no-cache" in answer.headers["Cache-Control"]
    assert client.post("/health").status_code == 405


def test_health_names_what_is_away(client: Client, settings: Any) -> None:
    there = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["redis"], answer.json()["database"]) == (503, False, True)
    settings.REDIS_URL = there
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("address", ["/", "/?bakery=x", "/equipment/00000000-0000-0000-0000-000000000001/"])
def test_nobody_sees_a_page_without_signing_in_or_a_bakery(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/?next=/")
    client.force_login(make_user())
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Ask a manager to make you a member of a bakery." in answer.content.decode()


def test_an_unknown_address_leads_back_to_the_ovens(client: Client) -> None:
    user, _ = make_shop("Horno 1")
    client.force_login(user)
    for address in ("/nowhere/", "/equipment/00000000-0000-0000-0000-000000000001/"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "There is no such page." in answer.content.decode()


def test_the_page_carries_the_states_and_nothing_that_a_browser_would_run(client: Client) -> None:
    user, (oven,) = make_shop(HOSTILE)
    measure(oven, 231)
    client.force_login(user)
    for address in ("/", reverse("equipment_detail", args=[oven.uuid])):
        html = client.get(address).content.decode()
        assert '<script id="live-snapshot" type="application/json">' in html
        assert '"temperature": 231.0' in html
        assert HOSTILE not in html
        # So that a strict Content-Security-Policy is possible.
        assert not re.search(r"<script(?![^>]*(src=|application/json))|<[a-z][^>]*\s(style|on\w+)=", html)


def test_pages_are_not_kept_by_the_browser(client: Client) -> None:
    user, _ = make_shop("Horno 1")
    client.force_login(user)
    assert "no-store" in client.get("/").headers["Cache-Control"]


def test_many_bakeries_are_a_list_to_choose_from(client: Client) -> None:
    user, _ = make_shop("Horno 1")
    slug = [make_bakery(user).slug for _ in range(6)][0]
    client.force_login(user)
    html = client.get(f"/?bakery={slug}").content.decode()
    assert f'<option value="{slug}" selected>' in html


def test_signing_out_needs_a_post(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/sign-out/").status_code == 405
    answer = client.post("/sign-out/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/")


def test_the_failure_page_needs_nothing_that_may_have_failed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user, _ = make_shop("Horno 1")
    client.force_login(user)
    client.raise_request_exception = False
    monkeypatch.setattr("bakery_iot.templatetags.live.get_live_snapshot", lambda user: 1 / 0)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "their readings are still collected" in answer.content.decode()


def test_an_address_that_does_not_exist_is_told_to_people_and_to_programs(client: Client) -> None:
    page = client.get("/no/such/page/")
    assert (page.status_code, "There is no such page" in page.content.decode()) == (404, True)
    answer = client.get("/api/v1/no/such/thing")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "/api/v1/schema" in answer.json()["detail"]
