"""A person at a browser, for the tests that drive the real pages in Chromium. The fixtures are in conftest.py."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Locator, Page, WebSocketRoute

Backstage = Callable[[Callable[[], Any]], Any]


@dataclass
class Visitor:
    """Opens windows at the site, and gathers what goes wrong in them."""

    browser: Browser
    site: str
    backstage: Backstage
    errors: list[str] = field(default_factory=list)

    def context(self, user: User | None = None, **options: Any) -> BrowserContext:
        context = self.browser.new_context(base_url=self.site, **options)
        context.set_default_timeout(15_000)
        if user:
            key = self.backstage(lambda: sign_in(user))
            context.add_cookies([{"name": "sessionid", "value": key, "url": self.site}])
        return context

    def window(self, user: User | None = None, **options: Any) -> Page:
        page = self.context(user, **options).new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page


def sign_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


class Line:
    """Stands between page and server: it can fall silent, as a half-open socket does, or be cut."""

    def __init__(self, page: Page) -> None:
        self.is_silent = False
        self.opened = 0
        self.ends: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/ws/live/"), self._connect)

    def _connect(self, page_end: WebSocketRoute) -> None:
        self.opened += 1
        self.ends.append(page_end)
        server_end = page_end.connect_to_server()
        server_end.on_message(lambda text: None if self.is_silent else page_end.send(text))

    def cut(self) -> None:
        self.ends[-1].close(code=1012)


def card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=name, exact=True))


def is_hatched(locator: Locator) -> bool:
    return "repeating-linear-gradient" in str(locator.evaluate("node => getComputedStyle(node).backgroundImage"))
