"""Chromium on the dashboard: an observer in the page notes when the number on a card changes."""

import shutil
from typing import Any

from playwright.async_api import async_playwright

from bakery_iot.tests.conftest import CHROMIUM, SWITCHES
from bench.viewers.sight import FirstSight, Task

# [moment of the wall clock in ms, the card's heading, its temperature], when the page has them in its tree.
_OBSERVE = """() => {
  window.seen = [];
  const note = (card) => window.seen.push(
    [Date.now(), card.querySelector("h2, h3").textContent, card.querySelector(".temperature .number").textContent]);
  const cards = document.querySelector("#cards");
  cards.querySelectorAll(".card").forEach(note);
  new MutationObserver((changes) => {
    const touched = changes.map(({ target }) => (target.closest ? target : target.parentElement)?.closest(".card"));
    new Set(touched.filter(Boolean)).forEach(note);
  }).observe(cards, { subtree: true, childList: true, characterData: true });
}"""


def is_installed() -> bool:
    return any(map(shutil.which, CHROMIUM))


async def look(task: Task, say: Any) -> dict[str, Any]:
    sight, machines = FirstSight(), {machine.name: machine for machine in task.machines}
    executable = next(filter(None, map(shutil.which, CHROMIUM)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        context = await browser.new_context(base_url=f"http://{task.address}")
        await context.add_cookies(
            [{"name": "sessionid", "value": task.session, "url": f"http://{task.address}", "httpOnly": True}]
        )
        page = await context.new_page()
        await page.goto("/")
        await page.locator(".card").first.wait_for()
        await page.evaluate(_OBSERVE)
        say({})
        await page.wait_for_timeout(task.seconds * 1000)
        for moment, name, number in await page.evaluate("window.seen"):
            if name in machines and number.strip().isdecimal():
                sight.see(machines[name], float(number), moment / 1000)
        await browser.close()
    return sight.to_json()
