from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from equipment import api
from equipment.idempotency import forget_answers
from equipment.idempotency_models import IdempotentAnswer
from equipment.models import Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_user

LIST = "/api/v1/equipment"
BODY = {"name": "Steinofen", "bakery": "sol"}


@pytest.fixture
def manager(db: None) -> User:
    user = make_user("manager")
    make_bakery(user, slug="sol")
    return user


@pytest.fixture
def client(manager: User) -> APIClient:
    return integrator(manager)


def post(client: APIClient, key: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(LIST, body or BODY, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_post_that_is_repeated_makes_nothing_twice(client: APIClient) -> None:
    first, second = post(client, "7f1c"), post(client, "7f1c")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")
    assert Equipment.objects.count() == 1


def test_what_is_no_json_yet_can_be_said_again_too(client: APIClient) -> None:
    oven = post(client, "1").json()["id"]
    body = {"equipment_id": oven, "alert_type": "door_open"}
    first, second = (
        client.post("/api/v1/alert-rules", body, format="json", HTTP_IDEMPOTENCY_KEY="2") for _ in range(2)
    )
    assert (first.status_code, first.json()["equipment_id"]) == (201, oven)
    assert (second.status_code, second.json()) == (201, first.json())


def test_the_same_key_with_another_body_is_refused(client: APIClient) -> None:
    post(client, "7f1c")
    answer = post(client, "7f1c", {**BODY, "name": "Another"})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert "Take a new key" in answer.json()["detail"]
    assert Equipment.objects.count() == 1


def test_what_was_refused_can_be_mended_under_the_same_key(client: APIClient) -> None:
    assert post(client, "7f1c", {"name": "", "bakery": "sol"}).status_code == 400
    assert post(client, "7f1c").status_code == 201


def test_a_key_is_its_users_own(client: APIClient) -> None:
    other = make_user("manager")
    make_bakery(other, slug="luna")
    assert post(client, "1").status_code == 201
    assert post(integrator(other), "1", {"name": "Theirs", "bakery": "luna"}).json()["bakery"] == "luna"


def test_after_a_day_it_is_forgotten(client: APIClient) -> None:
    first = post(client, "7f1c")
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(client, "7f1c", {**BODY, "name": "Another"}).json()["id"] != first.json()["id"]
    IdempotentAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    forget_answers()
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(client: APIClient, key: str) -> None:
    answer = post(client, key)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on, save = Event(), Event(), api._save

    def wait_and_save(equipment: Equipment, *columns: Any) -> Equipment:
        inside.set()
        assert go_on.wait(30)
        return save(equipment, *columns)

    def first() -> int:
        try:
            return int(post(client, "7f1c").status_code)
        finally:
            connections.close_all()

    monkeypatch.setattr(api, "_save", wait_and_save)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert inside.wait(30)
        busy = post(client, "7f1c")
        go_on.set()
        assert (running.result(30), busy.status_code) == (201, 409)
    assert "still at work" in busy.json()["detail"]
    assert post(client, "7f1c").status_code == 201
    assert Equipment.objects.count() == 1
