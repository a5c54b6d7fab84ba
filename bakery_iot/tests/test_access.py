"""Who gets what from every address of the project. A new route without a row in the table fails."""

import uuid
from collections.abc import Iterator
from datetime import time
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from alerts.models import Alert, AlertRule, MaintenanceWindow, Notification, OpeningHours, PushSubscription, Snooze
from alerts.tests.factories import make_messages
from equipment.models import Batch, CookingProgramme, Equipment, HaccpRecord
from equipment.services import touch_connection
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.gateways import record_gateway_load
from telemetry.load import LoadFigures

pytestmark = pytest.mark.django_db

MINE = ("Steinofen", "Kaiserwecken", "Zwiebelhof", "zwiebelhof")


class Row(NamedTuple):
    """A route, and what each kind of visitor gets from it by one request."""

    method: str
    anonymous: int
    stranger: int  # signed in, in no bakery
    outsider: int  # member of another bakery, allowed everything there
    member: int  # of this bakery, allowed to look
    manager: int


TABLE = {
    "dashboard": Row("get", 302, 404, 200, 200, 200),
    "sign_in": Row("get", 200, 302, 302, 302, 302),
    "sign_out": Row("post", 302, 302, 302, 302, 302),
    "health": Row("get", 200, 200, 200, 200, 200),
    "metrics": Row("get", 404, 404, 404, 404, 404),
    "equipment_detail": Row("get", 302, 404, 404, 200, 200),
    "equipment_data_request": Row("get", 302, 404, 404, 200, 200),
    "preset_data_request": Row("get", 302, 404, 200, 200, 200),
    "alert_list": Row("get", 302, 404, 200, 200, 200),
    "alert_detail": Row("get", 302, 404, 404, 200, 200),
    "api_iot_alerts": Row("get", 401, 404, 200, 200, 200),
    "api_iot_alert": Row("get", 401, 404, 404, 200, 200),
    "api_iot_alert_acknowledge": Row("post", 401, 404, 404, 200, 200),
    "api_iot_alert_resolve": Row("post", 401, 404, 404, 200, 200),
    "api_iot_alert_note": Row("post", 401, 404, 404, 400, 400),
    "api_iot_alert_snooze": Row("post", 401, 404, 404, 400, 400),
    "api_iot_alert_assign": Row("post", 401, 404, 404, 400, 400),
    "api_alert_rules": Row("post", 401, 404, 400, 403, 400),
    "api_alert_rule": Row("get", 401, 404, 404, 200, 200),
    "api_effective_alert_rules": Row("get", 401, 404, 404, 200, 200),
    "my_messages": Row("get", 302, 404, 200, 200, 200),
    "api_webhooks": Row("post", 401, 404, 400, 403, 400),
    "api_webhook": Row("get", 401, 404, 404, 403, 200),
    "api_webhook_secret": Row("post", 401, 404, 404, 403, 200),
    "api_webhook_test": Row("post", 401, 404, 404, 403, 202),
    "api_webhook_deliveries": Row("get", 401, 404, 404, 403, 200),
    "api_webhook_replay": Row("post", 401, 404, 404, 403, 202),
    "api_notification_preferences": Row("get", 401, 404, 200, 200, 200),
    "api_notification_preference": Row("patch", 401, 404, 404, 200, 200),
    "api_notifications": Row("get", 401, 404, 200, 200, 200),
    "api_notification_test": Row("post", 401, 404, 400, 400, 400),
    "api_notification": Row("get", 401, 404, 404, 200, 404),
    "api_push_subscriptions": Row("get", 401, 404, 200, 200, 200),
    "api_push_subscription": Row("delete", 401, 404, 404, 204, 404),
    "api_token": Row("post", 400, 400, 400, 400, 400),
    "api_docs": Row("get", 200, 200, 200, 200, 200),
    "api_schema": Row("get", 200, 200, 200, 200, 200),
    "api_equipment_list": Row("get", 401, 404, 200, 200, 200),
    "api_protocols": Row("get", 401, 404, 200, 200, 200),
    "api_presets": Row("get", 401, 404, 200, 200, 200),
    "api_equipment": Row("get", 401, 404, 404, 200, 200),
    "api_iot_config": Row("post", 401, 404, 404, 403, 400),
    "api_test_connection": Row("post", 401, 404, 404, 403, 400),
    "api_connection_logs": Row("get", 401, 404, 404, 200, 200),
    "api_batches": Row("post", 401, 404, 400, 403, 400),
    "api_batch": Row("get", 401, 404, 404, 200, 200),
    "api_batch_end": Row("post", 401, 404, 404, 403, 200),
    "api_external_batch": Row("get", 401, 404, 404, 200, 200),
    "api_bakeries": Row("post", 401, 404, 400, 403, 400),
    "api_bakery": Row("get", 401, 404, 404, 200, 200),
    "api_members": Row("get", 401, 404, 404, 200, 200),
    "api_member": Row("put", 401, 404, 404, 403, 200),
    "api_haccp_records": Row("get", 401, 404, 404, 200, 200),
    "api_cooking_programmes": Row("get", 401, 404, 404, 200, 200),
    "api_realtime_data": Row("get", 401, 404, 404, 200, 200),
    "api_capabilities": Row("get", 401, 404, 404, 200, 200),
    "api_batch_tracking": Row("get", 401, 404, 404, 200, 200),
    "api_readings": Row("post", 401, 404, 404, 403, 400),
    "api_export_csv": Row("get", 401, 404, 404, 200, 200),
    "api_export_ndjson": Row("get", 401, 404, 404, 200, 200),
    "api_export_parquet": Row("get", 401, 404, 404, 200, 200),
    "api_messages": Row("post", 401, 404, 404, 403, 400),
    "api_sensor_history": Row("get", 401, 404, 404, 200, 200),
    "api_gateways": Row("get", 401, 404, 200, 200, 200),
}


