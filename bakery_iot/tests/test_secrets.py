"""The clear text of a credential appears nowhere: not in answers, pages, trail, logs, broker or a dump."""

import base64
import copy
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
import redis
from auditlog.models import LogEntry
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from connectors import PROTOCOLS, get_connector_class, make_identity
from equipment import services
from equipment.admin_forms import list_credentials
from equipment.models import Equipment
from equipment.tests.clients import gateway_worker, integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
MARK = "gugelhupf"


class Echo(BaseHTTPRequestHandler):
    """A machine that says back all it was told, as badly configured ones do in their error pages."""

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        words = {"path": self.path, "headers": dict(self.headers), "body": told}
        text = json.dumps(words).encode()
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


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


def credentials() -> dict[str, str]:
    """Every credential of the protocol with the most, each with a text that can be searched for."""
    found = (credential.key for credential in list_credentials() if "rest_api" in credential.protocols)
    return {key: f"{MARK}-{key}-4711" for key in found}


def body(endpoint: str, **options: Any) -> dict[str, Any]:
    return {
        "protocol": "rest_api",
        "endpoint": endpoint,
        "credentials": credentials(),
        "additional_config": {"timeout": 3, "auth": "bearer", **options},
    }


def traces(*texts: Any) -> list[str]:
    """Where a secret shows, in clear or in the base64 of a basic login, with what stands around it."""
    login = f"{credentials()['username']}:{credentials()['password']}".encode()
    hidden = base64.b64encode(login).decode()
    found = []
    for text in map(str, texts):
        for word in (MARK, hidden):
            at = text.find(word)
            if at >= 0:
                found.append(text[max(0, at - 80) : at + 80])
    return found


