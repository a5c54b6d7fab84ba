"""Templates in the machine's form. What the scripts do with them is in bakery_iot/tests/test_browser_templates.py."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connectors.preset import list_presets
from equipment.admin_forms import list_credentials
from equipment.models import Bakery, Equipment, EquipmentType
from equipment.presets import fill_from, list_preset_choices
from equipment.protocols import list_options
from equipment.services import configure_equipment_iot
from equipment.tests.browsers import errors, filled, page, post, signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
SETTINGS = {"protocol": "rest_api", "endpoint": "http://oven.example:8080", "credentials": {"token": "gugelhupf"}}


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, name="Sol")


@pytest.fixture
def browser(manager: User, bakery: Bakery) -> Client:
    return signed_in(manager)


def shown_about(text: str) -> list[str]:
    """Keys of the templates whose notes can be seen."""
    return [key for key, hidden in re.findall(r'<(?:p|div) data-preset="(\w*)"( hidden)?>', text) if not hidden]


def test_it_is_chosen_first_and_by_kind(browser: Client) -> None:
    answer = browser.get(page("equipment_add"))
    form = answer.context["adminform"].form
    assert next(iter(answer.context["adminform"].fieldsets))[1]["fields"] == ("preset", "about_template")
    groups = dict(form.fields["preset"].choices)
    assert list(groups) == ["", "Makers", "Standards", "Any machine"]
    assert ("wachtel_deck_oven", "Wachtel deck oven (REMOTE)") in groups["Makers"]
    assert sum(len(choices) for key, choices in groups.items() if key) == len(list_presets())


def test_the_page_brings_what_the_scripts_need(browser: Client) -> None:
    text = browser.get(page("equipment_add")).content.decode()
    (found,) = re.findall(r'<script id="connection-form-data" type="application/json">(.*?)</script>', text, flags=re.S)
    data = json.loads(found)
    assert set(data) == {"presets", "options", "examples"}
    assert data["presets"]["salva"]["values"]["protocol"] == "modbus"
    assert list(data["presets"]["wachtel_deck_oven"]["fill_in"]) == ["oven_id"]
    assert set(data["options"]) == set(data["examples"]) == set(list_options())
    assert {"key", "kind", "default", "choices", "needed", "description"} <= set(data["options"]["rest_api"][0])


@pytest.mark.parametrize("key", list(list_presets()))
def test_each_fills_in_inputs_that_the_form_has(browser: Client, key: str) -> None:
    values = fill_from(list_presets()[key])
    form = browser.get(page("equipment_add"), {"preset": key}).context["adminform"].form
    assert set(values) <= set(form.fields)
    assert {name: form.get_initial_for_field(form.fields[name], name) for name in values} == values
    assert form.initial["preset"] == key
    assert not [name for name in values if name.startswith("credential_")]
    assert values["type"] in EquipmentType.values


def test_an_unknown_template_in_a_link_fills_in_nothing(browser: Client) -> None:
    form = browser.get(page("equipment_add"), {"preset": "toaster"}).context["adminform"].form
    assert (form["protocol"].value(), form["endpoint"].value()) == ("", "")


def test_what_it_says_needs_no_scripts(browser: Client, bakery: Bakery) -> None:
    assert shown_about(browser.get(page("equipment_add")).content.decode()) == [""]
    oven = make_equipment(bakery, preset="salva")
    text = browser.get(page("equipment_change", oven.pk)).content.decode()
    assert shown_about(text) == ["salva"]
    for words in ("Unverified with the manufacturer", "By a public description", "RS-485", "TCP 502", "Oven id: "):
        assert words in text


def test_it_is_kept_with_the_machine(browser: Client, bakery: Bakery) -> None:
    values = filled(
        bakery=bakery.pk,
        preset="any_rest_api",
        protocol="rest_api",
        endpoint="http://oven.example",
        credential_token="x",
    )
    assert browser.post(page("equipment_add"), values).status_code == 302
    oven = Equipment.objects.get()
    assert (oven.preset, oven.iot_protocol, oven.iot_enabled) == ("any_rest_api", "rest_api", True)
    assert post(browser, oven, preset="").status_code == 302
    changed = Equipment.objects.get()
    assert (changed.preset, changed.config_version) == ("", oven.config_version)


def test_the_place_for_the_machines_own_address_is_no_address(browser: Client, bakery: Bakery) -> None:
    values = filled(bakery=bakery.pk, protocol="opc_ua", endpoint="opc.tcp://{host}:4840", preset="opc_30200")
    answer = browser.post(page("equipment_add"), values)
    assert errors(answer)["endpoint"] == ["Enter the machine's own name or IP address in place of {host}."]
    assert not Equipment.objects.exists()


def test_one_of_another_release_stays_until_another_is_chosen(browser: Client, bakery: Bakery) -> None:
    oven = make_equipment(bakery, preset="gone")
    answer = browser.get(page("equipment_change", oven.pk))
    assert "gone (not in this release)" in answer.content.decode()
    assert shown_about(answer.content.decode()) == []
    assert post(browser, oven, name="Renamed", protocol="", iot_enabled="").status_code == 302
    assert Equipment.objects.get().preset == "gone"
    assert "preset" in errors(browser.post(page("equipment_add"), filled(bakery=bakery.pk, preset="gone")))
    assert list_preset_choices()[-1][0] == "Any machine"


def test_whoever_may_only_look_reads_it(bakery: Bakery) -> None:
    staff = make_user("staff", is_staff=True)
    bakery.members.add(staff)
    oven = configure_equipment_iot(make_equipment(bakery, preset="wachtel_deck_oven"), SETTINGS)
    text = signed_in(staff).get(page("equipment_change", oven.pk)).content.decode()
    assert shown_about(text) == ["wachtel_deck_oven"]
    assert "<select" not in text
    assert "connection-form-data" not in text


def test_the_names_of_what_is_needed_are_those_of_the_inputs(browser: Client) -> None:
    form: Any = browser.get(page("equipment_add")).context["adminform"].form
    labels = {credential.key: form.fields[credential.field].label for credential in list_credentials()}
    text = browser.get(page("equipment_add")).content.decode()
    for key in {key for preset in list_presets().values() for key in preset.credentials}:
        assert f"<li>{labels[key]}</li>" in text
