import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from equipment.models import Bakery, Batch, Equipment
from equipment.services import archive_equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
LIST = "/api/v1/batches"
START = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, slug="sol")


@pytest.fixture
def oven(bakery: Bakery) -> Equipment:
    return make_equipment(bakery, name="Steinofen")


@pytest.fixture
def client(manager: User, bakery: Bakery) -> APIClient:
    return integrator(manager)


def bake(oven: Equipment, product: str = "Baguettes", **values: Any) -> Batch:
    return Batch.objects.create(equipment=oven, product=product, **{"started_at": START, **values})


def products(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [batch["product"] for batch in answer.json()["results"]]


class TestList:
    def test_it_shows_what_my_machines_bake_newest_first(self, client: APIClient, oven: Equipment) -> None:
        bake(oven, "Old", started_at=START - timedelta(days=1))
        bake(oven, "New")
        bake(make_equipment(), "Theirs")
        scrapped = make_equipment(oven.bakery)
        bake(scrapped, "Scrapped")
        archive_equipment(scrapped)
        answer = client.get(LIST)
        assert products(answer) == ["New", "Old"]
        assert (answer.json()["next"], answer.json()["previous"]) == (None, None)

    def test_a_page_stays_whole_while_the_list_grows(self, client: APIClient, oven: Equipment) -> None:
        for minute in range(5):
            bake(oven, f"Batch {minute}", started_at=START + timedelta(minutes=minute))
        first = client.get(f"{LIST}?page_size=2")
        bake(oven, "Just started", started_at=START + timedelta(hours=1))
        second = client.get(first.json()["next"])
        assert products(first) + products(second) == ["Batch 4", "Batch 3", "Batch 2", "Batch 1"]
        assert products(client.get(second.json()["previous"])) == ["Batch 4", "Batch 3"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("bakery=sol", ["Rolls", "Bread"]),
            ("bakery=luna", ["Cake"]),
            ("external_id=ERP-1", ["Bread"]),
            ("product=Cake", ["Cake"]),
            ("active=true", ["Rolls"]),
            ("active=false", ["Cake", "Bread"]),
            ("started_after=2026-11-20T04:00:00Z", ["Rolls", "Cake"]),
            ("started_before=2026-11-20T05:00:00%2B01:00", ["Bread"]),
            ("started_after=2026-11-20T05:00:00+01:00&active=true", ["Rolls"]),
        ],
    )
    def test_it_can_be_filtered(
        self, client: APIClient, manager: User, oven: Equipment, query: str, expected: list[str]
    ) -> None:
        hour = timedelta(hours=1)
        bake(oven, "Bread", external_id="ERP-1", ended_at=START + hour)
        bake(make_equipment(make_bakery(manager, slug="luna")), "Cake", started_at=START + hour, ended_at=START + hour)
        bake(oven, "Rolls", started_at=START + 2 * hour)
        assert products(client.get(f"{LIST}?{query}")) == expected

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("actve=true", "Do you mean active?"),
            ("x=1", "There are: bakery"),
            ("started_after=yesterday", "Write it like 2025-01-12T10:30:00Z."),
            ("started_after=0001-01-01T00:00:00%2B14:00", "The year must lie between"),
            ("started_after=1000-01-01T00:00:00Z", "The year must lie between"),
            ("equipment_id=17", "UUID"),
            ("page_size=0", "from 1 to 500"),
            ("page_size=501", "from 1 to 500"),
            ("page_size=" + "9" * 5000, "from 1 to 500"),
            ("product=%00", "Null characters"),
        ],
    )
    def test_a_filter_that_means_nothing_is_refused(self, client: APIClient, query: str, words: str) -> None:
        answer = client.get(f"{LIST}?{query}")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert words in answer.json()["fields"][query.partition("=")[0]]

    @pytest.mark.parametrize("cursor", ["nonsense", "cD1mb28=", "cD0yMDI2LTk5", "bz0xMDAwMDAwMDAwMDAw", "%00"])
    def test_a_cursor_of_ones_own_making_is_no_page(self, client: APIClient, oven: Equipment, cursor: str) -> None:
        assert client.get(f"{LIST}?cursor={cursor}").status_code in (200, 404)


