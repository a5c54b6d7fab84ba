"""Who gets what from every address of the project. A new route without a row in the table fails."""

import uuid
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.models import (
    Alert,
    AlertRule,
    FaultCode,
    MaintenanceWindow,
    Notification,
    OpeningHours,
    PushSubscription,
    Snooze,
)
from alerts.tests.factories import make_messages
from bakery_iot.tests.access_table import ROUTES
from equipment.api_clients import create_api_client
from equipment.models import ApiClient, Batch, CookingProgramme, DataJob, Equipment, HaccpRecord
from equipment.services import touch_connection
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.gateways import record_gateway_load
from telemetry.load import LoadFigures

pytestmark = pytest.mark.django_db

MINE = ("Steinofen", "Kaiserwecken", "Zwiebelhof", "zwiebelhof")


KINDS = ("anonymous", "stranger", "expired", "outsider", "foreigner", "member", "reader", "manager")


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
    FaultCode.objects.create(bakery=bakery, code="E12", meaning="Zwiebelhof", what_to_do="Wait.")
    make_messages(oven, User.objects.get(username="member"))
    oven.bakery.members.add(make_user("manager", username="manager"))
    make_bakery(make_user("manager", username="outsider"), make_user("integrator", username="foreigner"))
    make_user("manager", "staff", username="stranger")
    expired = make_user("manager", "service partner", username="expired")
    oven.bakery.memberships.create(user=expired, until=timezone.now())
    job = DataJob.objects.create(kind="export", bakery=bakery, bakery_name=bakery.name, finished_at=timezone.now())
    job.parts.create(number=0, content=b"Steinofen")
    oven.bakery.members.add(reader := make_user("integrator", username="reader"))
    till = ApiClient(name="Zwiebelhof", user=reader, expires_at=timezone.now() + timedelta(days=1))
    create_api_client(till, [oven.bakery])
    return oven


def visitor(name: str) -> Client:
    client = Client()
    if name != "anonymous":
        client.force_login(User.objects.get(username=name))
    return client


def program(kind: str, oven: Equipment) -> Client:
    """By token: the reader's is an API client's that may only read, the others' are their own."""
    user = User.objects.get(username=kind)
    if kind != "reader":
        return integrator(user)
    client = ApiClient(name="Till", user=user, expires_at=timezone.now() + timedelta(days=1))
    token = create_api_client(client, [oven.bakery])
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return reader


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
        "job_id": oven.bakery.data_jobs.get().uuid,
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
        "equipment_datajob_": oven.bakery.data_jobs.get(),
        "equipment_apiclient_": oven.bakery.api_clients.all()[0],
        "alerts_alert_": oven.alerts.get(),
        "alerts_alertrule_": oven.alert_rules.get(),
        "alerts_openinghours_": oven.opening_hours.get(),
        "alerts_maintenancewindow_": oven.maintenance_windows.get(),
        "alerts_snooze_": oven.snoozes.get(),
        "alerts_faultcode_": oven.bakery.fault_codes.get(),
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
    assert routes == set(ROUTES), "Add new routes to access_table.py, and say who gets what from them."


def ask(client: Client, method: str, where: str) -> Any:
    """One request whose effects are taken back, so that the next visitor finds the same."""
    body = {"data": "{}", "content_type": "application/json"} if method == "post" else {}
    with transaction.atomic():
        answer = getattr(client, method)(where, **body)
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("name", ROUTES)
def test_everyone_gets_what_the_table_says(name: str, oven: Equipment) -> None:
    row, where = ROUTES[name], address(name, oven)
    is_api = name.startswith("api_")
    for kind in KINDS:
        answer = ask(program(kind, oven) if is_api and kind == "reader" else visitor(kind), row.method, where)
        assert answer.status_code == row.expected(kind), (where, kind)
        if answer.status_code == 302 and name not in ("sign_in", "sign_out", "second_factor"):
            assert answer["Location"].startswith("/sign-in/?next=")
        if answer.status_code == 404:
            assert oven.name not in answer.content.decode()


@pytest.mark.parametrize("kind", ["stranger", "outsider"])
@pytest.mark.parametrize("name", [name for name in ROUTES if name.startswith("api_equipment")])
@pytest.mark.parametrize("method", ["post", "patch", "delete", "put", "options", "head"])
def test_other_methods_open_no_other_door(name: str, method: str, kind: str, oven: Equipment) -> None:
    client = integrator(User.objects.get(username=kind))
    answer = getattr(client, method)(address(name, oven), **({} if method == "head" else {"format": "json"}))
    expected = {404} if kind == "stranger" else {404, 405, 400, 200}
    assert answer.status_code in expected
    oven.refresh_from_db()
    assert oven.archived_at is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "anonymous"])
def test_a_token_opens_no_more_than_a_session(kind: str, oven: Equipment) -> None:
    client = program(kind, oven)
    for name, row in ROUTES.items():
        if name.startswith("api_") and name not in ("api_token", "api_schema", "api_docs"):
            answer = ask(client, row.method, address(name, oven))
            assert answer.status_code == row.expected(kind), (name, kind)


class TestAdmin:
    @pytest.fixture
    def paths(self, oven: Equipment) -> list[str]:
        """Every address of the admin, with a row that exists where one is asked for."""
        # One has no name: it takes whatever no other does. One is words for scripts, the same for everybody.
        unnamed = ("admin:", "admin:jsi18n")
        return [address(name, oven) for name, _ in walk() if name.startswith("admin:") and name not in unnamed]

    # The stranger is a manager without a bakery, the expired one was let in for a time; the others only look.
    @pytest.mark.parametrize("kind", ["stranger", "expired", "member", "reader"])
    def test_whoever_may_not_enter_finds_nothing(self, kind: str, paths: list[str], oven: Equipment) -> None:
        assert len(paths) > 50
        User.objects.filter(username="expired").update(is_staff=True)
        client = visitor(kind)
        for path in [*paths, "/admin/nothing/"]:
            for method in (client.get, client.post):
                assert method(path).status_code == 404, path

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
                text = b"".join(answer).decode()
                assert not [word for word in MINE if word in text], path

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
        assert [app["name"] for app in apps] == ["Bakeries and machines", "Alerts", "Readings", "Audit trail"]
        kinds = [model["object_name"] for model in apps[0]["models"]]
        assert kinds == [
            "ApiClient",
            "InstallationIdentity",
            "Bakery",
            "Batch",
            "ConnectionLog",
            "CookingProgramme",
            "DataJob",
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
