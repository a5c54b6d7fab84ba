import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from equipment.models import Bakery, Equipment
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


class TestCreate:
    def test_a_machine_needs_a_name_and_a_bakery(self, client: APIClient) -> None:
        answer = client.post(LIST, {"name": "Deck oven", "bakery": "sol", "type": "oven"}, format="json")
        assert answer.status_code == 201
        created = Equipment.objects.get(uuid=answer.json()["id"])
        assert answer["Location"] == f"http://testserver{LIST}/{created.uuid}"
        assert (created.name, created.bakery.slug, created.iot_enabled) == ("Deck oven", "sol", False)
        assert list(client.post(LIST, {}, format="json").json()["fields"]) == ["name", "bakery"]

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"type": "toaster"}, "type"),
            ({"bakery": "not-mine"}, "bakery"),
            ({"bakery": "so\0l"}, "bakery"),
            ({"bakery": 7}, "bakery"),
            ({"bakery": None}, "bakery"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\0b"}, "name"),
            ({"name": "\ud800"}, "name"),
            ({"name": ["x"]}, "name"),
            ({"type": "\ud800"}, "type"),
            ({"temperature_zones": 0}, "temperature_zones"),
            ({"temperature_zones": 10**30}, "temperature_zones"),
            ({"poll_interval_seconds": 0}, "poll_interval_seconds"),
            ({"supports_humidity": "perhaps"}, "supports_humidity"),
            ({"iot_enabled": True}, "iot_enabled"),
            ({"iot_endpoint": "http://x"}, "iot_endpoint"),
            ({"iot_credentials": {"token": "x"}}, "iot_credentials"),
            ({"id": str(uuid.uuid4())}, "id"),
            ({"colour": "x"}, "colour"),
        ],
    )
    def test_what_is_wrong_is_named_by_its_path(self, client: APIClient, change: dict[str, Any], path: str) -> None:
        make_bakery(slug="not-mine")
        body = json.dumps({"name": "Deck oven", "bakery": "sol", **change})
        answer = client.generic("POST", LIST, body, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
        problem = answer.json()
        assert problem["title"] == "Bad Request"
        assert list(problem["fields"]) == [path]
        assert problem["fields"][path].endswith(".")
        assert not Equipment.objects.exists()

    def test_a_misspelt_key_is_told_its_right_name(self, client: APIClient) -> None:
        answer = client.post(LIST, {"bakery": "sol", "nmae": "x"}, format="json")
        assert answer.json()["fields"] == {"nmae": "There is no field of this name. Do you mean name?"}

    def test_a_name_is_there_once_per_bakery(self, client: APIClient, bakery: Bakery) -> None:
        oven = make_equipment(bakery, name="Deck oven")
        body = {"name": "Deck oven", "bakery": "sol"}
        answer = client.post(LIST, body, format="json")
        assert answer.json()["fields"] == {
            "name": "This bakery already has equipment of this name. Choose another name."
        }
        archive_equipment(oven)
        assert client.post(LIST, body, format="json").status_code == 201

    @pytest.mark.parametrize("body", ["[]", '"x"', "7", "{", "", "null", "[" * 100_000])
    def test_a_body_that_is_no_object_is_refused_with_a_sentence(self, client: APIClient, body: str) -> None:
        answer = client.generic("POST", LIST, body, content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
        assert answer.json()["detail"]

    def test_half_a_character_in_a_key_is_no_fault_of_ours(self, client: APIClient) -> None:
        answer = client.generic("POST", LIST, r'{"\ud800": 1}', content_type="application/json")
        assert answer.json()["fields"].keys() == {"?"}

    def test_a_form_is_not_json(self, client: APIClient) -> None:
        answer = client.post(LIST, {"name": "x"}, format="multipart")
        assert (answer.status_code, answer["Content-Type"]) == (415, PROBLEM)


class TestChange:
    def test_only_what_is_sent_changes(self, client: APIClient, bakery: Bakery) -> None:
        oven = make_equipment(bakery, name="Old", place="Cellar", iot_credentials={"token": "geheim"})
        answer = client.patch(f"{LIST}/{oven.uuid}", {"name": "New"}, format="json")
        assert answer.status_code == 200
        stored = Equipment.objects.get(pk=oven.pk)
        assert (stored.name, stored.place, stored.iot_credentials) == ("New", "Cellar", {"token": "geheim"})
        assert stored.config_version == oven.config_version

    @pytest.mark.parametrize(
        "change", [{"poll_interval_seconds": 60}, {"supports_realtime": False}, {"iot_enabled": False}]
    )
    def test_what_concerns_the_line_moves_the_version(
        self, client: APIClient, bakery: Bakery, change: dict[str, Any]
    ) -> None:
        oven = make_equipment(bakery, iot_enabled=True, iot_protocol="rest_api")
        assert client.patch(f"{LIST}/{oven.uuid}", change, format="json").status_code == 200
        assert Equipment.objects.get(pk=oven.pk).config_version == oven.config_version + 1

    def test_it_can_move_between_my_bakeries_only(self, client: APIClient, bakery: Bakery, manager: User) -> None:
        oven = make_equipment(bakery)
        make_bakery(manager, slug="luna")
        make_bakery(slug="not-mine")
        assert client.patch(f"{LIST}/{oven.uuid}", {"bakery": "not-mine"}, format="json").status_code == 400
        assert client.patch(f"{LIST}/{oven.uuid}", {"bakery": "luna"}, format="json").json()["bakery"] == "luna"

    def test_reading_starts_only_once_the_connection_is_set(self, client: APIClient, bakery: Bakery) -> None:
        oven = make_equipment(bakery)
        answer = client.patch(f"{LIST}/{oven.uuid}", {"iot_enabled": True}, format="json")
        assert list(answer.json()["fields"]) == ["iot_enabled"]
        Equipment.objects.filter(pk=oven.pk).update(iot_protocol="rest_api")
        assert client.patch(f"{LIST}/{oven.uuid}", {"iot_enabled": True}, format="json").json()["iot_enabled"]

    def test_deleting_archives(self, client: APIClient, bakery: Bakery) -> None:
        oven = make_equipment(bakery)
        answer = client.delete(f"{LIST}/{oven.uuid}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert Equipment.objects.get(pk=oven.pk).archived_at
        assert client.delete(f"{LIST}/{oven.uuid}").status_code == 404

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_other_methods_say_so(self, client: APIClient, bakery: Bakery, method: str) -> None:
        answer = getattr(client, method)(f"{LIST}/{make_equipment(bakery).uuid}", {}, format="json")
        assert (answer.status_code, answer["Content-Type"]) == (405, PROBLEM)
