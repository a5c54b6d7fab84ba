from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone
from knox.models import AuthToken
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIClient

from bakery_iot import api, views
from equipment import api as equipment_api
from equipment.tests.clients import integrator
from equipment.tests.factories import PASSWORD, make_bakery, make_user

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/auth/token"
LIST = "/api/v1/equipment"


@pytest.fixture(autouse=True)
def _no_throttle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counters live in Redis, longer than a test."""
    monkeypatch.setattr(api.SignInThrottle, "THROTTLE_RATES", {"sign-in": "1000/min"})


def sign_in(username: str, password: str = PASSWORD, **headers: Any) -> Any:
    return APIClient().post(TOKEN, {"username": username, "password": password}, format="json", **headers)


class TestToken:
    def test_a_token_opens_the_api_until_it_is_given_back(self) -> None:
        user = make_user()
        make_bakery(user)
        answer = sign_in(user.username)
        assert answer.status_code == 200
        assert list(answer.json()) == ["token", "expiry"]
        assert AuthToken.objects.get(user=user).expiry > timezone.now() + timedelta(days=80)
        client = APIClient()
        for scheme in ("Token", "Bearer", "bearer"):
            client.credentials(HTTP_AUTHORIZATION=f"{scheme} {answer.json()['token']}")
            assert client.get(LIST).status_code == 200
        assert client.delete(TOKEN).status_code == 204
        assert client.get(LIST).status_code == client.delete(TOKEN).status_code == 401

    def test_only_its_hash_is_stored(self) -> None:
        user = make_user()
        token = sign_in(user.username).json()["token"]
        assert token not in str(AuthToken.objects.filter(user=user).values())

    @pytest.mark.parametrize(("username", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("left", PASSWORD)])
    def test_wrong_and_unknown_and_blocked_look_the_same(self, username: str, password: str) -> None:
        make_user(username="anna")
        make_user(username="left", is_active=False)
        answer = sign_in(username, password)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
        assert answer.json()["detail"] == "User name and password do not belong together. Check both."

    def test_what_is_missing_is_named(self) -> None:
        answer = APIClient().post(TOKEN, {}, format="json")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["username", "password"]

    def test_an_old_token_in_the_header_does_not_keep_from_a_new_one(self) -> None:
        user = make_user()
        assert sign_in(user.username, HTTP_AUTHORIZATION="Token expired").status_code == 200

    @pytest.mark.parametrize(
        "header", ["Token", "Token x", "Token x y", "Bearer ü", "Token \xff\xfe", "Token " + "x" * 5000, "Bearer"]
    )
    def test_a_header_that_is_no_token_is_refused(self, header: str) -> None:
        answer = APIClient().get(LIST, HTTP_AUTHORIZATION=header)
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")

    def test_an_expired_token_and_that_of_a_blocked_user_are_refused(self) -> None:
        user = make_user()
        make_bakery(user)
        client = integrator(user)
        user.is_active = False
        user.save()
        assert client.get(LIST).status_code == 401
        user.is_active = True
        user.save()
        AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        assert client.get(LIST).status_code == 401

    def test_guessing_is_slowed_down_whatever_a_proxy_header_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api.SignInThrottle, "THROTTLE_RATES", {"sign-in": "2/min"})
        user = make_user()
        address = f"10.0.{user.pk % 250}.7"
        answers = [
            sign_in(user.username, "wrong", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=f"1.2.3.{number}")
            for number in range(3)
        ]
        assert [answer.status_code for answer in answers] == [401, 401, 429]


class TestProblems:
    def test_other_methods_and_kinds_of_content_have_the_same_shape(self) -> None:
        user = make_user("manager")
        make_bakery(user)
        client = integrator(user)
        for answer, title in (
            (client.put(LIST, {}, format="json"), "Method Not Allowed"),
            (client.post(LIST, "<x/>", content_type="text/xml"), "Unsupported Media Type"),
            (client.get(LIST, HTTP_ACCEPT="text/html"), "Not Acceptable"),
        ):
            assert answer["Content-Type"] == "application/problem+json"
            assert (answer.json()["title"], answer.json()["status"]) == (title, answer.status_code)
            assert answer.json()["type"] == "about:blank"
            assert "fields" not in answer.json()

    @pytest.mark.parametrize("error", [OperationalError("server at 10.1.2.3"), RedisConnectionError("10.1.2.3:6379")])
    def test_a_server_that_is_away_is_a_503_without_its_address(
        self, error: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = make_user()
        make_bakery(user)

        def fail(user: Any) -> None:
            raise error

        monkeypatch.setattr(equipment_api, "equipment_for", fail)
        answer = integrator(user).get(LIST)
        assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
        assert "Try again" in answer.json()["detail"]
        assert "10.1.2.3" not in answer.content.decode()

    def test_a_body_that_is_too_large_is_a_sentence_too(self) -> None:
        user = make_user("manager")
        make_bakery(user)
        answer = integrator(user).post(LIST, {"name": "a" * 3_000_000}, format="json")
        assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")
        assert answer.json()["detail"].endswith("Send less.")

    def test_a_fault_of_ours_tells_nothing_of_our_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        user = make_user()
        make_bakery(user)

        def fail(user: Any) -> None:
            raise ZeroDivisionError("a detail of our inside")

        monkeypatch.setattr(equipment_api, "equipment_for", fail)
        client = integrator(user, raise_request_exception=False)
        answer = client.get(LIST)
        assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
        assert "a detail of our inside" not in answer.content.decode()

    def test_a_database_that_is_away_before_a_view_is_asked_is_a_503_too(self, rf: RequestFactory) -> None:
        for path, kind in (("/api/v1/equipment", "application/problem+json"), ("/", "text/html; charset=utf-8")):
            try:
                raise OperationalError("server at 10.1.2.3")
            except OperationalError:
                answer = views.failed(rf.get(path))
            assert (answer.status_code, answer["Content-Type"]) == (503 if "api" in path else 500, kind)
            assert "10.1.2.3" not in answer.content.decode()


class TestSchema:
    def test_it_is_complete_and_without_warnings(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("spectacular", "--fail-on-warn", "--validate")
        written = capsys.readouterr().out
        for path in ("", "/{equipment_id}", "/{equipment_id}/iot-config", "/{equipment_id}/sensor-history"):
            assert f"\n  /api/v1/equipment{path}:\n" in written
        assert "apiToken" in written

    def test_everyone_may_read_it(self) -> None:
        for query, kind in (("", "openapi"), ("?format=json", "openapi+json")):
            answer = APIClient().get(f"/api/v1/schema{query}")
            assert answer.status_code == 200
            assert answer["Content-Type"].partition(";")[0] == f"application/vnd.oai.{kind}"
            assert b"iot-config" in answer.content