class TestStart:
    def test_a_batch_begins_and_shows_on_its_machine(self, client: APIClient, oven: Equipment) -> None:
        body = {
            "equipment_id": str(oven.uuid),
            "product": "Baguettes",
            "number": "123",
            "started_at": "2026-11-20T04:00:00+01:00",
            "target_temperature": 220.5,
            "expected_minutes": 25,
            "external_id": "ERP-4711",
        }
        answer = client.post(LIST, body, format="json")
        assert answer.status_code == 201
        batch = Batch.objects.get()
        assert answer["Location"] == f"http://testserver/api/v1/batches/{batch.uuid}"
        assert answer.json() == {
            **body,
            "id": str(batch.uuid),
            "name": "Baguettes - Batch #123",
            "bakery": "sol",
            "started_at": "2026-11-20T03:00:00Z",
            "ended_at": None,
        }
        now = client.get(f"/api/v1/equipment/{oven.uuid}/realtime-data").json()
        assert now["active_batch_id"] == str(batch.uuid)
        assert client.get(answer["Location"]).json() == answer.json()

    def test_it_begins_now_unless_told(self, client: APIClient, oven: Equipment) -> None:
        answer = client.post(LIST, {"equipment_id": str(oven.uuid), "product": "Cake"}, format="json")
        started = datetime.fromisoformat(answer.json()["started_at"])
        assert abs(timezone.now() - started) < timedelta(seconds=20)

    @pytest.mark.parametrize(
        ("change", "path", "words"),
        [
            ({"product": None}, "product", "null"),
            ({"product": "x" * 101}, "product", "100"),
            ({"product": "a\0b"}, "product", "Null"),
            ({"prodct": "x"}, "prodct", "Do you mean product?"),
            ({"equipment_id": "17"}, "equipment_id", "UUID"),
            ({"equipment_id": str(uuid.uuid4())}, "equipment_id", "no equipment of this id"),
            ({"target_temperature": 1e300}, "target_temperature", "1500"),
            ({"expected_minutes": 0}, "expected_minutes", "1"),
            ({"expected_minutes": 2**40}, "expected_minutes", "20160"),
            ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at", "out of range"),
            ({"started_at": 17}, "started_at", "must be text"),
            ({"product": 0}, "product", "must be text"),
            ({"target_temperature": "nan"}, "target_temperature", "must be a number"),
            ({"target_temperature": True}, "target_temperature", "must be a number"),
            ({"expected_minutes": 1.5}, "expected_minutes", "valid integer"),
            ({"ended_at": "2026-11-19T03:00:00Z"}, "ended_at", "cannot end before it starts"),
            ({"id": str(uuid.uuid4())}, "id", "can be read, but not set"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, client: APIClient, oven: Equipment, change: dict[str, Any], path: str, words: str
    ) -> None:
        body = {"equipment_id": str(oven.uuid), "product": "Cake", "started_at": START.isoformat()}
        answer = client.post(LIST, {**body, **change}, format="json")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [path]
        assert words in answer.json()["fields"][path]
        assert not Batch.objects.exists()

    def test_the_id_of_an_erp_is_taken_once_per_machine(self, client: APIClient, oven: Equipment) -> None:
        bake(oven, external_id="ERP-1")
        body = {"equipment_id": str(oven.uuid), "product": "Cake", "external_id": "ERP-1"}
        answer = client.post(LIST, body, format="json")
        assert (answer.status_code, Batch.objects.count()) == (409, 1)
        assert "PUT" in answer.json()["detail"]
        other = {**body, "equipment_id": str(make_equipment(oven.bakery).uuid)}
        assert client.post(LIST, other, format="json").status_code == 201


class TestChange:
    def test_only_what_is_named_changes(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(oven, expected_minutes=20)
        answer = client.patch(f"{LIST}/{batch.uuid}", {"product": "Cake"}, format="json")
        assert (answer.json()["product"], answer.json()["expected_minutes"]) == ("Cake", 20)
        assert client.patch(f"{LIST}/{batch.uuid}", {}, format="json").status_code == 200

    def test_it_cannot_end_before_it_starts_nor_change_its_machine(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(oven, ended_at=START + timedelta(hours=1))
        elsewhere = {"equipment_id": str(make_equipment(oven.bakery).uuid)}
        for body in ({"started_at": "2026-11-20T05:00:00Z"}, {"ended_at": "2026-11-20T02:00:00Z"}, elsewhere):
            assert client.patch(f"{LIST}/{batch.uuid}", body, format="json").status_code == 400
        assert client.patch(f"{LIST}/{batch.uuid}", {"ended_at": None}, format="json").json()["ended_at"] is None

    def test_the_first_end_counts(self, client: APIClient, oven: Equipment) -> None:
        path = f"{LIST}/{bake(oven).uuid}/end"
        first = client.post(path, {"ended_at": "2026-11-20T03:30:00Z"}, format="json")
        assert (first.status_code, first.json()["ended_at"]) == (200, "2026-11-20T03:30:00Z")
        assert client.post(path, {}, format="json").json() == first.json()
        assert client.post(path, {"ended_at": "2026-11-20T02:00:00Z"}, format="json").status_code == 400


class TestErp:
    def test_it_may_say_the_same_again_and_again(self, client: APIClient, oven: Equipment) -> None:
        path = f"/api/v1/equipment/{oven.uuid}/batches/ERP%204711"
        body = {"product": "Baguettes", "started_at": "2026-11-20T03:00:00Z", "expected_minutes": 25}
        assert client.get(path).status_code == 404
        answers = [client.put(path, body, format="json") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
        assert answers[0].json() == answers[1].json() == answers[2].json() == client.get(path).json()
        assert answers[0].json()["external_id"] == Batch.objects.get().external_id == "ERP 4711"

    def test_what_it_leaves_out_stays(self, client: APIClient, oven: Equipment) -> None:
        path = f"/api/v1/equipment/{oven.uuid}/batches/7"
        client.put(path, {"product": "Baguettes", "started_at": "2026-11-20T03:00:00Z"}, format="json")
        ended = client.put(path, {"product": "Baguettes", "ended_at": "2026-11-20T03:30:00Z"}, format="json").json()
        assert (ended["started_at"], ended["ended_at"]) == ("2026-11-20T03:00:00Z", "2026-11-20T03:30:00Z")
        assert client.put(path, {"product": "Baguettes"}, format="json").json() == ended

    def test_an_id_that_cannot_be_kept_is_refused(self, client: APIClient, oven: Equipment) -> None:
        for external_id in ("x" * 101, "%00"):
            path = f"/api/v1/equipment/{oven.uuid}/batches/{external_id}"
            for answer in (client.get(path), client.put(path, {"product": "x"}, format="json")):
                assert (answer.status_code, list(answer.json()["fields"])) == (400, ["external_id"])


class TestWhoMay:
    def test_other_peoples_batches_do_not_exist(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(make_equipment(), external_id="1")
        for answer in (
            client.get(f"{LIST}/{batch.uuid}"),
            client.patch(f"{LIST}/{batch.uuid}", {}, format="json"),
            client.post(f"{LIST}/{batch.uuid}/end", {}, format="json"),
            client.get(f"/api/v1/equipment/{batch.equipment.uuid}/batches/1"),
            client.put(f"/api/v1/equipment/{batch.equipment.uuid}/batches/1", {"product": "x"}, format="json"),
            client.get(f"{LIST}/not-an-id"),
        ):
            assert answer.status_code == 404

    def test_staff_look_and_managers_bake(self, oven: Equipment) -> None:
        staff = make_user("staff")
        oven.bakery.members.add(staff)
        client, batch = integrator(staff), bake(oven, external_id="1")
        assert client.get(LIST).status_code == client.get(f"{LIST}/{batch.uuid}").status_code == 200
        refused = [
            client.post(LIST, {"equipment_id": str(oven.uuid), "product": "x"}, format="json"),
            client.patch(f"{LIST}/{batch.uuid}", {}, format="json"),
            client.post(f"{LIST}/{batch.uuid}/end", {}, format="json"),
            client.put(f"/api/v1/equipment/{oven.uuid}/batches/1", {"product": "x"}, format="json"),
        ]
        assert [answer.status_code for answer in refused] == [403] * 4
        assert all("Ask a manager" in answer.json()["detail"] for answer in refused)
