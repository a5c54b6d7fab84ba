"""A page's end of the live socket, for tests against the real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Origin


def session_of(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


@contextmanager
def page(site: str, headers: dict[str, str], origin: str | None = "", path: str = "ws/live/") -> Iterator[Connection]:
    address = f"{site.replace('http', 'ws')}/{path}"
    with connect(
        address, additional_headers=headers, origin=origin if origin is None else Origin(origin or site), proxy=None
    ) as socket:
        yield socket


def next_message(socket: Connection, kind: str) -> Any:
    while True:
        message = orjson.loads(socket.recv(timeout=10))
        if message["type"] == kind:
            return message


def closed_with(socket: Connection) -> int:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            socket.recv(timeout=10)
    assert caught.value.rcvd
    return caught.value.rcvd.code
