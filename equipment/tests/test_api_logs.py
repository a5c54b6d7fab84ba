from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from equipment.models import ConnectionLog, Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def oven() -> Equipment:
    oven = make_equipment(make_bakery(make_user("staff", username="ben")))
    for minute, (kind, status) in enumerate(
        [("configured", "unknown"), ("connected", "connected"), ("error", "error"), ("test", "connected")]
    ):
        at = START + timedelta(minutes=minute)
        ConnectionLog.objects.create(equipment=oven, event_type=kind, event_time=at, connection_status=status)
    return oven


@pytest.fixture
def client(oven: Equipment) -> APIClient:
    return integrator(oven.bakery.members.get())


def kinds(client: APIClient, oven: Equipment, query: str = "") -> Any:
    answer = client.get(f"/api/v1/equipment/{oven.uuid}/connection-logs{query}")
    assert answer.status_code == 200, answer.content
    return [event["event_type"] for event in answer.json()["results"]]


def test_the_newest_come_first_and_pages_follow(client: APIClient, oven: Equipment) -> None:
    assert kinds(client, oven) == ["test", "error", "connected", "configured"]
    first = client.get(f"/api/v1/equipment/{oven.uuid}/connection-logs?page_size=3").json()
    assert first["results"][0] == {
        "event_type": "test",
        "event_time": "2026-11-20T03:03:00Z",
        "connection_status": "connected",
        "error_message": "",
        "error_code": "",
        "response_time_ms": None,
        "data_points_received": None,
    }
    assert [event["event_type"] for event in client.get(first["next"]).json()["results"]] == ["configured"]


def test_they_can_be_filtered(client: APIClient, oven: Equipment) -> None:
    assert kinds(client, oven, "?event_type=error") == ["error"]
    assert kinds(client, oven, "?connection_status=connected") == ["test", "connected"]
    assert kinds(client, oven, "?after=2026-11-20T03:01:00Z&before=2026-11-20T03:03:00Z") == ["error", "connected"]
    answer = client.get(f"/api/v1/equipment/{oven.uuid}/connection-logs?event_type=lost")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["event_type"])


def test_those_of_others_do_not_exist(client: APIClient) -> None:
    assert client.get(f"/api/v1/equipment/{make_equipment().uuid}/connection-logs").status_code == 404
