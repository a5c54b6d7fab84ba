"""Every page for every hand and eye: hostile names, small screens, keyboards, strangers, dark rooms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, expect

from bakery_iot.tests.browser import Backstage, Line, Visitor, card, is_hatched
from bakery_iot.tests.shop import HOSTILE, bake, connection_lost, load, make_shop, measure
from connectors import OperationalStatus
from equipment.models import Bakery
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# WCAG's contrast of every text colour on every ground, from the style sheet's own tokens.
CONTRASTS = """() => {
    const css = getComputedStyle(document.documentElement);
    const channels = (name) => css.getPropertyValue(name).match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
    const light = (name) => {
        const linear = (part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = channels(name).map(linear);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const texts = ["--ink", "--quiet", "--ember", "--warning", "--critical", "--good"];
    const pairs = texts.flatMap((name) => ["--paper", "--card"].map((ground) => [name, ground]));
    return Object.fromEntries(pairs.map(([name, ground]) => {
        const [low, high] = [light(name), light(ground)].sort((a, b) => a - b);
        return [`${name} on ${ground}`, (high + 0.05) / (low + 0.05)];
    }));
}"""
LONG = "Etagenofen mit einem sehr langen Namen ohne Ende-und-ohne-Umbruchstelle-im-Keller"


def test_names_that_are_code_stay_names(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop(HOSTILE, place=HOSTILE, manufacturer=HOSTILE))
    backstage(lambda: load(oven, HOSTILE))
    further = {"alarm": HOSTILE, HOSTILE: HOSTILE, "programme": "</script><script>window.pwned=1</script>"}
    backstage(lambda: bake(oven, 5, additional_sensors=further, temperature_zones={HOSTILE: 200.0, "core": 60.0}))
    page = visitor.window(user)
    page.goto("/")
    expect(card(page, HOSTILE)).to_contain_text(f"{HOSTILE} - Batch #7")
    card(page, HOSTILE).get_by_role("link").click()
    expect(page.locator("#sentence")).to_contain_text(HOSTILE)
    backstage(lambda: connection_lost(oven, HOSTILE))
    expect(page.locator("#events")).to_contain_text(HOSTILE)
    page.reload()
    expect(page.locator("#events")).to_contain_text(HOSTILE)
    expect(page.locator("#legend")).to_contain_text(HOSTILE)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_never_scrolls_sideways(visitor: Visitor, backstage: Backstage, width: int) -> None:
    user, (oven,) = backstage(lambda: make_shop(LONG, place=LONG))
    backstage(lambda: [make_bakery(user, name=f"{LONG} {number}", time_zone="Atlantic/Canary") for number in range(3)])
    decks = {f"deck_{deck}_{side}": 231.0 for deck in (1, 2, 3) for side in ("top", "bottom")}
    backstage(lambda: load(oven, LONG))
    backstage(lambda: bake(oven, 85, temperature_zones=decks, target_temperature_zones=decks, humidity=50.0))
    page = visitor.window(user, **{**PHONE, "viewport": {"width": width, "height": 800}})
    for address in ("/", f"/equipment/{oven.uuid}/"):
        page.goto(address)
        expect(page.get_by_role("heading", name=LONG)).to_be_visible()
        expect(page.locator(".zone").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert too_small_to_touch(page) == []
    stranger = visitor.window(**PHONE)
    stranger.goto("/sign-in/")
    assert stranger.evaluate("document.documentElement.scrollWidth") == 390


def too_small_to_touch(page: Page) -> list[str]:
    return list(
        page.evaluate("""() => [...document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")]
            .filter((node) => node.checkVisibility({ contentVisibilityAuto: true }) && !node.matches(".skip"))
            .filter((node) => Math.min(node.offsetHeight, node.offsetWidth) < 44)
            .map((node) => `${node.className} ${node.offsetWidth} x ${node.offsetHeight}`)""")
    )


def test_the_keyboard_reaches_every_card_and_shows_where_it_is(visitor: Visitor, backstage: Backstage) -> None:
    user, ovens = backstage(lambda: make_shop("A", "B", "C"))
    page = visitor.window(user)
    page.goto("/")
    expect(page.locator(".card")).to_have_count(3)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        if name := page.evaluate("document.activeElement.closest('.card')?.querySelector('h2').textContent"):
            reached.append(name)
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if name == "B":
            break
    assert reached == ["A", "B"]
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.site}/equipment/{ovens[1].uuid}/")


def test_strangers_find_no_page(visitor: Visitor, backstage: Backstage) -> None:
    _, (oven,) = backstage(lambda: make_shop("Horno 1"))
    other, _ = backstage(lambda: make_shop("Horno 2"))
    stranger = visitor.window(backstage(make_user))
    for address in ("/", f"/equipment/{oven.uuid}/"):
        answer = stranger.goto(address)
        assert answer and answer.status == 404
        expect(stranger.get_by_text("Ask a manager to make you a member of a bakery.")).to_be_visible()
    neighbour = visitor.window(other)
    for address in (f"/equipment/{oven.uuid}/", f"/?bakery={backstage(lambda: oven.bakery.slug)}"):
        answer = neighbour.goto(address)
        assert answer and answer.status == 404
    neighbour.goto("/")
    expect(neighbour.locator(".card h2")).to_have_text(["Horno 2"])


def test_the_bakeries_can_be_looked_at_one_by_one(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    teide = backstage(lambda: make_bakery(user, name="El Teide", time_zone="Atlantic/Canary"))
    backstage(lambda: make_equipment(teide, name="Horno 2"))
    page = visitor.window(user)
    page.goto("/")
    expect(page.locator(".card h2")).to_have_text(["Horno 1", "Horno 2"])
    expect(page.locator("#clock")).to_contain_text("Canary")
    page.get_by_role("link", name="El Teide").click()
    expect(page.locator(".card h2")).to_have_text(["Horno 2"])
    expect(page.locator("#clock")).not_to_contain_text("Canary")


def test_on_a_phone_a_clock_is_never_broken_in_two_and_the_place_has_the_whole_width(
    visitor: Visitor, backstage: Backstage
) -> None:
    user, _ = backstage(lambda: make_shop("Horno 1"))
    teide = backstage(lambda: make_bakery(user, name="El Teide", time_zone="Atlantic/Canary"))
    backstage(lambda: make_equipment(teide, name="Horno 2", place="Obrador, al fondo"))
    page = visitor.window(user, **PHONE)
    page.goto("/")
    expect(page.locator("#clock")).to_contain_text("Canary")
    clocks = (page.locator("#clock").text_content() or "").split("   ")
    assert len(clocks) == 2
    assert all("\u00a0" in text and " " not in text for text in clocks), clocks
    head = card(page, "Horno 2").locator(".card-head")
    place = head.get_by_text("Obrador, al fondo")
    width = "(element) => element.clientWidth"
    assert place.evaluate(width) == head.evaluate(width)


def test_an_empty_dashboard_says_what_to_do_first(visitor: Visitor, backstage: Backstage) -> None:
    manager, _ = backstage(lambda: make_shop(groups=("manager",)))
    permissions = Permission.objects.filter(codename__in=["add_equipment", "view_equipment"])
    backstage(lambda: manager.user_permissions.set(permissions))
    baker, _ = backstage(make_shop)
    page = visitor.window(manager)
    page.goto("/")
    page.get_by_role("link", name="Add your first oven").click()
    expect(page).to_have_url(f"{visitor.site}/admin/equipment/equipment/add/")
    page = visitor.window(baker)
    page.goto("/")
    expect(page.get_by_text("Ask your manager to add the first oven.")).to_be_visible()


def test_the_oven_page_shows_the_machine_its_curve_and_its_gaps(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1", manufacturer="Hornos Guadarrama", poll_interval_seconds=10))
    zones = {"temperature_zones": {"cabinet": 230.0, "core": 71.4}, "target_temperature_zones": {"cabinet": 230.0}}
    for seconds_ago in (*range(3000, 2400, -20), *range(900, 0, -20)):
        backstage(lambda ago=seconds_ago: bake(oven, 12, seconds_ago=ago, **zones))  # type: ignore[misc]
    page = visitor.window(user)
    page.goto(f"/equipment/{oven.uuid}/")
    expect(page.locator(".uplot canvas")).to_be_visible()
    expect(page.locator(".stage")).to_have_count(2)
    left, right = page.locator(".stage").evaluate_all("nodes => nodes.map((node) => node.style.cssText)")
    assert left != right
    expect(page.get_by_text("Hornos Guadarrama")).to_be_visible()
    expect(page.locator(".gauge").filter(has_text="Core")).to_contain_text("71.4\u2009°C")
    expect(page.locator("#left")).to_have_text("12\u2009min")
    backstage(lambda: bake(oven, 11, temperature_zones={"cabinet": 233.0, "core": 80.2}))
    expect(page.locator(".legend-entry").filter(has_text="Core")).to_contain_text("80.2\u2009°C")
    page.get_by_role("button", name="1 h", exact=True).click()
    expect(page.get_by_role("button", name="1 h", exact=True)).to_have_attribute("aria-pressed", "true")
    page.locator(".legend-entry").filter(has_text="Core").click()
    expect(page.locator(".legend-entry").filter(has_text="Core")).to_have_attribute("aria-pressed", "false")


def test_a_lost_machine_says_so_on_its_page_and_in_its_list(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    backstage(lambda: measure(oven, 200, seconds_ago=60))
    page = visitor.window(user)
    page.goto(f"/equipment/{oven.uuid}/")
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    backstage(lambda: connection_lost(oven, "Nothing listens at 10.0.0.7. Check the port."))
    expect(page.locator("#status-word")).to_have_text("Offline")
    expect(page.locator("#sentence")).to_have_text("Nothing listens at 10.0.0.7. Check the port.")
    expect(page.locator("#events li")).to_contain_text("Connection lost")
    assert is_hatched(page.locator(".gauges"))
    before = page.locator("#events li").inner_text()
    page.reload()
    expect(page.locator("#events li")).to_have_count(1)
    assert page.locator("#events li").inner_text() == before


def test_what_happened_while_no_line_was_up_is_listed_too(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    page = visitor.window(user)
    line = Line(page)
    page.goto(f"/equipment/{oven.uuid}/")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    line.is_silent = True
    backstage(lambda: connection_lost(oven, "Nothing listens at 10.0.0.7."))
    expect(page.locator("#banner")).to_be_visible()
    line.is_silent = False
    expect(page.locator("#events li")).to_contain_text("Nothing listens at 10.0.0.7.")


def test_times_are_those_of_the_bakery_and_name_the_day_when_not_today(visitor: Visitor, backstage: Backstage) -> None:
    user, (oven,) = backstage(lambda: make_shop("Horno 1"))
    backstage(lambda: Bakery.objects.filter(pk=oven.bakery_id).update(time_zone="Asia/Kathmandu"))
    backstage(lambda: connection_lost(oven, "x", datetime.now(UTC) - timedelta(days=3)))
    page = visitor.window(user, timezone_id="America/New_York")
    page.goto(f"/equipment/{oven.uuid}/")
    shown = page.locator("#events time").inner_text()
    moment = page.locator("#events time").get_attribute("datetime") or ""
    assert moment.endswith("+05:45")
    assert shown.endswith(moment[11:16]) and "," in shown
    clock = datetime.now(UTC) + timedelta(hours=5, minutes=45)
    assert page.locator("#clock").inner_text() in (f"{clock:%H:%M}", f"{clock - timedelta(minutes=1):%H:%M}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_shapes_can_be_told_from_the_paper(visitor: Visitor, backstage: Backstage, scheme: str) -> None:
    user, (oven, _) = backstage(lambda: make_shop("Horno 1", "Horno 2"))
    backstage(lambda: measure(oven, operational_status=OperationalStatus.ERROR, additional_sensors={"alarm": "E 42"}))
    page = visitor.window(user, color_scheme=scheme, reduced_motion="reduce")
    page.goto("/")
    expect(card(page, "Horno 1")).to_contain_text("The machine reports a fault: “E 42”.")
    ratios = page.evaluate(CONTRASTS)
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def test_the_wall_has_type_for_the_other_side_of_the_room(visitor: Visitor, backstage: Backstage) -> None:
    user, ovens = backstage(lambda: make_shop(*(f"Horno {number}" for number in range(12))))
    for oven in ovens:
        backstage(lambda oven=oven: bake(oven, 12))  # type: ignore[misc]
    page = visitor.window(user, viewport={"width": 1920, "height": 1080})
    page.goto("/?wall")
    expect(page.locator(".card")).to_have_count(12)
    size = page.locator(".temperature").first.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
    assert size == pytest.approx(0.06 * 1920)
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
