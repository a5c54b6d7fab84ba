import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import resolve
from rest_framework.test import APIClient

from equipment.models import Bakery, EquipmentType
from equipment.services import archive_equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
LIST = "/api/v1/equipment"
PROBLEM = "application/problem+json"


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, name="Sol", slug="sol")


@pytest.fixture
def client(manager: User, bakery: Bakery) -> APIClient:
    return integrator(manager)


def names(answer: Any) -> list[str]:
    return [machine["name"] for machine in answer.json()["results"]]


class TestList:
    def test_it_shows_the_machines_of_my_bakeries_and_no_others(self, client: APIClient, bakery: Bakery) -> None:
        make_equipment(bakery, name="Mine")
        make_equipment(name="Theirs")
        archive_equipment(make_equipment(bakery, name="Scrapped"))
        answer = client.get(LIST)
        assert names(answer) == ["Mine"]
        assert {key: answer.json()[key] for key in ("count", "next", "previous")} == {
            "count": 1,
            "next": None,
            "previous": None,
        }

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("?bakery=sol", ["Cool", "Hot"]),
            ("?bakery=luna", ["Elsewhere"]),
            ("?bakery=not-mine", []),
            ("?type=fridge", ["Cool"]),
            ("?connection_status=error", ["Hot"]),
            ("?type=oven&bakery=sol", ["Hot"]),
            ("?page_size=2", ["Elsewhere", "Cool"]),
            ("?page_size=2&page=2", ["Hot"]),
        ],
    )
    def test_it_can_be_filtered(
        self, client: APIClient, bakery: Bakery, manager: User, query: str, expected: list[str]
    ) -> None:
        make_equipment(bakery, name="Cool", type="fridge")
        make_equipment(bakery, name="Hot", iot_connection_status="error")
        make_equipment(make_bakery(manager, name="Luna", slug="luna"), name="Elsewhere")
        make_equipment(make_bakery(slug="not-mine"), name="Theirs")
        assert names(client.get(LIST + query)) == expected

    @pytest.mark.parametrize(
        "query", ["type=toaster", "connection_status=fine", "page=0", "page_size=9999", "typ=oven"]
    )
    def test_a_filter_that_means_nothing_is_refused(self, client: APIClient, query: str) -> None:
        answer = client.get(f"{LIST}?{query}")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [query.partition("=")[0]]

    def test_a_page_beyond_the_last_is_not_found(self, client: APIClient) -> None:
        assert client.get(f"{LIST}?page=7").status_code == 404

    def test_pages_are_linked(self, client: APIClient, bakery: Bakery) -> None:
        for _ in range(3):
            make_equipment(bakery)
        first = client.get(f"{LIST}?page_size=2").json()
        assert first["next"].endswith("/api/v1/equipment?page=2&page_size=2")
        assert client.get(first["next"]).json()["previous"].endswith("/api/v1/equipment?page_size=2")


class TestOne:
    def test_it_has_the_guides_fields_and_no_credentials(self, client: APIClient, bakery: Bakery) -> None:
        oven = make_equipment(
            bakery,
            name="Horno Principal #1",
            iot_enabled=True,
            iot_protocol="rest_api",
            iot_endpoint="https://192.168.1.20",
            iot_port=443,
            iot_credentials={"token": "geheim", "api_key": ""},
            iot_config={"timeout": 7},
            poll_interval_seconds=30,
        )
        assert client.get(f"{LIST}/{oven.uuid}").json() == {
            "id": str(oven.uuid),
            "name": "Horno Principal #1",
            "type": "oven",
            "bakery": "sol",
            "place": "",
            "manufacturer": "",
            "model": "",
            "serial_number": "",
            "firmware_version": "",
            "preset": "",
            "iot_enabled": True,
            "supports_realtime": True,
            "poll_interval_seconds": 30,
            "temperature_zones": 1,
            "supports_humidity": False,
            "supports_energy_monitoring": False,
            "supports_remote_control": False,
            "iot_protocol": "rest_api",
            "iot_endpoint": "https://192.168.1.20",
            "iot_port": 443,
            "iot_config": {"timeout": 7},
            "iot_credentials_set": ["token"],
            "iot_connection_status": "unknown",
            "iot_connection_error": "",
            "iot_connection_error_code": "",
            "iot_last_connected": None,
        }

    @pytest.mark.parametrize("what", ["", "/iot-config", "/test-connection", "/realtime-data", "/sensor-history"])
    def test_every_path_works_with_and_without_a_slash(self, what: str) -> None:
        path = f"{LIST}/{uuid.uuid4()}{what}"
        assert resolve(path).func is resolve(f"{path}/").func
        assert resolve(LIST).func is resolve(f"{LIST}/").func

    @pytest.mark.parametrize("what", ["", "/realtime-data", "/sensor-history"])
    @pytest.mark.parametrize(
        "wrong", ["0c9a6c1e-5d0b-4b9f-9a57-3f1f6a8e2d44", "17", "not-an-id", "%00", "..%2f..", "ü", "1" * 5000]
    )
    def test_an_id_that_is_none_is_not_found(self, client: APIClient, wrong: str, what: str) -> None:
        answer = client.get(f"{LIST}/{wrong}{what}")
        # A slash in the id makes another address of it.
        no_address = "There is no such address. All of them are listed at /api/v1/schema."
        no_equipment = "There is no equipment of this id in your bakeries."
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
        assert answer.json() == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": no_address if "%2f" in wrong else no_equipment,
        }

    def test_archived_and_other_peoples_machines_do_not_exist(self, client: APIClient, bakery: Bakery) -> None:
        scrapped, theirs = make_equipment(bakery), make_equipment()
        archive_equipment(scrapped)
        unknown = client.get(f"{LIST}/{uuid.uuid4()}").json()
        for oven in (scrapped, theirs):
            for method in (client.get, client.patch, client.delete):
                answer = method(f"{LIST}/{oven.uuid}")
                assert (answer.status_code, answer.json()) == (404, unknown)
            for what in ("iot-config", "test-connection"):
                assert client.post(f"{LIST}/{oven.uuid}/{what}", {}, format="json").status_code == 404