@pytest.fixture
def oven() -> Equipment:
    bakery = make_bakery(make_user("staff", username="member"), name="Zwiebelhof", gateway="zwiebelhof")
    oven = make_equipment(bakery, name="Steinofen")
    Batch.objects.create(equipment=oven, product="Kaiserwecken", started_at=timezone.now(), external_id="1")
    record_gateway_load("zwiebelhof", LoadFigures(1.0, 0.01, 0.0, 1.0), machines=1, waiting_readings=0)
    HaccpRecord.objects.create(equipment=oven, serial_number="1", external_id="1", name="Kaiserwecken")
    CookingProgramme.objects.create(equipment=oven, external_id="1", name="Kaiserwecken")
    touch_connection(oven)
    Alert.objects.create(
        bakery=bakery,
        equipment=oven,
        alert_type="door_open",
        cause="door_open",
        severity="warning",
        message="Steinofen",
    )
    AlertRule.objects.create(equipment=oven, alert_type="door_open")
    place: dict[str, Any] = {"bakery": bakery, "equipment": oven}
    OpeningHours.objects.create(**place, weekday=0, starts=time(3), ends=time(12))
    MaintenanceWindow.objects.create(**place, reason="Zwiebelhof", weekday=0, starts=time(3), ends=time(4))
    Snooze.objects.create(**place, until=timezone.now())
    make_messages(oven, User.objects.get(username="member"))
    oven.bakery.members.add(make_user("manager", username="manager"))
    make_bakery(make_user("manager", username="outsider"))
    make_user("manager", "staff", username="stranger")
    return oven


def visitor(name: str) -> Client:
    client = Client()
    if name != "anonymous":
        client.force_login(User.objects.get(username=name))
    return client


