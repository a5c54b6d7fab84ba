"""Chromium for the browser tests."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

QUICK_HEARTBEAT_SECONDS = 0.4
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# No request of its own: the tests run on machines without a way out, and as root.
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def backstage() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs what touches the database on another thread: the browser's driver runs an event loop on this one."""
    from django.db import connections

    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result(30)
        pool.submit(connections.close_all).result(30)


@pytest.fixture
def visitor(site: str, backstage: Callable[[Callable[[], Any]], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A `bakery_iot.tests.browser.Visitor`. The heart beats faster: a dead line shows in a second instead of ten."""
    from bakery_iot.tests.browser import Visitor
    from telemetry import consumers, selectors

    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not executable:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    for module in (consumers, selectors):
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", QUICK_HEARTBEAT_SECONDS)
    expect.set_options(timeout=15_000)  # the machine that runs the tests may be busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        visitor = Visitor(browser, site, backstage)
        yield visitor
        browser.close()
    assert visitor.errors == []
