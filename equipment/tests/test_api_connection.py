import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from conftest import BackgroundLoop
from connectors.simulators.http import SimulatedBakery
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.served import make_ovens
from equipment import services
from equipment.models import ConnectionLog, Equipment
from equipment.tests.clients import gateway_worker, integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
OVEN = "sol-1"


@pytest.fixture(scope="module", autouse=True)
def worker() -> Iterator[None]:
    with gateway_worker():
        yield


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def oven(manager: User) -> Equipment:
    return make_equipment(make_bakery(manager))


@pytest.fixture
def client(manager: User) -> APIClient:
    return integrator(manager)


@pytest.fixture
def body(ovens: SimulatedBakery) -> dict[str, Any]:
    """The guide's request body, for a simulated oven."""
    return {"protocol": "rest_api", **ovens.settings(OVEN), "supports_realtime": True, "poll_interval_seconds": 30}


def path(oven: Equipment, what: str) -> str:
    return f"/api/v1/equipment/{oven.uuid}/{what}"


def post(client: APIClient, oven: Equipment, what: str, body: Any) -> Any:
    return client.generic("POST", path(oven, what), json.dumps(body), content_type="application/json")


class TestIoTConfig:
    def test_the_answer_is_the_guides(self, client: APIClient, oven: Equipment, body: dict[str, Any]) -> None:
        answer = post(client, oven, "iot-config", body)
        milliseconds = answer.json()["connection_test_result"]["response_time_ms"]
        assert type(milliseconds) is int
        assert answer.status_code == 200
        assert answer.content.decode() == (
            '{"success":true,"message":"IoT configuration saved successfully",'
            f'"equipment_id":"{oven.uuid}",'
            f'"connection_test_result":{{"success":true,"status":"connected","response_time_ms":{milliseconds}}}}}'
        )

    def test_the_settings_are_kept_and_the_machine_is_read(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        post(client, oven, "iot-config", body)
        stored = Equipment.objects.get(pk=oven.pk)
        assert (stored.iot_enabled, stored.iot_protocol, stored.poll_interval_seconds) == (True, "rest_api", 30)
        assert stored.iot_credentials == body["credentials"]
        assert stored.config_version == oven.config_version + 1
        shown = client.get(path(oven, "")).json()
        assert shown["iot_credentials_set"] == list(body["credentials"])
        assert shown["iot_config"] == body["additional_config"]

    def test_a_machine_that_does_not_answer_is_saved_too_and_the_result_says_what_to_do(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        answer = post(client, oven, "iot-config", {**body, "endpoint": "http://127.0.0.1", "port": 9})
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        result = answer.json()["connection_test_result"]
        assert list(result) == ["success", "status", "response_time_ms", "message", "error_details", "error_code"]
        assert (result["success"], result["status"], result["error_code"]) == (False, "disconnected", "refused")
        assert "127.0.0.1:9" in result["message"]
        assert Equipment.objects.get(pk=oven.pk).iot_port == 9

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"protocol": "telepathy"}, "protocol"),
            ({"protocol": None}, "protocol"),
            ({"endpoint": "oven"}, "endpoint"),
            ({"endpoint": "http://x/" + "x" * 2600}, "endpoint"),
            ({"port": 0}, "port"),
            ({"port": "soon"}, "port"),
            ({"credentials": {"pasword": "x"}}, "credentials.pasword"),
            ({"credentials": "x"}, "credentials"),
            ({"additional_config": {"timeout": -1}}, "additional_config.timeout"),
            ({"additional_config": {"scope": "a\0b"}}, "additional_config"),
            ({"additional_config": {"scope": "\ud800"}}, "additional_config"),
            ({"poll_interval_seconds": 0}, "poll_interval_seconds"),
            ({"supports_realtime": "perhaps"}, "supports_realtime"),
            ({"verify_ssl": False}, "verify_ssl"),
        ],
    )
    def test_a_wrong_setting_is_named_by_its_path_and_nothing_is_saved(
        self, client: APIClient, oven: Equipment, body: dict[str, Any], change: dict[str, Any], path: str
    ) -> None:
        answer = post(client, oven, "iot-config", {**body, **change})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert list(answer.json()["fields"]) == [path]
        assert answer.json()["fields"][path].endswith((".", "?"))
        assert not Equipment.objects.get(pk=oven.pk).iot_protocol
        assert not ConnectionLog.objects.exists()

    def test_what_is_missing_is_named(self, client: APIClient, oven: Equipment) -> None:
        assert list(post(client, oven, "iot-config", {}).json()["fields"]) == ["protocol", "endpoint"]

    def test_without_a_gateway_worker_the_result_says_so(
        self, client: APIClient, oven: Equipment, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "GATEWAY_PATIENCE_SECONDS", -9)
        result = post(client, oven, "iot-config", body).json()["connection_test_result"]
        assert (result["success"], result["error_code"]) == (False, "gateway")
        assert "Is its poll worker running" in result["message"]


