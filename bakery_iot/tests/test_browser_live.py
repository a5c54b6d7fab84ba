"""The dashboard as the baker sees it: values that come by themselves, and a line that dies and comes back."""

import re

import pytest
from playwright.sync_api import expect

from bakery_iot.tests.browser import Backstage, Line, Visitor, card, is_hatched
from bakery_iot.tests.shop import bake, make_shop, measure
from equipment.batches import start_batch
from equipment.services import archive_equipment
from equipment.tests.factories import PASSWORD, make_equipment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_signing_in_leads_to_the_ovens_and_signing_out_back(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1", groups=("manager",)))
    backstage(lambda: measure(oven, 221))
    page = visitor.window()
    page.goto(f"/equipment/{oven.uuid}/")
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Horno 1")).to_be_visible()
    page.get_by_role("link", name="All ovens").click()
    expect(card(page, "Horno 1")).to_contain_text("221")
    page.locator(".account summary").click()
    expect(page.get_by_role("link", name="Administration")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_values_are_there_before_the_socket_and_without_it(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    backstage(lambda: measure(oven, 187))
    page = visitor.window(user)
    page.route_web_socket(re.compile("/ws/live/"), lambda route: None)
    page.goto("/")
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("187\u2009°C")
    expect(page.locator("#banner")).to_contain_text("No live connection since", timeout=20_000)


def test_cards_change_without_a_reload(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven, other) = backstage(lambda: make_shop("Horno 1", "Horno 2"))
    page = visitor.window(user)
    page.goto("/")
    page.evaluate("window.isTheSamePage = true")
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("–")
    expect(card(page, "Horno 1")).to_contain_text("Waiting")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    backstage(lambda: measure(oven, 221, humidity=44.0))
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("221\u2009°C")
    expect(card(page, "Horno 1")).to_contain_text("44\u2009% humidity")
    expect(card(page, "Horno 1")).to_contain_text("Ready")
    backstage(lambda: start_batch(oven, "Baguette", oven.created_at, number="9"))
    backstage(lambda: bake(oven, minutes_left=12))
    expect(card(page, "Horno 1")).to_contain_text("Baguette - Batch #9")
    expect(card(page, "Horno 1").locator(".left")).to_have_text("12\u2009min")
    added = backstage(lambda: make_equipment(oven.bakery, name="Horno 3", iot_enabled=True))
    backstage(lambda: measure(added, 99))
    expect(card(page, "Horno 3")).to_contain_text("99")
    backstage(lambda: archive_equipment(other))
    expect(card(page, "Horno 2")).to_have_count(0)
    assert page.evaluate("window.isTheSamePage")


def test_a_silent_line_is_told_over_everything_and_heals(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1", poll_interval_seconds=60))
    backstage(lambda: measure(oven, 200))
    page = visitor.window(user)
    line = Line(page)
    page.goto("/")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    expect(page.locator("#banner")).to_be_hidden()
    line.is_silent = True
    banner = page.get_by_text(re.compile(r"No live connection since \d\d:\d\d\. The values below are old\."))
    expect(banner).to_be_visible()
    assert is_hatched(card(page, "Horno 1").locator(".reading"))
    backstage(lambda: measure(oven, 201))
    line.is_silent = False
    expect(banner).to_be_hidden()
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("201\u2009°C")
    assert not is_hatched(card(page, "Horno 1").locator(".reading"))


def test_a_page_that_is_cut_off_does_not_blame_the_machines(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1", poll_interval_seconds=1))
    backstage(lambda: bake(oven, minutes_left=12))
    page = visitor.window(user)
    line = Line(page)
    page.goto("/")
    expect(card(page, "Horno 1")).to_contain_text("Baking")
    line.is_silent = True
    expect(page.locator("#banner")).to_be_visible()
    expect(card(page, "Horno 1")).to_have_attribute("data-level", "stale")
    expect(card(page, "Horno 1")).to_contain_text("Baking")
    expect(card(page, "Horno 1")).not_to_contain_text("Is the machine switched on")
    expect(page.locator("#headline")).to_have_text("All is well")


def test_a_line_that_is_cut_comes_back_by_itself(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    page = visitor.window(user)
    line = Line(page)
    page.goto("/")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    line.cut()
    backstage(lambda: measure(oven, 234))
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("234\u2009°C")
    assert line.opened == 2


def test_after_sleep_the_values_count_as_old_until_a_new_line_is_up(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    page = visitor.window(user)
    line = Line(page)
    page.clock.install()
    page.goto("/")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    line.is_silent = True
    page.clock.fast_forward(20_000)
    expect(page.locator("#banner")).to_be_visible()
    assert line.opened > 1
    line.is_silent = False
    backstage(lambda: measure(oven, 199))
    expect(page.locator("#banner")).to_be_hidden()
    expect(card(page, "Horno 1").locator(".temperature")).to_have_text("199\u2009°C")


def test_who_is_signed_out_elsewhere_is_led_to_the_sign_in(visitor: Visitor, backstage: Backstage) -> None:
    user, _ = backstage(lambda: make_shop("Horno 1"))
    page = visitor.window(user)
    page.goto("/?wall")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    backstage(lambda: user.__class__.objects.filter(pk=user.pk).update(is_active=False))
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=%2F%3Fwall$"))


def test_an_old_value_turns_amber_then_grey_and_hatched(visitor: Visitor, backstage: Backstage) -> None:
    user, (late, stale) = backstage(lambda: make_shop("Late", "Stale", poll_interval_seconds=60))
    backstage(lambda: measure(late, 200, seconds_ago=150))
    backstage(lambda: measure(stale, 200, seconds_ago=400))
    page = visitor.window(user)
    page.goto("/")
    expect(card(page, "Late")).to_have_attribute("data-level", "late")
    expect(card(page, "Late").locator(".age")).to_have_text("2\u2009min")
    assert not is_hatched(card(page, "Late").locator(".reading"))
    expect(card(page, "Stale")).to_have_attribute("data-level", "stale")
    expect(card(page, "Stale").locator(".age")).to_have_text("no value for 6\u2009min")
    expect(card(page, "Stale")).to_contain_text("Is the machine switched on and in the network?")
    assert is_hatched(card(page, "Stale").locator(".reading"))
    assert page.locator(".card h2").all_text_contents() == ["Stale", "Late"]


def test_cards_stay_where_they_are_while_a_hand_is_on_them(visitor: Visitor, backstage: Backstage) -> None:
    user, (first, second) = backstage(lambda: make_shop("A", "B"))
    backstage(lambda: bake(first, minutes_left=10))
    backstage(lambda: bake(second, minutes_left=20))
    page = visitor.window(user)
    page.goto("/")
    expect(page.locator(".card h2")).to_have_text(["A", "B"])
    card(page, "B").hover()
    backstage(lambda: bake(second, minutes_left=3))
    expect(card(page, "B").locator(".left")).to_have_text("3\u2009min")
    expect(page.locator(".card h2")).to_have_text(["A", "B"])
    page.mouse.move(0, 0)
    expect(page.locator(".card h2")).to_have_text(["B", "A"])
