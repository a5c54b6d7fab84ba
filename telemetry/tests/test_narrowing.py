"""Viewers that want less than everything, and the example client of the docs, against the running server."""

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from knox.models import AuthToken

from equipment.batches import end_batch, start_batch
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.subscriptions import LONGEST_MESSAGE
from telemetry.tests.sockets import closed_with, next_message, page, session_of
from telemetry.tests.test_consumers import store

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "follow_ovens.py"


def test_whoever_names_a_machine_hears_of_no_other(site: str) -> None:
    bakery = make_bakery(user := make_user())
    mine, other = make_equipment(bakery), make_equipment(bakery)
    with page(site, session_of(user)) as socket:
        assert len(next_message(socket, "snapshot")["states"]) == 2
        socket.send(json.dumps({"subscribe": {"equipment": [str(mine.uuid)]}}))
        snapshot = next_message(socket, "snapshot")
        assert [state["equipment_id"] for state in snapshot["states"]] == [str(mine.uuid)]
        store(other, 100)
        store(mine, 200)
        assert [state["temperature"] for state in next_message(socket, "states")["states"]] == [200]


def test_whoever_follows_batches_hears_of_their_beginning_and_end(site: str) -> None:
    oven = make_equipment(make_bakery(user := make_user()))
    with page(site, session_of(user)) as socket:
        socket.send(json.dumps({"subscribe": {"kinds": ["batches"]}}))
        next_message(socket, "snapshot"), next_message(socket, "snapshot")
        store(oven, 200)
        batch = start_batch(oven, "Baguettes", timezone.now())
        (started,) = next_message(socket, "batches")["batches"]
        assert (started["equipment_id"], started["active_batch_name"]) == (str(oven.uuid), "Baguettes")
        end_batch(batch, timezone.now())
        (ended,) = next_message(socket, "batches")["batches"]
        assert ended["active_batch_id"] is None


def test_naming_what_is_not_ones_own_brings_nothing(site: str) -> None:
    theirs = make_equipment(make_bakery(slug="theirs"))
    make_equipment(make_bakery(user := make_user()))
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        socket.send(json.dumps({"subscribe": {"bakeries": ["theirs"], "equipment": [str(theirs.uuid)]}}))
        snapshot = next_message(socket, "snapshot")
        assert (snapshot["bakeries"], snapshot["states"], snapshot["alerts"]) == ([], [], [])


def test_what_it_does_not_understand_it_says_and_goes_on(site: str) -> None:
    oven = make_equipment(make_bakery(user := make_user()))
    with page(site, session_of(user)) as socket:
        for wrong in ("hello", '{"subscribe": {"bakery": []}}', b"\xff\x00"):
            socket.send(wrong)
            assert next_message(socket, "problem")["detail"]
        store(oven, 200)
        assert next_message(socket, "states")["states"][0]["temperature"] == 200
        socket.send("x" * (LONGEST_MESSAGE + 1))
        assert closed_with(socket) == 1009


def load_example() -> Any:
    spec = importlib.util.spec_from_file_location("follow_ovens", EXAMPLE)
    assert spec
    assert spec.loader
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


class TestExample:
    def test_it_says_what_the_ovens_do(self, site: str) -> None:
        user = make_user()
        oven = make_equipment(make_bakery(user, slug="sol"), name="Steinofen", iot_connection_status="connected")
        make_equipment(make_bakery(user, slug="luna"), name="Elsewhere")
        store(oven, 215)
        start_batch(oven, "Baguettes", timezone.now())
        _, token = AuthToken.objects.create(user)
        example, lines = load_example(), list[str]()

        async def watch() -> None:
            async for message in example.follow(site.replace("http", "ws") + "/ws/live/", token, "sol"):
                lines.extend(example.describe(message))
                if message["type"] == "snapshot" and len(message["states"]) == 1:
                    return

        asyncio.run(asyncio.wait_for(watch(), 30))
        assert lines[-1] == "Steinofen · 215 °C · connected · Baguettes"

    def test_it_does_not_come_again_without_a_valid_token(self, site: str) -> None:
        example = load_example()

        async def watch() -> None:
            async for _ in example.follow(site.replace("http", "ws") + "/ws/live/", "wrong"):
                pass

        with pytest.raises(PermissionError, match="token"):
            asyncio.run(asyncio.wait_for(watch(), 30))
