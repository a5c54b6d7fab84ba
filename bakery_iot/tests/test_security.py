"""What every answer tells browsers, and that the settings of a real installation leave nothing to warn of."""

import os
import secrets
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from bakery_iot.middleware import UNUSED_FEATURES
from equipment.tests.browsers import signed_in
from equipment.tests.factories import PASSWORD, make_bakery, make_user

pytestmark = pytest.mark.django_db


def production(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return {
        **kept,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_ENCRYPTION_KEYS": secrets.token_urlsafe(48),
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "ALLOWED_HOSTS": "bakery.example.com",
        "BEHIND_PROXY": "on",
        **more,
    }


def test_djangos_own_check_of_a_real_installation_is_clean() -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    checked = subprocess.run(
        command, cwd=settings.BASE_DIR, env=production(), capture_output=True, text=True, timeout=120
    )
    assert checked.returncode == 0, checked.stderr
    assert "no issues (0 silenced)" in checked.stdout


@pytest.mark.parametrize("path", ["/sign-in/", "/health", "/api/v1/nothing", "/nothing", "/admin/", "/"])
def test_every_answer_carries_the_headers(path: str) -> None:
    answer = Client().get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert all(f"{feature}=()" in answer["Permissions-Policy"] for feature in UNUSED_FEATURES)


def test_pages_run_no_inline_script_and_the_admin_only_its_librarys() -> None:
    manager = make_user("manager")
    make_bakery(manager)
    page, admin = (signed_in(manager).get(path)["Content-Security-Policy"] for path in ("/", "/admin/"))
    assert "unsafe" not in page
    assert "'unsafe-eval'" in admin and "script-src 'self' 'unsafe-inline'" not in admin


def test_over_https_browsers_are_told_to_stay_there(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31_536_000
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert Client().get("/sign-in/")["Location"] == "https://testserver/sign-in/"
    assert Client().get("/health").status_code == 200
    answer = Client().get("/sign-in/", HTTP_X_FORWARDED_PROTO="https")
    assert answer["Strict-Transport-Security"].startswith("max-age=31536000")


def test_cookies_are_out_of_reach_of_scripts_and_other_sites() -> None:
    user = make_user()
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})
    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_a_post_without_the_pages_token_is_refused() -> None:
    manager = make_user("manager")
    make_bakery(manager)
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert client.post("/sign-out/").status_code == 403
    assert client.post("/api/v1/equipment", {}, "application/json").status_code == 403
