from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors import PROTOCOLS, parse_config
from connectors.preset import list_presets
from equipment.models import Bakery
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
LIST = "/api/v1/equipment"


@pytest.fixture
def client() -> APIClient:
    user = make_user("manager", username="manager")
    make_bakery(user, slug="sol")
    return integrator(user)


def get(client: APIClient, name: str) -> list[dict[str, Any]]:
    answer = client.get(f"{LIST}/{name}")
    assert answer.status_code == client.get(f"{LIST}/{name}/").status_code == 200
    found: list[dict[str, Any]] = answer.json()
    return found


def test_the_protocols_come_with_schema_and_example(client: APIClient) -> None:
    found = {protocol["key"]: protocol for protocol in get(client, "protocols")}
    assert list(found)[: len(PROTOCOLS)] == list(PROTOCOLS)
    for key, protocol in found.items():
        assert list(protocol) == ["key", "label", "schema", "example"]
        assert set(protocol["schema"]["properties"]) == {"endpoint", "port", "credentials", "additional_config"}
        assert parse_config(key, protocol["example"])


def test_the_presets_say_what_they_know_and_how_sure_that_is(client: APIClient) -> None:
    found = {preset["key"]: preset for preset in get(client, "presets")}
    assert list(found) == list(list_presets())
    wachtel = found["wachtel_deck_oven"]
    assert (wachtel["verified"], wachtel["protocol"]) == ("unverified", "wachtel")
    assert set(wachtel["data_request"]) == {"es", "de", "en"}
    assert found["opc_30200"]["data_request"] is None
    assert found["rational_icombi"]["capabilities"] == {
        "temperature_zones": 2,
        "humidity": True,
        "energy": False,
        "remote_control": False,
    }
    for key, preset in found.items():
        model = list_presets()[key]
        assert set(preset) == set(type(model).model_fields)
        assert preset == model.model_dump(mode="json")


def test_a_machine_may_name_its_preset(client: APIClient) -> None:
    answer = client.post(LIST, {"name": "Steinofen", "bakery": "sol", "preset": "salva"}, format="json")
    assert (answer.status_code, answer.json()["preset"]) == (201, "salva")
    refused = client.patch(f"{LIST}/{answer.json()['id']}", {"preset": "toaster"}, format="json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["preset"])
    assert client.patch(f"{LIST}/{answer.json()['id']}", {"preset": ""}, format="json").json()["preset"] == ""


def test_a_preset_of_another_release_stays(client: APIClient) -> None:
    oven = make_equipment(Bakery.objects.get(slug="sol"), preset="gone")
    answer = client.patch(f"{LIST}/{oven.uuid}", {"preset": "gone", "place": "left"}, format="json")
    assert (answer.status_code, answer.json()["preset"]) == (200, "gone")
