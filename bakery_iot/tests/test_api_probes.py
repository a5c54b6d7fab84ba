"""What attackers try at an API: injection, smuggled headers, and bodies without end. Compressed ones: see ingest."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from bakery_iot.tests.example_world import NO_LIMITS
from equipment.models import Batch, Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
SQL = ("' OR '1'='1", "'; DROP TABLE equipment; --", "1) UNION SELECT password FROM auth_user --", "%' ESCAPE '", "\\'")
LISTS = {
    "equipment": ("bakery", "type", "connection_status", "page", "page_size"),
    "batches": ("bakery", "equipment_id", "external_id", "product", "active", "started_after", "cursor", "page_size"),
    "equipment/iot-alerts": ("bakery", "equipment_id", "alert_type", "severity", "status", "order", "opened_after"),
}
DEEP = "[" * 200_000 + "]" * 200_000


@pytest.fixture(autouse=True)
def _no_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counters live in Redis, longer than a test."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", NO_LIMITS)


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def oven(manager: User) -> Equipment:
    return make_equipment(make_bakery(manager, slug="sol"), name="Steinofen")


@pytest.fixture
def client(manager: User, oven: Equipment) -> APIClient:
    return integrator(manager)


@pytest.mark.parametrize("attack", SQL)
class TestSql:
    def test_a_filter_stays_a_value(self, client: APIClient, attack: str) -> None:
        make_equipment(name="Theirs")
        for path, names in LISTS.items():
            for name in names:
                answer = client.get(f"/api/v1/{path}?{name}={quote(attack)}")
                assert answer.status_code in (200, 400, 404), (path, name)
                assert answer.status_code != 200 or answer.json()["results"] == [], (path, name)

    def test_an_address_stays_a_name(self, client: APIClient, oven: Equipment, attack: str) -> None:
        text = quote(attack, safe="")
        for path in (
            f"equipment/{text}",
            f"batches/{text}",
            f"bakeries/{text}",
            f"equipment/{oven.uuid}/batches/{text}",
        ):
            assert client.get(f"/api/v1/{path}").status_code == 404

    def test_a_curves_fields_and_times_are_not_pasted_in(self, client: APIClient, oven: Equipment, attack: str) -> None:
        for name in ("fields", "start", "points", "aggregate"):
            for what in ("sensor-history", "readings.csv", "readings.parquet"):
                path = f"/api/v1/equipment/{oven.uuid}/{what}?{name}={quote(attack)}"
                assert client.get(path).status_code == 400

    def test_a_text_is_kept_as_it_is(self, client: APIClient, oven: Equipment, attack: str) -> None:
        body = {"equipment_id": str(oven.uuid), "product": attack, "external_id": attack}
        assert client.post("/api/v1/batches", body, format="json").json()["product"] == attack
        assert Batch.objects.get(external_id=attack).product == attack


@pytest.mark.parametrize(
    "path", ["[" * 500, "a" * 1001, "@" + ".a" * 400, "[@,@][]|[@,@][]|[@,@][]|[@,@][]", "join(',', @)", "`" * 99]
)
def test_a_path_into_a_machines_json_cannot_take_the_server_with_it(
    client: APIClient, oven: Equipment, path: str
) -> None:
    mapping = {"temperature": path}
    Equipment.objects.update(
        iot_protocol="rest_api",
        iot_endpoint="https://192.168.1.20",
        supports_realtime=False,
        iot_config={"auth": "none", "mapping": mapping},
    )
    body = {"messages": [{"a": ["x"] * 100}] * 50}
    answer = client.post(f"/api/v1/equipment/{oven.uuid}/messages", body, format="json")
    assert answer.status_code in (200, 400)  # 200: a bad value, named as such


def test_no_header_is_smuggled_in(client: APIClient, oven: Equipment) -> None:
    evil = "x\r\nSet-Cookie: sessionid=evil"
    answers = [
        client.post("/api/v1/equipment", {"name": evil, "bakery": "sol"}, format="json"),
        client.get(f"/api/v1/equipment?bakery={quote(evil)}"),
        client.get(f"/api/v1/equipment/{quote(evil)}"),
        client.post("/api/v1/equipment", {}, format="json", HTTP_IDEMPOTENCY_KEY=evil),
    ]
    Equipment.objects.filter(pk=oven.pk).update(name=f"{evil} too")
    answers.append(client.get(f"/api/v1/equipment/{oven.uuid}/readings.csv?start=2025-01-12"))
    for answer in answers:
        assert not answer.cookies
        assert "evil" not in answer.get("Location", "") + answer.get("Content-Disposition", "").partition("evil.csv")[2]
        assert all("\n" not in value and "\r" not in value for value in answer.headers.values())


@pytest.mark.parametrize(
    "path", ["equipment", "batches", "bakeries", "equipment/{id}/iot-config", "equipment/{id}/readings", "auth/token"]
)
class TestBodies:
    def post(self, client: Any, oven: Equipment, path: str, body: str) -> Any:
        address = f"/api/v1/{path.format(id=oven.uuid)}"
        return client.generic("POST", address, body, content_type="application/json")

    def test_one_without_end_is_refused(self, client: APIClient, oven: Equipment, path: str) -> None:
        answer = self.post(client, oven, path, json.dumps({"name": "x" * 9_000_000}))
        assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")

    @pytest.mark.parametrize("body", [DEEP, '{"a":' * 100_000 + "1" + "}" * 100_000])
    def test_a_deep_one_is_refused(self, client: APIClient, oven: Equipment, path: str, body: str) -> None:
        answer = self.post(client, oven, path, body)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")

    def test_one_of_another_kind_is_refused(self, client: APIClient, oven: Equipment, path: str) -> None:
        for body in ("", "null", "1", '"a"', "[]", "[[]]", '{"": ""}', '{"a": 1e999}', "{'a': 1}", "\x00"):
            assert self.post(client, oven, path, body).status_code == 400, body