AUTHS = ["bearer", "api_key", "basic", "digest", "oauth2_client_credentials", "oauth2_password", "sign_in"]


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("auth", AUTHS)
def test_a_machine_that_says_everything_back_gives_nothing_away(
    auth: str,
    status: int,
    echo: ThreadingHTTPServer,
    manager: User,
    oven: Equipment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    echo.status = status  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{echo.server_port}"
    options = {"auth": auth, "token_url": "/token", "sign_in_endpoint": "/login", "api_key_in": "query"}
    if auth == "digest":
        del options["api_key_in"]
    answer = integrator(manager).post(
        f"/api/v1/equipment/{oven.uuid}/iot-config", body(address, **options), format="json"
    )
    assert answer.status_code == 200, answer.json()
    assert answer.json()["connection_test_result"]["success"] is False
    assert not traces(answer.content.decode(), caplog.text, *oven.connection_logs.values())


def test_nothing_shows_in_any_answer_or_page(
    echo: ThreadingHTTPServer, manager: User, oven: Equipment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo.status = 401  # type: ignore[attr-defined]
    client = integrator(manager)
    path = f"/api/v1/equipment/{oven.uuid}"
    right = body(f"http://127.0.0.1:{echo.server_port}")
    wrong = {**right, "additional_config": {"timeout": f"{MARK}"}, "port": MARK, "colour": MARK}
    odd = {**right, "credentials": {**credentials(), "colour": MARK, "token": {"inner": MARK}}}
    answers: list[Any] = [
        client.post(f"{path}/iot-config", right, format="json"),
        client.post(f"{path}/test-connection", right, format="json"),
        client.post(f"{path}/test-connection"),
        client.post(f"{path}/iot-config", wrong, format="json"),
        client.post(f"{path}/iot-config", odd, format="json"),
        client.patch(path, {"iot_credentials": credentials()}, format="json"),
        *(client.get(f"{path}{what}") for what in ("", "/realtime-data", "/sensor-history")),
        client.get("/api/v1/equipment"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400, 400, 200, 200, 200, 200]
    assert answers[6].json()["iot_credentials_set"] == sorted(credentials())
    for user in (manager, make_user(is_superuser=True, is_staff=True)):
        browser = Client()
        browser.force_login(user)
        answers += [browser.get(address) for address in _pages(oven)]
    assert {answer.status_code for answer in answers[10:]} == {200}
    assert not traces(*(answer.content.decode() for answer in answers), caplog.text)


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
def test_no_protocols_secrets_show(protocol: str, manager: User, oven: Equipment) -> None:
    example = copy.deepcopy(get_connector_class(protocol).example)
    secret = {credential.key for credential in list_credentials() if credential.secret}
    given = {key: f"{MARK}-{key}" if key in secret else text for key, text in example["credentials"].items()}
    services.configure_equipment_iot(oven, {"protocol": protocol, **example, "credentials": given})
    assert not traces(*_everything_shown(manager, oven), _every_row())


@pytest.mark.parametrize(("protocol", "options"), [("mqtt", {}), ("opc_ua", {"auth": "certificate"})])
def test_a_private_key_does_not_show(protocol: str, options: dict[str, str], manager: User, oven: Equipment) -> None:
    own = make_identity()
    given = {"certificate": own.certificate_pem, "private_key": own.private_key_pem}
    example = copy.deepcopy(get_connector_class(protocol).example)
    example["additional_config"] |= options
    services.configure_equipment_iot(oven, {"protocol": protocol, **example, "credentials": given})
    shown = " ".join([*_everything_shown(manager, oven), _every_row()])
    lines = own.private_key_pem.splitlines()[1:-1]
    assert lines
    assert not any(line in shown for line in lines)


def _everything_shown(manager: User, oven: Equipment) -> Iterator[str]:
    client, browser = integrator(manager), Client()
    browser.force_login(make_user(is_superuser=True, is_staff=True))
    answers: list[Any] = [client.get(f"/api/v1/equipment/{oven.uuid}"), client.get("/api/v1/equipment")]
    answers += [browser.get(address) for address in _pages(oven)]
    assert {answer.status_code for answer in answers} == {200}
    yield from (answer.content.decode() for answer in answers)


def _pages(oven: Equipment) -> Iterator[str]:
    for name in ("change", "history"):
        yield reverse(f"admin:equipment_equipment_{name}", args=[oven.pk])
    for name in ("equipment_equipment", "equipment_connectionlog", "auditlog_logentry"):
        yield reverse(f"admin:{name}_changelist")
    for entry in _entries(oven):
        yield reverse("admin:auditlog_logentry_change", args=[entry.pk])


def test_the_trail_says_that_a_secret_changed_and_not_which(oven: Equipment) -> None:
    services.configure_equipment_iot(oven, body("http://127.0.0.1:9"))
    services.configure_equipment_iot(oven, {**body("http://127.0.0.1:9"), "credentials": {"token": f"{MARK}-new"}})
    entries = list(_entries(oven))
    assert any("iot_credentials" in entry.changes for entry in entries)
    assert not traces(*(f"{entry.changes} {entry.changes_text} {entry.serialized_data}" for entry in entries))


def _entries(oven: Equipment) -> Iterator[Any]:
    yield from LogEntry.objects.get_for_object(oven)


def test_neither_dump_holds_a_secret_a_password_or_a_token(
    manager: User, oven: Equipment, echo: ThreadingHTTPServer
) -> None:
    echo.status = 200  # type: ignore[attr-defined]
    services.configure_equipment_iot(oven, body(f"http://127.0.0.1:{echo.server_port}"))
    services.test_connection(oven)
    manager.set_password(f"{MARK}-password")
    manager.save()
    _, token = AuthToken.objects.create(manager)
    written = StringIO()
    call_command("dumpdata", stdout=written)
    assert str(oven.uuid) in written.getvalue()
    rows = _every_row()
    assert str(oven.uuid) in rows
    assert not traces(written.getvalue(), rows)
    assert token not in written.getvalue() + rows
    assert Equipment.objects.get(pk=oven.pk).iot_credentials == credentials()


def _every_row() -> str:
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            found += [text for (text,) in cursor.fetchall()]
    return "\n".join(found)


def test_the_broker_carries_settings_sealed(oven: Equipment, monkeypatch: pytest.MonkeyPatch) -> None:
    oven.bakery.gateway.slug = "nobody-listens"
    monkeypatch.setattr(services, "GATEWAY_PATIENCE_SECONDS", -2.5)
    services.configure_equipment_iot(oven, body("http://127.0.0.1:9"))
    assert services.test_connection(oven).error_code == "gateway"
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        messages = [json.loads(text) for text in broker.lrange("poll.nobody-listens", 0, -1)]
        broker.delete("poll.nobody-listens")
    assert len(messages) == 1
    assert not traces(messages, base64.b64decode(messages[0]["body"]).decode())


def test_results_of_tests_lie_in_redis_without_secrets(oven: Equipment, echo: ThreadingHTTPServer) -> None:
    echo.status = 401  # type: ignore[attr-defined]
    services.configure_equipment_iot(oven, body(f"http://127.0.0.1:{echo.server_port}"))
    assert services.test_connection(oven).error_code == "auth"
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        texts = [store.get(key) for key in store.scan_iter("celery-task-meta-*")]
    assert texts
    assert not traces(*texts)


def test_the_objects_do_not_show_them_either(oven: Equipment) -> None:
    services.configure_equipment_iot(oven, body("http://127.0.0.1:9"))
    assert not traces(repr(oven), oven, oven.__class__.objects.all())