class TestWhoMay:
    def test_nobody_without_signing_in(self) -> None:
        answer = APIClient().get(LIST)
        assert (answer.status_code, answer["WWW-Authenticate"], answer["Content-Type"]) == (401, "Token", PROBLEM)
        assert answer.json()["detail"].startswith("Sign in, or send an API token")

    def test_for_a_stranger_there_is_nothing(self) -> None:
        client = integrator(make_user("manager"))
        oven = make_equipment()
        for path in (LIST, f"{LIST}/{oven.uuid}", f"{LIST}/{oven.uuid}/realtime-data"):
            assert client.get(path).status_code == 404
        for path in (LIST, f"{LIST}/{oven.uuid}/iot-config", f"{LIST}/{oven.uuid}/test-connection"):
            assert client.post(path, {}, format="json").status_code == 404

    def test_staff_look_and_managers_change(self, bakery: Bakery) -> None:
        staff = make_user("staff")
        bakery.members.add(staff)
        oven, client = make_equipment(bakery), integrator(staff)
        assert client.get(LIST).status_code == client.get(f"{LIST}/{oven.uuid}").status_code == 200
        refused = [
            client.post(LIST, {"name": "x", "bakery": "sol"}, format="json"),
            client.patch(f"{LIST}/{oven.uuid}", {"name": "x"}, format="json"),
            client.delete(f"{LIST}/{oven.uuid}"),
            client.post(f"{LIST}/{oven.uuid}/iot-config", {}, format="json"),
            client.post(f"{LIST}/{oven.uuid}/test-connection", {}, format="json"),
        ]
        assert [answer.status_code for answer in refused] == [403] * 5
        assert all("Ask a manager" in answer.json()["detail"] for answer in refused)

    def test_the_line_is_not_for_everyone_who_may_rename(self, bakery: Bakery, manager: User) -> None:
        manager.groups.clear()
        manager.user_permissions.add(*_permissions("change_equipment"))
        oven, client = make_equipment(bakery), integrator(manager)
        assert client.patch(f"{LIST}/{oven.uuid}", {"name": "x"}, format="json").status_code == 200
        assert client.patch(f"{LIST}/{oven.uuid}", {"iot_enabled": False}, format="json").status_code == 403

    def test_a_session_needs_its_csrf_token(self, bakery: Bakery, manager: User) -> None:
        browser = APIClient(enforce_csrf_checks=True)
        browser.force_login(manager)
        body = {"name": "x", "bakery": "sol"}
        assert browser.get(LIST).status_code == 200
        assert browser.post(LIST, body, format="json").status_code == 403
        browser.get("/sign-in/")
        browser.cookies["csrftoken"] = "a" * 32
        assert browser.post(LIST, body, format="json", HTTP_X_CSRFTOKEN="a" * 32).status_code == 201

    def test_every_type_of_equipment_can_be_made(self, client: APIClient) -> None:
        for kind in EquipmentType.values:
            body = {"name": f"One {kind}", "bakery": "sol", "type": kind}
            assert client.post(LIST, body, format="json").json()["type"] == kind


def _permissions(*codenames: str) -> Any:
    return Permission.objects.filter(codename__in=codenames, content_type__app_label="equipment")
