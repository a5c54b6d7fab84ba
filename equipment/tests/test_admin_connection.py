import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from connectors.simulators.http import SimulatedBakery
from equipment.admin_forms import connection_form, list_credentials
from equipment.models import Bakery, ConnectionLog, Equipment
from equipment.services import archive_equipment, configure_equipment_iot
from equipment.tests.browsers import errors, filled, page, post, signed_in
from equipment.tests.clients import gateway_worker
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
OVEN = "sol-1"
SECRET = "gugelhupf-4711"
SETTINGS = {
    "protocol": "rest_api",
    "endpoint": "http://oven.example:8080",
    "credentials": {"token": SECRET},
    "additional_config": {"data_endpoint": "/data", "timeout": 3},
}


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, name="Sol")


@pytest.fixture
def browser(manager: User, bakery: Bakery) -> Client:
    return signed_in(manager)


class TestForm:
    def test_a_machine_can_be_made_before_it_is_connected(self, browser: Client, bakery: Bakery) -> None:
        assert browser.post(page("equipment_add"), filled(bakery=bakery.pk)).status_code == 302
        oven = Equipment.objects.get()
        assert (oven.name, oven.iot_protocol, oven.iot_enabled) == ("Deck oven", "", False)

    def test_a_machine_can_be_made_with_its_connection(self, browser: Client, bakery: Bakery) -> None:
        values = filled(
            bakery=bakery.pk,
            protocol="rest_api",
            endpoint="http://oven.example:8080",
            credential_token=SECRET,
            additional_config='{"data_endpoint": "/data", "timeout": 3}',
        )
        assert browser.post(page("equipment_add"), values).status_code == 302
        oven = Equipment.objects.get()
        assert oven.iot_enabled
        assert oven.connector_config == {
            "endpoint": "http://oven.example:8080",
            "port": None,
            "credentials": {"token": SECRET},
            "additional_config": {"data_endpoint": "/data", "timeout": 3},
        }

    def test_half_a_character_is_refused_and_shown_again(self, browser: Client, bakery: Bakery) -> None:
        typed = '{"device_id": "\\ud800"}'
        values = filled(bakery=bakery.pk, protocol="rest_api", endpoint="http://oven.example", additional_config=typed)
        answer = browser.post(page("equipment_add"), values)
        assert answer.status_code == 200
        assert "\\ud800" in answer.content.decode()
        assert list(errors(answer)) == ["additional_config"]

    def test_a_new_name_alone_leaves_the_line_alone(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        before = oven.config_version
        poll = oven.poll_interval_seconds
        assert post(browser, oven, name="Renamed", poll_interval_seconds=poll).status_code == 302
        oven.refresh_from_db()
        assert (oven.name, oven.config_version) == ("Renamed", before)
        assert oven.iot_credentials == {"token": SECRET}

    def test_an_empty_input_keeps_the_stored_credential(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        assert post(browser, oven, additional_config='{"data_endpoint": "/other"}').status_code == 302
        oven.refresh_from_db()
        assert (oven.iot_credentials, oven.iot_config) == ({"token": SECRET}, {"data_endpoint": "/other"})
        assert post(browser, oven, credential_api_key="second").status_code == 302
        oven.refresh_from_db()
        assert oven.iot_credentials == {"token": SECRET, "api_key": "second"}

    def test_a_stored_credential_can_be_replaced_and_removed(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        post(browser, oven, credential_token="new")
        assert Equipment.objects.get(pk=oven.pk).iot_credentials == {"token": "new"}
        post(browser, oven, forget=["token"])
        assert Equipment.objects.get(pk=oven.pk).iot_credentials == {}

    def test_stored_credentials_do_not_follow_to_another_host(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        answer = post(browser, oven, endpoint="http://evil.example")
        assert answer.status_code == 200
        assert "Enter the credentials again" in str(errors(answer))
        assert post(browser, oven, endpoint="http://evil.example", credential_api_key="x").status_code == 302
        assert Equipment.objects.get(pk=oven.pk).iot_credentials == {"api_key": "x"}

    @pytest.mark.parametrize(
        ("change", "field", "words"),
        [
            ({"endpoint": "oven", "credential_token": "x"}, "endpoint", "http://"),
            ({"endpoint": "", "credential_token": "x"}, "endpoint", "not be empty"),
            ({"port": "70000"}, "port", "65535"),
            ({"additional_config": '{"timeout": "soon"}'}, "additional_config", "timeout: This must be a number."),
            ({"additional_config": '{"tiemout": 1}'}, "additional_config", "Do you mean 'timeout'?"),
            ({"additional_config": "{"}, "additional_config", "JSON"),
            ({"additional_config": '{"scope": "\\u0000"}'}, "additional_config", "NUL"),
            ({"additional_config": '{"auth": "basic"}'}, "credential_username", "needed for auth basic"),
            ({"credential_token": "line\nbreak"}, "credential_token", "cannot be sent"),
            ({"protocol": ""}, "protocol", "untick"),
            ({"protocol": "telepathy"}, "protocol", "valid choice"),
        ],
    )
    def test_a_wrong_setting_is_named_beside_its_input(
        self, browser: Client, bakery: Bakery, change: dict[str, Any], field: str, words: str
    ) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        answer = post(browser, oven, **change)
        assert answer.status_code == 200
        assert words in " ".join(errors(answer)[field])
        assert SECRET not in answer.content.decode()
        assert Equipment.objects.get(pk=oven.pk).config_version == oven.config_version

    def test_what_was_typed_does_not_come_back_in_the_page(self, browser: Client, bakery: Bakery) -> None:
        answer = browser.post(page("equipment_add"), filled(bakery="", credential_password=SECRET))
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()

    def test_unticking_stops_the_reading_and_keeps_the_settings(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        values = filled(oven, endpoint="http://oven.example:9090")
        del values["iot_enabled"]
        assert browser.post(page("equipment_change", oven.pk), values).status_code == 302
        oven.refresh_from_db()
        assert (oven.iot_enabled, oven.iot_endpoint) == (False, "http://oven.example:9090")
        assert oven.iot_credentials == {"token": SECRET}

    def test_who_may_not_configure_cannot_slip_settings_in(
        self, browser: Client, bakery: Bakery, manager: User
    ) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        group = Group.objects.get(name="manager")
        group.permissions.remove(group.permissions.get(codename="configure_iot"))
        answer = post(browser, oven, name="Renamed", endpoint="http://evil.example", iot_enabled="")
        assert answer.status_code == 302
        stored = Equipment.objects.get(pk=oven.pk)
        assert (stored.name, stored.iot_endpoint, stored.iot_enabled) == ("Renamed", SETTINGS["endpoint"], True)

    def test_there_is_an_input_for_every_credential_of_every_protocol(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        text = browser.get(page("equipment_change", oven.pk)).content.decode()
        assert {"token", "api_key", "username", "password"} <= {credential.key for credential in list_credentials()}
        for credential in list_credentials():
            assert f'name="{credential.field}"' in text
            assert (f'type="{"password" if credential.secret else "text"}" name="{credential.field}"') in text
        assert "Stored. Empty: stays as it is." in text
        assert "Not stored." in text
        assert SECRET not in text


class TestTestButton:
    @pytest.fixture(scope="class", autouse=True)
    def worker(self) -> Iterator[None]:
        with gateway_worker():
            yield

    def test_it_tries_the_form_as_it_stands_and_saves_nothing(
        self, browser: Client, bakery: Bakery, ovens: SimulatedBakery
    ) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        settings = ovens.settings(OVEN)
        (key, secret), *_ = settings["credentials"].items()
        form = connection_form()(instance=oven)
        values = filled(
            oven,
            name="",
            endpoint=settings["endpoint"],
            port=settings["port"] or "",
            additional_config=form.fields["additional_config"].prepare_value(settings["additional_config"]),
            **{f"credential_{key}": secret},
        )
        answer = browser.post(page("equipment_test_connection", oven.pk), values).json()
        assert answer["success"], answer
        assert answer["message"].startswith("Connected in")
        assert {"temperature", "operational status"} <= {name for name, _ in answer["values"]}
        stored = Equipment.objects.get(pk=oven.pk)
        assert (stored.iot_endpoint, stored.config_version) == (SETTINGS["endpoint"], oven.config_version)
        assert stored.connection_logs.filter(event_type="test").count() == 1

    def test_a_machine_that_does_not_answer_is_a_sentence(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), {**SETTINGS, "endpoint": "http://127.0.0.1:9"})
        answer = browser.post(page("equipment_test_connection", oven.pk), filled(oven))
        assert answer.status_code == 200
        assert (answer.json()["success"], answer.json()["values"]) == (False, [])
        assert "127.0.0.1:9" in answer.json()["message"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"endpoint": "oven", "credential_token": "x"}, "endpoint"),
            ({"additional_config": "{"}, "additional_config"),
            ({"port": 0}, "port"),
        ],
    )
    def test_wrong_settings_are_named(
        self, browser: Client, bakery: Bakery, change: dict[str, Any], field: str
    ) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        answer = browser.post(page("equipment_test_connection", oven.pk), filled(oven, **change))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])

    def test_stored_credentials_are_not_sent_to_another_host(self, browser: Client, bakery: Bakery) -> None:
        oven = configure_equipment_iot(make_equipment(bakery), SETTINGS)
        answer = browser.post(page("equipment_test_connection", oven.pk), filled(oven, endpoint="http://evil.example"))
        assert answer.status_code == 400
        assert "Enter the credentials again" in str(answer.json()["fields"])

    def test_a_new_machine_is_tried_before_it_is_saved(
        self, browser: Client, bakery: Bakery, ovens: SimulatedBakery
    ) -> None:
        settings = ovens.settings(OVEN)
        (key, secret), *_ = settings["credentials"].items()
        values = filled(
            bakery=bakery.pk,
            name="",
            protocol="rest_api",
            endpoint=settings["endpoint"],
            port=settings["port"] or "",
            additional_config=json.dumps(settings["additional_config"]),
            **{f"credential_{key}": secret},
        )
        answer = browser.post(page("equipment_test_new_connection"), values).json()
        assert answer["success"], answer
        assert not Equipment.objects.exists()
        assert not ConnectionLog.objects.exists()
        refused = browser.post(page("equipment_test_new_connection"), {**values, f"credential_{key}": "wrong"}).json()
        assert (refused["success"], refused["values"]) == (False, [])
        assert not ConnectionLog.objects.exists()

    @pytest.mark.parametrize(
        ("change", "field", "words"),
        [
            ({"bakery": ""}, "bakery", "from its gateway"),
            ({"endpoint": "https://{host}"}, "endpoint", "in place of {host}"),
            ({"endpoint": ""}, "endpoint", "not be empty"),
        ],
    )
    def test_what_a_new_machine_lacks_is_named(
        self, browser: Client, bakery: Bakery, change: dict[str, Any], field: str, words: str
    ) -> None:
        values = {"bakery": bakery.pk, "protocol": "rest_api", "endpoint": "http://oven.example", **change}
        answer = browser.post(page("equipment_test_new_connection"), filled(**values))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
        assert words in answer.json()["fields"][field]

    def test_a_new_machine_is_tried_from_my_own_bakeries_alone(self, browser: Client, bakery: Bakery) -> None:
        theirs = make_bakery(gateway="elsewhere")
        values = filled(bakery=theirs.pk, protocol="rest_api", endpoint="http://oven.example")
        answer = browser.post(page("equipment_test_new_connection"), values)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["bakery"])
        empty = browser.post(page("equipment_test_new_connection"), {})
        assert (empty.status_code, empty.json()["message"]) == (400, "Choose a protocol first.")
        staff = make_user("staff", is_staff=True)
        bakery.members.add(staff)
        assert signed_in(staff).post(page("equipment_test_new_connection"), {}).status_code == 403
        group = Group.objects.get(name="manager")
        group.permissions.remove(group.permissions.get(codename="configure_iot"))
        assert browser.post(page("equipment_test_new_connection"), values).status_code == 403

    def test_it_is_for_those_who_may_configure_and_for_their_own(self, browser: Client, bakery: Bakery) -> None:
        oven, theirs = make_equipment(bakery), make_equipment()
        assert browser.post(page("equipment_test_connection", theirs.pk), {}).status_code == 404
        answer = browser.post(page("equipment_test_connection", oven.pk), {})
        assert (answer.status_code, answer.json()["message"]) == (400, "Choose a protocol first.")
        archive_equipment(oven)
        assert browser.post(page("equipment_test_connection", oven.pk), {}).status_code == 404
        staff = make_user("staff", is_staff=True)
        bakery.members.add(staff)
        other = make_equipment(bakery)
        assert signed_in(staff).post(page("equipment_test_connection", other.pk), {}).status_code == 403
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(staff)
        assert strict.post(page("equipment_test_connection", other.pk), {}).status_code == 403
