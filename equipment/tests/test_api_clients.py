"""Programs with a token of their own: what they see, what they may, and how it ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from equipment.allowed_lately import forget
from equipment.api_clients import create_api_client, revoke_api_client
from equipment.models import ApiClient, Bakery, Equipment
from equipment.tests.browsers import errors, page, signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
LIST = "/api/v1/equipment"


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def oven(manager: User) -> Equipment:
    return make_equipment(make_bakery(manager, name="Sol"), name="Ours")


def made(user: User, *bakeries: Bakery, **values: Any) -> tuple[ApiClient, str]:
    client = ApiClient(**{"name": "Till", "user": user, "expires_at": timezone.now() + timedelta(days=1), **values})
    return client, create_api_client(client, bakeries)


def caller(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def test_it_sees_its_bakeries_and_not_its_users_others(manager: User, oven: Equipment) -> None:
    other = make_equipment(make_bakery(manager))
    _, token = made(manager, oven.bakery)
    answer = caller(token).get(LIST).json()
    assert [row["name"] for row in answer["results"]] == ["Ours"]
    assert caller(token).get(f"{LIST}/{other.uuid}").status_code == 404
    assert signed_in(manager).get(LIST).json()["count"] == 2


def test_it_sees_nothing_of_a_bakery_that_its_user_has_left(manager: User, oven: Equipment) -> None:
    _, token = made(manager, oven.bakery)
    oven.bakery.members.remove(manager)
    assert caller(token).get(LIST).status_code == 404


def test_a_reader_changes_nothing_and_is_told_so(manager: User, oven: Equipment) -> None:
    _, token = made(manager, oven.bakery)
    for answer in (
        caller(token).patch(f"{LIST}/{oven.uuid}", {"name": "Theirs"}, format="json"),
        caller(token).delete(f"{LIST}/{oven.uuid}"),
        caller(token).post(LIST, {}, format="json"),
    ):
        assert (answer.status_code, "may only read" in answer.json()["detail"]) == (403, True)
    oven.refresh_from_db()
    assert (oven.name, oven.archived_at) == ("Ours", None)


def test_a_writer_may_what_its_user_may(manager: User, oven: Equipment) -> None:
    _, token = made(manager, oven.bakery, may_write=True)
    assert caller(token).patch(f"{LIST}/{oven.uuid}", {"place": "Left"}, format="json").status_code == 200
    oven.bakery.members.add(staff := make_user("staff"))
    _, token = made(staff, oven.bakery, may_write=True)
    assert caller(token).patch(f"{LIST}/{oven.uuid}", {"place": "Right"}, format="json").status_code == 403


def test_a_reader_may_give_its_own_token_back(manager: User, oven: Equipment) -> None:
    client, token = made(manager, oven.bakery)
    assert caller(token).delete("/api/v1/auth/token").status_code == 204
    assert caller(token).get(LIST).status_code == 401
    client.refresh_from_db()
    assert client.token is None


@pytest.mark.parametrize("how", ["revoked", "expired", "user switched off"])
def test_it_is_refused_when_its_time_is_over(manager: User, oven: Equipment, how: str) -> None:
    client, token = made(manager, oven.bakery)
    if how == "revoked":
        revoke_api_client(client)
    elif how == "expired":
        AuthToken.objects.update(expiry=timezone.now())
    else:
        User.objects.update(is_active=False)
    answer = caller(token).get(LIST)
    assert (answer.status_code, answer.json()["detail"][:14]) == (401, "This API token")
    assert ApiClient.objects.filter(pk=client.pk).exists()  # who had access is a record


def test_its_last_use_is_noted_once_a_minute(manager: User, oven: Equipment, django_assert_num_queries: Any) -> None:
    client, token = made(manager, oven.bakery)
    caller(token).get(LIST)
    client.refresh_from_db()
    assert client.last_used_at and client.state == "In use"
    first = client.last_used_at
    caller(token).get(LIST)
    client.refresh_from_db()
    assert client.last_used_at == first
    ApiClient.objects.update(last_used_at=first - timedelta(seconds=61))
    forget()
    caller(token).get(LIST)
    client.refresh_from_db()
    assert client.last_used_at and client.last_used_at >= first


class TestAdmin:
    def form(self, oven: Equipment, **values: Any) -> dict[str, Any]:
        until = timezone.now() + timedelta(days=30)
        times = {"expires_at_0": f"{until:%Y-%m-%d}", "expires_at_1": f"{until:%H:%M:%S}"}
        return {"name": "Till", "bakeries": [oven.bakery.pk], **times, **values}

    def test_the_token_is_shown_once_and_works(self, manager: User, oven: Equipment) -> None:
        browser = signed_in(manager)
        answer = browser.post(page("apiclient_add"), self.form(oven, user=manager.pk, may_write="on"))
        found = re.search(r"Authorization: Token (\w+)", answer.content.decode())
        assert found and caller(found[1]).get(LIST).json()["count"] == 1
        client = ApiClient.objects.get()
        assert (client.created_by, client.may_write) == (manager, True)
        for name, rows in (("apiclient_changelist", ()), ("apiclient_change", (client.pk,))):
            text = browser.get(page(name, *rows)).content.decode()
            assert found[1] not in text and client.token and client.token.digest not in text

    def test_it_acts_as_oneself_or_an_integrator_of_ones_bakeries(self, manager: User, oven: Equipment) -> None:
        ours, staff, theirs = make_user("integrator"), make_user("staff"), make_user("integrator")
        oven.bakery.members.add(ours, staff)
        make_bakery(theirs)
        form = signed_in(manager).get(page("apiclient_add")).context["adminform"].form
        assert set(form.fields["user"].queryset) == {manager, ours}

    def test_only_ones_own_bakeries_can_be_opened(self, manager: User, oven: Equipment) -> None:
        other = make_bakery()
        browser = signed_in(manager)
        answer = browser.post(page("apiclient_add"), self.form(oven, user=manager.pk, bakeries=[other.pk]))
        assert "bakeries" in errors(answer)
        past = self.form(oven, user=manager.pk, expires_at_0="2020-01-01")
        assert "expires_at" in errors(browser.post(page("apiclient_add"), past))
        assert not ApiClient.objects.exists()

    def test_revoking_and_renewing(self, manager: User, oven: Equipment) -> None:
        client, token = made(manager, oven.bakery)
        browser = signed_in(manager)
        listed = {"_selected_action": [client.pk]}
        answer = browser.post(page("apiclient_changelist"), {"action": "renew", **listed})
        found = re.search(r"Authorization: Token (\w+)", answer.content.decode())
        assert found and caller(found[1]).get(LIST).status_code == 200
        assert caller(token).get(LIST).status_code == 401
        browser.post(page("apiclient_changelist"), {"action": "revoke", **listed})
        assert caller(found[1]).get(LIST).status_code == 401
        client.refresh_from_db()
        assert client.state == "Revoked"

    def test_one_that_serves_others_too_shows_mine_alone(self, manager: User, oven: Equipment) -> None:
        other = make_bakery(name="Secret garden")
        client, _ = made(manager, oven.bakery, other)
        browser = signed_in(manager)
        assert b"Secret garden" not in browser.get(page("apiclient_changelist")).content
        assert browser.post(page("apiclient_change", client.pk), {"name": "x"}).status_code == 403
        assert client.bakeries.count() == 2
