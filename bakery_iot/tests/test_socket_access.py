"""Who gets what from every socket, and that none stays open longer than the right to it."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from bakery_iot.tests.access_table import SOCKETS
from equipment.api_clients import create_api_client, revoke_api_client
from equipment.models import ApiClient, Bakery
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry import consumers
from telemetry.routing import websocket_urlpatterns
from telemetry.tests.sockets import closed_with, page, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bakery() -> Bakery:
    bakery = make_bakery(make_user("staff", username="member"), name="Zwiebelhof")
    make_equipment(bakery, name="Steinofen")
    make_bakery(make_user("manager", username="outsider"))
    make_user("manager", username="stranger")
    bakery.memberships.create(user=make_user("service partner", username="expired"), until=timezone.now())
    return bakery


def session_by_name(kind: str) -> dict[str, str]:
    return {} if kind == "anonymous" else session_of(User.objects.get(username=kind))


def test_every_socket_has_a_row() -> None:
    assert {str(route.pattern) for route in websocket_urlpatterns} == set(SOCKETS), "Add new sockets to access_table.py"


@pytest.mark.parametrize("path", SOCKETS)
def test_everyone_gets_what_the_table_says(path: str, site: str, bakery: Bakery) -> None:
    row = SOCKETS[path]
    for kind in (*row._fields, "expired"):
        expected = row.stranger if kind == "expired" else getattr(row, kind)
        with page(site, session_by_name(kind), path=path) as socket:
            if expected != "opens":
                assert closed_with(socket) == expected, kind
                continue
            first = socket.recv(timeout=10)
            text = first if isinstance(first, str) else first.decode()
            assert ("Steinofen" in text, "Zwiebelhof" in text) == ((kind == "member",) * 2), kind


def make_client(bakery: Bakery, **values: Any) -> tuple[ApiClient, dict[str, str]]:
    user = User.objects.get(username="member")
    client = ApiClient(name="Till", user=user, expires_at=timezone.now() + timedelta(days=1), **values)
    return client, {"Authorization": f"Token {create_api_client(client, [bakery])}"}


def test_an_api_client_hears_of_its_own_bakeries_alone(site: str, bakery: Bakery) -> None:
    second = make_bakery(User.objects.get(username="member"), name="Second")
    _, header = make_client(second)
    with page(site, header, origin=None) as socket:
        snapshot = orjson.loads(socket.recv(timeout=10))
        assert [found["name"] for found in snapshot["bakeries"]] == ["Second"]


@pytest.mark.parametrize("how", ["the time is over", "revoked"])
def test_a_socket_closes_when_the_right_to_it_ends(
    site: str, bakery: Bakery, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    client, header = make_client(bakery)
    bakery.memberships.update(until=timezone.now() + timedelta(minutes=5))
    with page(site, header if how == "revoked" else session_by_name("member")) as socket:
        socket.recv(timeout=10)
        if how == "revoked":
            revoke_api_client(client)
            assert closed_with(socket) == consumers.NOT_SIGNED_IN
        else:
            bakery.memberships.update(until=timezone.now())
            assert closed_with(socket) == consumers.NO_BAKERY