def walk(patterns: Any = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        else:
            yield f"{namespace}{pattern.name or ''}", pattern


def address(name: str, oven: Equipment) -> str:
    (pattern,) = [pattern for found, pattern in walk() if found == name]
    values = {
        "equipment_id": oven.uuid,
        "batch_id": oven.batches.get().uuid,
        "external_id": "1",
        "bakery": oven.bakery.slug,
        "username": "member",
        "rule_id": oven.alert_rules.get().pk,
        "alert_id": oven.alerts.get().uuid,
        "webhook_id": oven.bakery.webhooks.get().uuid,
        "delivery_id": oven.bakery.webhooks.get().notifications.earliest("pk").uuid,
        "notification_id": Notification.objects.get(channel="push").uuid,
        "device_id": PushSubscription.objects.get().uuid,
        "object_id": _row_of(name, oven),
        "form": "pem",
        "preset": "wachtel_deck_oven",
        "id": oven.bakery.members.all()[0].pk,
        "app_label": "equipment",
        "content_type_id": ContentType.objects.get_for_model(Equipment).pk,
    }
    asked = pattern.pattern.regex.groupindex
    return reverse(name, kwargs={key: value for key, value in values.items() if key in asked})


def _row_of(name: str, oven: Equipment) -> int:
    rows: dict[str, Any] = {
        "equipment_bakery_": oven.bakery,
        "equipment_batch_": oven.batches.get(),
        "equipment_gateway_": oven.bakery.gateway,
        "equipment_connectionlog_": oven.connection_logs.get(),
        "equipment_haccprecord_": oven.haccp_records.get(),
        "equipment_cookingprogramme_": oven.cooking_programmes.get(),
        "auth_user_": oven.bakery.members.all()[0],
        "alerts_alert_": oven.alerts.get(),
        "alerts_alertrule_": oven.alert_rules.get(),
        "alerts_openinghours_": oven.opening_hours.get(),
        "alerts_maintenancewindow_": oven.maintenance_windows.get(),
        "alerts_snooze_": oven.snoozes.get(),
        "alerts_webhook_": oven.bakery.webhooks.get(),
        "alerts_notificationpreference_": oven.bakery.notification_preferences.earliest("pk"),
        "alerts_notification_": Notification.objects.earliest("pk"),
        "telemetry_gatewayload_": oven.bakery.gateway,
    }
    for prefix, row in rows.items():
        if name.removeprefix("admin:").startswith(prefix):
            return int(row.pk)
    return oven.pk


def test_every_route_has_a_row() -> None:
    routes = {name for name, _ in walk() if not name.startswith("admin:")}
    assert routes == set(TABLE), "Add new routes to TABLE, and say who gets what from them."


@pytest.mark.parametrize("kind", ["anonymous", "stranger", "outsider", "member", "manager"])
@pytest.mark.parametrize("name", TABLE)
def test_everyone_gets_what_the_table_says(name: str, kind: str, oven: Equipment) -> None:
    row = TABLE[name]
    where = address(name, oven)
    body = {"data": "{}", "content_type": "application/json"} if row.method == "post" else {}
    answer = getattr(visitor(kind), row.method)(where, **body)
    assert answer.status_code == getattr(row, kind), where
    if answer.status_code == 302 and name not in ("sign_in", "sign_out"):
        assert answer["Location"].startswith("/sign-in/?next=")
    if answer.status_code == 404:
        assert oven.name not in answer.content.decode()


@pytest.mark.parametrize("kind", ["stranger", "outsider"])
@pytest.mark.parametrize("name", [name for name in TABLE if name.startswith("api_equipment")])
@pytest.mark.parametrize("method", ["post", "patch", "delete", "put", "options", "head"])
def test_other_methods_open_no_other_door(name: str, method: str, kind: str, oven: Equipment) -> None:
    client = integrator(User.objects.get(username=kind))
    answer = getattr(client, method)(address(name, oven), **({} if method == "head" else {"format": "json"}))
    expected = {404} if kind == "stranger" else {404, 405, 400, 200}
    assert answer.status_code in expected
    oven.refresh_from_db()
    assert oven.archived_at is None


def test_a_token_opens_no_more_than_a_session(oven: Equipment) -> None:
    for name, row in TABLE.items():
        if name.startswith("api_") and name not in ("api_token", "api_schema", "api_docs"):
            for kind in ("stranger", "outsider", "member", "manager"):
                oven.alerts.update(status="active")  # the visitor before may have acknowledged it
                answer = getattr(integrator(User.objects.get(username=kind)), row.method)(address(name, oven))
                assert answer.status_code == getattr(row, kind), (name, kind)


class TestAdmin:
    @pytest.fixture
    def paths(self, oven: Equipment) -> list[str]:
        """Every address of the admin, with a row that exists where one is asked for."""
        # One has no name: it takes whatever no other does. One is words for scripts, the same for everybody.
        unnamed = ("admin:", "admin:jsi18n")
        return [address(name, oven) for name, _ in walk() if name.startswith("admin:") and name not in unnamed]

    def test_whoever_may_not_enter_finds_nothing(self, paths: list[str], oven: Equipment) -> None:
        assert len(paths) > 50
        for kind in ("stranger", "member"):  # the stranger is a manager without a bakery; the member looks only
            client = visitor(kind)
            for path in [*paths, "/admin/nothing/"]:
                for method in (client.get, client.post):
                    assert method(path).status_code == 404, (kind, path)

    def test_anonymous_visitors_are_sent_to_the_sign_in_page(self, paths: list[str]) -> None:
        client = visitor("anonymous")
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 302, path
            assert answer["Location"].startswith("/sign-in/?next=/admin/"), path

    def test_an_outsider_never_reads_a_name_of_mine(self, paths: list[str], oven: Equipment) -> None:
        client = visitor("outsider")
        for path in paths:
            if "logout" not in path:
                answer = client.get(path)
                assert answer.status_code in (200, 302, 403, 404, 405), path
                text = answer.content.decode() if not answer.streaming else ""
                assert not [
                    word for word in ("Steinofen", "Kaiserwecken", "Zwiebelhof", "zwiebelhof") if word in text
                ], path

    def test_a_superuser_needs_no_bakery(self) -> None:
        make_user(username="root", is_superuser=True, is_staff=True)
        client = visitor("root")
        for name in ("index", "auth_user_changelist", "auditlog_logentry_changelist", "knox_authtoken_changelist"):
            assert client.get(reverse(f"admin:{name}")).status_code == 200
        for name in ("periodictask", "intervalschedule", "crontabschedule", "clockedschedule"):
            for page in ("changelist", "add"):
                assert client.get(reverse(f"admin:django_celery_beat_{name}_{page}")).status_code == 200

    def test_it_begins_with_what_a_manager_comes_for(self, oven: Equipment) -> None:
        apps = visitor("manager").get("/admin/").context["app_list"]
        assert [app["name"] for app in apps] == ["Bakeries and machines", "Alerts", "Audit trail"]
        kinds = [model["object_name"] for model in apps[0]["models"]]
        assert kinds == [
            "InstallationIdentity",
            "Bakery",
            "Batch",
            "ConnectionLog",
            "CookingProgramme",
            "Equipment",
            "Gateway",
            "HaccpRecord",
        ]

    def test_the_audit_trail_of_others_stays_theirs(self, oven: Equipment) -> None:
        make_user(username="root", is_superuser=True, is_staff=True)
        oven.name = "Renamed by me"
        oven.save()
        where = reverse("admin:auditlog_logentry_changelist")
        for kind, seen in (("manager", True), ("outsider", False), ("root", True)):
            rows = visitor(kind).get(where).context["cl"].queryset
            assert rows.filter(object_repr="Renamed by me").exists() is seen, kind


class TestTheSignInPage:
    def test_the_admins_own_is_not_used(self, oven: Equipment) -> None:
        assert visitor("anonymous").get("/admin/login/")["Location"] == "/sign-in/?next=/admin/"
        assert visitor("manager").get("/admin/login/")["Location"] == "/admin/"
        assert visitor("member").get("/admin/login/").status_code == 404

    def test_unknown_addresses_are_not_found(self, oven: Equipment) -> None:
        for kind in ("anonymous", "stranger", "manager"):
            for path in ("/nothing", "/api/v1/nothing", f"/equipment/{uuid.uuid4()}/more", "/api/v2/equipment"):
                assert visitor(kind).get(path).status_code == 404
