from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from equipment.models import Bakery
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_user

pytestmark = pytest.mark.django_db
LIST = "/api/v1/bakeries"


@pytest.fixture
def manager() -> User:
    return make_user("manager", username="anna", first_name="Anna", last_name="Vogel")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, name="Sol", slug="sol")


@pytest.fixture
def client(manager: User, bakery: Bakery) -> APIClient:
    return integrator(manager)


def test_mine_are_listed_and_no_others(client: APIClient) -> None:
    make_bakery(slug="theirs")
    sol = {"slug": "sol", "name": "Sol", "time_zone": "Europe/Madrid", "gateway": "central"}
    assert client.get(LIST).json() == [sol]
    assert client.get(f"{LIST}/sol").json() == sol
    for path in (f"{LIST}/theirs", f"{LIST}/%00", f"{LIST}/theirs/members"):
        assert client.get(path).status_code == 404
    assert client.patch(f"{LIST}/theirs", {"name": "x"}, format="json").status_code == 404


def test_whoever_makes_one_belongs_to_it(client: APIClient, manager: User) -> None:
    body = {"slug": "luna", "name": "Luna", "time_zone": "Atlantic/Canary", "gateway": "central"}
    answer = client.post(LIST, body, format="json")
    assert (answer.status_code, answer.json()) == (201, body)
    assert answer["Location"] == "http://testserver/api/v1/bakeries/luna"
    assert list(Bakery.objects.get(slug="luna").members.all()) == [manager]
    again = client.post(LIST, body, format="json")
    assert (again.status_code, list(again.json()["fields"])) == (400, ["slug"])


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"time_zone": "Madrid"}, "time_zone", "Europe/Madrid"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "Europe/Madrid"),
        ({"time_zone": "/etc"}, "time_zone", "Europe/Madrid"),
        ({"slug": "other"}, "slug", "other programs know"),
        ({"gateway": "theirs"}, "gateway", "None of your bakeries is reached"),
        ({"gateway": {"a": 1}}, "gateway", "None of your bakeries is reached"),
        ({"members": []}, "members", "no field of this name"),
        ({"name": ""}, "name", "blank"),
    ],
)
def test_what_is_wrong_is_named(client: APIClient, body: dict[str, Any], path: str, words: str) -> None:
    make_bakery(slug="hidden", gateway="theirs")
    answer = client.patch(f"{LIST}/sol", body, format="json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [path])
    assert words in answer.json()["fields"][path]


def test_a_change_keeps_what_it_does_not_name(client: APIClient, bakery: Bakery) -> None:
    answer = client.patch(f"{LIST}/sol", {"time_zone": "Europe/Vienna"}, format="json")
    assert (answer.json()["time_zone"], answer.json()["name"]) == ("Europe/Vienna", "Sol")
    bakery.refresh_from_db()
    assert str(bakery.time_zone) == "Europe/Vienna"


class TestMembers:
    def test_they_are_listed_with_what_they_may_do(self, client: APIClient, bakery: Bakery) -> None:
        bakery.members.add(make_user("staff", username="ben"))
        assert client.get(f"{LIST}/sol/members").json() == [
            {"username": "anna", "name": "Anna Vogel", "groups": ["manager"], "until": None},
            {"username": "ben", "name": "", "groups": ["staff"], "until": None},
        ]

    def test_a_colleague_can_be_added_and_a_stranger_is_not_even_known(
        self, client: APIClient, manager: User, bakery: Bakery
    ) -> None:
        make_bakery(manager, make_user("staff", username="ben"))
        make_bakery(make_user("staff", username="stranger"))
        assert client.put(f"{LIST}/sol/members/ben").json()["username"] == "ben"
        assert bakery.members.filter(username="ben").exists()
        unknown = [client.put(f"{LIST}/sol/members/{name}") for name in ("stranger", "nobody", "%00")]
        assert [answer.status_code for answer in unknown] == [404] * 3
        assert unknown[0].json() == unknown[1].json()

    def test_a_membership_can_end_by_itself(self, client: APIClient, manager: User, bakery: Bakery) -> None:
        make_bakery(manager, partner := make_user("service partner", username="tec"))
        path = f"{LIST}/sol/members/tec"
        assert client.put(path, {"until": "2099-01-01T00:00:00Z"}, format="json").status_code == 200
        assert client.get(f"{LIST}/sol/members").json()[-1]["until"] == "2099-01-01T00:00:00Z"
        assert integrator(partner).get(f"{LIST}/sol").status_code == 200
        assert client.put(path, {"until": "2000-01-01T00:00:00Z"}, format="json").status_code == 400
        bakery.memberships.filter(user=partner).update(until=timezone.now())
        assert integrator(partner).get(f"{LIST}/sol").status_code == 404
        assert [member["username"] for member in client.get(f"{LIST}/sol/members").json()] == ["anna"]

    def test_one_can_be_taken_out_but_not_the_last(self, client: APIClient, bakery: Bakery) -> None:
        bakery.members.add(make_user("staff", username="ben"))
        assert client.delete(f"{LIST}/sol/members/ben").status_code == 204
        assert client.delete(f"{LIST}/sol/members/ben").status_code == 404
        answer = client.delete(f"{LIST}/sol/members/anna")
        assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")
        assert bakery.members.count() == 1


def test_staff_look_and_managers_change(bakery: Bakery) -> None:
    staff = make_user("staff", username="ben")
    bakery.members.add(staff)
    client = integrator(staff)
    assert client.get(LIST).status_code == client.get(f"{LIST}/sol/members").status_code == 200
    refused = [
        client.post(LIST, {}, format="json"),
        client.patch(f"{LIST}/sol", {}, format="json"),
        client.put(f"{LIST}/sol/members/anna"),
        client.delete(f"{LIST}/sol/members/anna"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4


def test_a_service_partner_is_not_added_without_an_end() -> None:
    manager, partner = make_user("manager"), make_user("service partner")
    first, second = make_bakery(manager), make_bakery(manager)
    first.memberships.create(user=partner, until=timezone.now() + timedelta(days=1))
    answer = integrator(manager).put(f"/api/v1/bakeries/{second.slug}/members/{partner.username}")
    assert answer.status_code == 400
    assert "Say until when" in answer.json()["fields"]["until"]
    assert not second.members.filter(pk=partner.pk).exists()


def test_whose_time_was_over_belongs_again_once_added() -> None:
    manager, colleague = make_user("manager"), make_user()
    first, second = make_bakery(manager, colleague), make_bakery(manager)
    second.memberships.create(user=colleague, until=timezone.now())
    client = integrator(manager)
    where = f"/api/v1/bakeries/{second.slug}/members"
    assert [one["username"] for one in client.get(where).json()] == [manager.username]
    assert client.put(f"{where}/{colleague.username}").status_code == 200
    assert len(client.get(where).json()) == 2
    assert first.members.count() == 2
