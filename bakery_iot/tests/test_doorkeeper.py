"""Lines that keep the server waiting are refused or dropped, and everybody else is served meanwhile."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed

from bakery_iot import doorkeeper
from bakery_iot.sockets import TOO_MANY
from conftest import wait_for
from equipment.tests.factories import make_bakery, make_user
from telemetry.tests.sockets import page, session_of

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


@pytest.fixture
def lines(site: str) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
    wait_for(lambda: doorkeeper.DOOR.lines.total() == 0, "the lines to be gone")


def open_slow(site: str, lines: ExitStack) -> socket.socket:
    host, port = site.removeprefix("http://").split(":")
    line = lines.enter_context(socket.create_connection((host, int(port)), timeout=10))
    line.sendall(SLOW)
    return line


def is_well(site: str) -> bool:
    return httpx.get(f"{site}/health", headers={"Connection": "close"}, timeout=10).status_code == 200


def test_more_lines_than_one_address_may_have_are_refused(site: str, lines: ExitStack, settings: Settings) -> None:
    settings.MOST_LINES_PER_ADDRESS = 50
    opened = [open_slow(site, lines) for _ in range(300)]
    wait_for(lambda: doorkeeper.DOOR.lines.total() == 50, "the first fifty")
    refused = opened[-1].recv(1000)
    assert refused.startswith(b"HTTP/1.1 503 ") and b"Too many connections are open" in refused
    settings.MOST_LINES_PER_ADDRESS = 60
    assert is_well(site)
    assert doorkeeper.DOOR.lines.total() <= 51


def test_a_line_that_says_nothing_is_dropped_in_time(
    site: str, lines: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorkeeper, "HEADERS_WITHIN_SECONDS", 0.2)
    started = time.monotonic()
    for line in [open_slow(site, lines) for _ in range(20)]:
        with suppress(ConnectionResetError):
            assert line.recv(100) == b""
    assert time.monotonic() - started < 8
    assert is_well(site)


def test_a_user_has_so_many_sockets_and_gets_the_next_when_one_is_closed(site: str, settings: Settings) -> None:
    settings.MOST_SOCKETS_PER_USER = 2
    make_bakery(make_user("staff", username="baker"), make_user("staff", username="colleague"))
    users = {name: User.objects.get(username=name) for name in ("baker", "colleague")}
    headers = session_of(users["baker"])

    with page(site, headers) as first, page(site, headers) as second:
        assert first.recv(timeout=10) and second.recv(timeout=10)
        with page(site, headers) as third, pytest.raises(ConnectionClosed) as caught:
            third.recv(timeout=10)
        assert caught.value.rcvd and caught.value.rcvd.code == TOO_MANY
        with page(site, session_of(users["colleague"])) as other:
            assert other.recv(timeout=10)
        second.close()

        def is_let_in() -> bool:
            with page(site, headers) as again:
                try:
                    return bool(again.recv(timeout=10))
                except ConnectionClosed:
                    return False

        wait_for(is_let_in, "room for another socket")