class TestTestConnection:
    def test_posted_settings_are_tried_and_not_saved(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        answer = post(client, oven, "test-connection", body)
        result = answer.json()
        assert answer.status_code == 200
        assert list(result) == [
            "success",
            "status",
            "response_time_ms",
            "message",
            "supported_features",
            "error_details",
            "error_code",
            "reading",
            "details",
        ]
        assert (result["success"], result["error_details"], result["error_code"]) == (True, None, None)
        assert "temperature" in result["supported_features"]
        assert result["reading"]["reading_time"].endswith("Z")
        assert result["reading"]["temperature"] > 0
        stored = Equipment.objects.get(pk=oven.pk)
        assert (stored.iot_protocol, stored.config_version) == ("", oven.config_version)
        assert ConnectionLog.objects.get(equipment=oven).event_type == "test"

    def test_what_helps_with_the_set_up_is_told(
        self, client: APIClient, oven: Equipment, background: BackgroundLoop
    ) -> None:
        machine = ModbusOvens({OVEN: make_ovens()[OVEN]})
        background.run(machine.start())
        try:
            result = post(client, oven, "test-connection", {"protocol": "modbus", **machine.settings(OVEN)}).json()
        finally:
            background.run(machine.stop())
        assert result["success"], result["message"]
        points = result["details"]["points"]
        assert {"field", "registers", "ABCD", "CDAB", "BADC", "DCBA", "plausible"} <= points[0].keys()

    @pytest.mark.parametrize("empty", ["", "{}"])
    def test_an_empty_body_tries_what_is_saved(
        self, client: APIClient, oven: Equipment, body: dict[str, Any], empty: str
    ) -> None:
        services.configure_equipment_iot(oven, body)
        where = path(oven, "test-connection")
        answer = client.generic("POST", where, empty, content_type="application/json" if empty else "")
        assert (answer.status_code, answer.json()["success"]) == (200, True)

    def test_nothing_saved_and_nothing_posted_is_explained(self, client: APIClient, oven: Equipment) -> None:
        answer = post(client, oven, "test-connection", {})
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["protocol"]

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ("http_401", "error", "auth"),
            ("http_404", "error", "not_found"),
            ("http_429", "error", "rate_limited"),
            ("html", "error", "parse"),
            ("too_large", "error", "too_large"),
            ("hang", "disconnected", "timeout"),
        ],
    )
    def test_a_failure_is_an_answer_with_a_sentence(
        self,
        client: APIClient,
        oven: Equipment,
        body: dict[str, Any],
        ovens: SimulatedBakery,
        fault: str,
        status: str,
        code: str,
    ) -> None:
        body["additional_config"]["timeout"] = 1
        ovens.ovens[OVEN].fault = fault
        answer = post(client, oven, "test-connection", body)
        result = answer.json()
        assert answer.status_code == 200
        assert (result["success"], result["status"], result["error_code"]) == (False, status, code)
        assert result["message"] == result["error_details"]
        assert result["message"].endswith((".", "?"))
        assert result["reading"] is None
        log = ConnectionLog.objects.get(equipment=oven)
        assert (log.error_message, log.error_code) == (result["message"], code)
        ovens.ovens[OVEN].fault = None
        assert post(client, oven, "test-connection", body).json()["success"]

    def test_saved_credentials_serve_a_posted_change(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        services.configure_equipment_iot(oven, body)
        again = {key: value for key, value in body.items() if key != "credentials"}
        again["additional_config"] = {**body["additional_config"], "timeout": 5}
        assert post(client, oven, "test-connection", again).json()["success"]

    @pytest.mark.parametrize(
        "change",
        [
            {"endpoint": "http://localhost"},
            {"endpoint": "https://127.0.0.1"},
            {"additional_config": {"auth": "sign_in", "sign_in_endpoint": "http://evil.example/login"}},
            {"additional_config": {"auth": "oauth2_password", "token_url": "http://evil.example/token"}},
        ],
    )
    def test_saved_credentials_are_not_sent_elsewhere(
        self, client: APIClient, oven: Equipment, body: dict[str, Any], change: dict[str, Any]
    ) -> None:
        services.configure_equipment_iot(oven, {**body, "credentials": {"username": "anna", "password": "geheim"}})
        again = {key: value for key, value in body.items() if key != "credentials"}
        for what in ("test-connection", "iot-config"):
            answer = post(client, oven, what, {**again, **change})
            assert answer.status_code == 400
            assert list(answer.json()["fields"]) == ["credentials"]

    def test_a_new_address_without_credentials_hides_no_other_mistake(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        services.configure_equipment_iot(oven, {**body, "credentials": {"username": "anna", "password": "geheim"}})
        elsewhere = {"protocol": "rest_api", "endpoint": "https://other.example", "additional_config": {"timout": 5}}
        wrong = post(client, oven, "test-connection", elsewhere).json()["fields"]
        assert "Do you mean 'timeout'?" in wrong["additional_config.timout"]
        assert "Enter the credentials again" in wrong["credentials"]
        unknown = post(client, oven, "test-connection", {"protocol": "rest", "endpoint": "https://other.example"})
        assert list(unknown.json()["fields"]) == ["protocol"]

    def test_a_protocol_without_credentials_asks_for_none(
        self, client: APIClient, oven: Equipment, body: dict[str, Any]
    ) -> None:
        services.configure_equipment_iot(oven, {**body, "credentials": {"username": "anna", "password": "geheim"}})
        points = [{"field": "temperature", "table": "input", "address": 0, "type": "int16"}]
        modbus = {"protocol": "modbus", "endpoint": "127.0.0.1", "port": 9, "additional_config": {"points": points}}
        answer = post(client, oven, "iot-config", modbus)
        assert answer.status_code == 200, answer.json()
        oven.refresh_from_db()
        assert not oven.iot_credentials

    def test_it_is_not_a_port_scanner(
        self, client: APIClient, oven: Equipment, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rest_framework.throttling.ScopedRateThrottle.THROTTLE_RATES", {"test-connection": "2/min"})
        body["endpoint"] = "nonsense"
        answers = [post(client, oven, "test-connection", body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert int(answers[2]["Retry-After"]) > 0
        assert answers[2]["Content-Type"] == "application/problem+json"
