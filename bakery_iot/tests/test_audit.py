"""The audit trail: what is in it whoever changed a setting and from where, and who reads and exports it."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts.models import AlertRule
from equipment.api_clients import create_api_client
from equipment.models import ApiClient, Equipment
from equipment.services import configure_equipment_iot, set_iot_enabled
from equipment.spreadsheets import defuse
from equipment.tests.browsers import signed_in
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
TRAIL = "admin:auditlog_logentry_changelist"
SECRET = "gugelhupf-4711"


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def oven(manager: User) -> Equipment:
    return make_equipment(make_bakery(manager, name="Sol"), name="Before")


def last(kind: str) -> LogEntry:
    return LogEntry.objects.filter(content_type__model=kind).latest("pk")


def export(user: User, kind: str) -> str:
    rows = list(LogEntry.objects.values_list("pk", flat=True))
    answer = signed_in(user).post(reverse(TRAIL), {"action": f"export_{kind}", "_selected_action": rows})
    assert answer["Content-Disposition"] == f'attachment; filename="audit-trail.{kind}"'
    return b"".join(answer).decode()


def test_a_change_over_the_api_names_the_person_and_the_program(manager: User, oven: Equipment) -> None:
    where = f"/api/v1/equipment/{oven.uuid}"
    headers: Any = {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "203.0.113.66"}
    integrator(manager).patch(where, {"name": "After"}, format="json", **headers)
    entry = last("equipment")
    assert (entry.actor, entry.changes["name"], entry.remote_addr) == (manager, ["Before", "After"], "192.0.2.7")
    client = ApiClient(name="Till", user=manager, may_write=True, expires_at=timezone.now() + timedelta(days=1))
    token = create_api_client(client, [oven.bakery])
    Client().patch(where, '{"name": "Again"}', "application/json", headers={"Authorization": f"Token {token}"})
    assert last("equipment").additional_data == {"bakeries": [oven.bakery_id], "api_client": "Till"}


def test_credentials_are_masked_and_that_they_changed_is_told(manager: User, oven: Equipment) -> None:
    body: dict[str, Any] = {"protocol": "rest_api", "endpoint": "http://192.0.2.1", "credentials": {"token": SECRET}}
    configure_equipment_iot(oven, {**body, "additional_config": {"data_endpoint": "/d"}})
    assert last("equipment").changes["iot_endpoint"] == ["", "http://192.0.2.1"]
    for kind in ("csv", "json"):
        text = export(manager, kind)
        assert "iot_credentials" in text and "•••" in text and SECRET not in text


def test_reading_switched_off_is_told_too(oven: Equipment) -> None:
    oven.iot_enabled = True
    oven.save()
    set_iot_enabled(oven, False)
    assert last("equipment").changes == {"iot_enabled": ["True", "False"]}


def test_roles_memberships_and_clients_are_told(manager: User, oven: Equipment) -> None:
    manager.groups.add(Group.objects.get(name="staff"))
    assert last("user").changes["groups"]["objects"] == ["staff"]
    manager.set_password("another")
    manager.save()
    assert "pbkdf" not in json.dumps(last("user").changes) and "md5" not in json.dumps(last("user").changes)
    oven.bakery.memberships.update_or_create(user=manager, defaults={"until": timezone.now() + timedelta(days=1)})
    assert last("bakerymembership").additional_data == {"bakeries": [oven.bakery_id]}
    create_api_client(ApiClient(name="Till", user=manager, expires_at=timezone.now()), [oven.bakery])
    assert "token" not in json.dumps(
        [entry.changes for entry in LogEntry.objects.filter(content_type__model="apiclient")]
    )


def test_what_is_gone_stays_readable_by_its_bakery_alone(manager: User, oven: Equipment) -> None:
    AlertRule.objects.create(equipment=oven, alert_type="door_open").delete()
    outsider = make_user("manager")
    make_bakery(outsider)
    for user, seen in ((manager, True), (outsider, False), (make_user(is_superuser=True, is_staff=True), True)):
        rows = signed_in(user).get(reverse(TRAIL)).context["cl"].queryset
        assert rows.filter(content_type__model="alertrule", action=LogEntry.Action.DELETE).exists() is seen
    assert "Before" in export(manager, "csv")


def test_an_outsiders_export_holds_nothing_of_ours(oven: Equipment) -> None:
    outsider = make_user("manager")
    make_bakery(outsider, name="Elsewhere")
    for kind in ("csv", "json"):
        text = export(outsider, kind)
        assert "Before" not in text and "Sol" not in text and "Elsewhere" in text


def test_a_name_that_is_a_formula_stays_a_text_in_the_export(manager: User, oven: Equipment) -> None:
    oven.name = '=HYPERLINK("http://evil.example","Click")'
    oven.save()
    lines: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(export(manager, "csv"))))
    (changed,) = [line for line in lines if line["after"].endswith('"Click")')]
    assert (changed["before"], changed["after"][:3], changed["name"][:3]) == ("Before", "'=H", "'=H")
    entries = json.loads(export(manager, "json"))
    assert entries[0]["changes"]["name"] == ["Before", oven.name]


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)"])
def test_cells_that_could_be_formulas_are_defused(text: str) -> None:
    assert defuse(text) == f"'{text}"


@pytest.mark.parametrize("blank", ["\t", "\r", "\n"])
def test_formulas_behind_a_blank_are_defused_twice(blank: str) -> None:
    assert defuse(f"{blank}=1") == f"'{blank}'=1"


def test_a_formula_behind_another_countrys_separator_is_defused_too() -> None:
    assert defuse("Sol;=1+1") == "Sol;'=1+1"


@pytest.mark.parametrize("value", ["-12.5", "+3", -7, 1e-3, "Pan = bread", "", None])
def test_numbers_and_plain_texts_stay_as_they_are(value: object) -> None:
    assert defuse(value) == ("" if value is None else str(value))


def test_a_new_rows_entry_names_its_own_fields_alone(oven: Equipment) -> None:
    told = LogEntry.objects.get(content_type__model="equipment", action=LogEntry.Action.CREATE).changes
    assert set(told) <= {field.name for field in Equipment._meta.concrete_fields}
