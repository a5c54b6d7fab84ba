"""Signing in: guessers are slowed down, and a second factor can be switched on, lost and required."""

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from equipment.tests.browsers import signed_in
from equipment.tests.factories import PASSWORD, make_bakery, make_user

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/auth/token"


@pytest.fixture
def baker() -> User:
    user = make_user("manager", username="baker")
    make_bakery(user)
    cache.clear()  # the tests before count for the API's limit by address
    return user


def enter(client: Client, password: str = PASSWORD, username: str = "baker", address: str = "192.0.2.1") -> Any:
    return client.post("/sign-in/", {"username": username, "password": password}, REMOTE_ADDR=address)


def ask_for_token(**body: str) -> Any:
    return Client().post(TOKEN, {"username": "baker", "password": PASSWORD, **body}, "application/json")


def is_signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


class TestGuessing:
    def test_the_sixth_try_is_told_how_long_to_wait(self, baker: User) -> None:
        client = Client()
        for _ in range(5):
            last = enter(client, "wrong")
        answer = enter(client)
        assert (last.status_code, answer.status_code) == (429, 429)
        assert "Wait 15 minutes" in answer.content.decode()
        assert 890 <= int(answer["Retry-After"]) <= 900
        assert not is_signed_in(client)
        AccessAttempt.objects.all().delete()
        assert enter(client).status_code == 302 and is_signed_in(client)

    def test_the_others_of_the_shop_and_the_person_elsewhere_go_on(self, baker: User) -> None:
        make_bakery(make_user("staff", username="colleague"))
        for _ in range(6):
            enter(Client(), "wrong")
        assert enter(Client(), username="colleague").status_code == 302
        assert enter(Client(), address="192.0.2.2").status_code == 302

    def test_a_header_makes_nobody_another(self, baker: User) -> None:
        for number in range(6):
            body = {"username": "baker", "password": "wrong"}
            answer = Client().post("/sign-in/", body, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        assert answer.status_code == 429

    def test_the_api_says_it_as_a_problem(self, baker: User) -> None:
        for _ in range(6):
            answer = ask_for_token(password="wrong")
        assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
        assert "Wait 15 minutes" in answer.json()["detail"]

    def test_no_password_is_kept_of_a_wrong_try(self, baker: User) -> None:
        enter(Client(), "gugelhupf-4711")
        (attempt,) = AccessAttempt.objects.values()
        assert "gugelhupf" not in str(attempt)


def set_up(client: Client) -> tuple[TOTPDevice, list[str]]:
    page = client.get("/sign-in/second-step/")
    assert "data:image/svg+xml;base64," in page.content.decode()
    device = TOTPDevice.objects.get()
    answer = client.post("/sign-in/second-step/", {"code": str(totp(device.bin_key)).zfill(6)})
    codes = re.findall(r"<li>([a-z2-7]{8})</li>", answer.content.decode())
    return device, codes


def code_of(device: TOTPDevice) -> str:
    """The code of now, as if the last one had been used half a minute ago."""
    TOTPDevice.objects.update(last_t=-1, throttling_failure_count=0, throttling_failure_timestamp=None)
    return str(totp(device.bin_key)).zfill(6)


class TestSecondFactor:
    def test_the_password_alone_opens_nothing_any_more(self, baker: User) -> None:
        elsewhere = signed_in(baker)
        device, codes = set_up(here := signed_in(baker))
        assert len(set(codes)) == 10
        assert is_signed_in(here) and not is_signed_in(elsewhere)
        client = Client()
        assert enter(client)["Location"] == "/sign-in/code/"
        assert not is_signed_in(client)
        assert client.get("/api/v1/equipment").status_code == 401
        wrong = client.post("/sign-in/code/", {"code": "000000"})
        assert "not right" in wrong.content.decode() and not is_signed_in(client)
        assert client.post("/sign-in/code/", {"code": code_of(device)})["Location"] == "/"
        assert is_signed_in(client)

    def test_a_code_is_worth_nothing_twice(self, baker: User) -> None:
        device, _ = set_up(signed_in(baker))
        code = code_of(device)
        for expected in (True, False):
            enter(client := Client())
            client.post("/sign-in/code/", {"code": code})
            assert is_signed_in(client) is expected

    def test_recovery_codes_work_once_each(self, baker: User) -> None:
        _, codes = set_up(signed_in(baker))
        for expected in (True, False):
            enter(client := Client())
            client.post("/sign-in/code/", {"code": codes[0].upper()})
            assert is_signed_in(client) is expected
        assert StaticToken.objects.count() == 9

    def test_after_a_wrong_code_the_right_one_has_to_wait(self, baker: User) -> None:
        device, _ = set_up(signed_in(baker))
        right = code_of(device)
        enter(client := Client())
        client.post("/sign-in/code/", {"code": "000000"})
        client.post("/sign-in/code/", {"code": right})
        assert not is_signed_in(client)

    def test_the_code_page_is_for_whoever_gave_the_password(self, baker: User) -> None:
        device, _ = set_up(signed_in(baker))
        client = Client()
        assert client.get("/sign-in/code/")["Location"] == "/sign-in/"
        enter(client)
        baker.set_password("another")
        baker.save()
        assert client.post("/sign-in/code/", {"code": code_of(device)})["Location"] == "/sign-in/"
        assert not is_signed_in(client)

    def test_who_has_the_password_alone_cannot_replace_it(self, baker: User) -> None:
        set_up(signed_in(baker))
        enter(client := Client())
        assert client.get("/sign-in/second-step/")["Location"] == "/sign-in/code/"

    def test_it_goes_off_with_a_code_and_by_an_administrator(self, baker: User) -> None:
        device, _ = set_up(here := signed_in(baker))
        here.post("/sign-in/second-step/", {"code": "111111"})
        assert TOTPDevice.objects.filter(confirmed=True).exists()
        here.post("/sign-in/second-step/", {"code": code_of(device)})
        assert not TOTPDevice.objects.filter(confirmed=True).exists()
        TOTPDevice.objects.all().delete()
        set_up(here)
        root = signed_in(make_user(is_superuser=True, is_staff=True))
        root.post("/admin/auth/user/", {"action": "remove_second_factors", "_selected_action": [baker.pk]})
        enter(client := Client())
        assert is_signed_in(client)

    def test_an_api_token_asks_for_it_too(self, baker: User) -> None:
        device, _ = set_up(signed_in(baker))
        refused = ask_for_token()
        assert (refused.status_code, "one_time_password" in refused.json()["detail"]) == (401, True)
        assert ask_for_token(one_time_password=code_of(device)).status_code == 200

    def test_where_it_is_required_managers_set_it_up_first(self, baker: User, settings: Settings) -> None:
        before = signed_in(baker)
        settings.REQUIRE_TWO_FACTOR = True
        assert not is_signed_in(before)
        assert ask_for_token().status_code == 401
        enter(client := Client())
        assert not is_signed_in(client)
        _, codes = set_up(client)
        assert codes and is_signed_in(client)
        make_bakery(make_user("staff", username="colleague"))
        enter(other := Client(), username="colleague")
        assert is_signed_in(other)

    def test_no_secret_of_it_shows_in_the_admin_or_the_trail(self, baker: User) -> None:
        device, _ = set_up(signed_in(baker))
        root = signed_in(make_user(is_superuser=True, is_staff=True))
        listed = root.get("/admin/auditlog/logentry/").content.decode()
        assert "phone (baker)" in listed
        assert device.key not in listed
