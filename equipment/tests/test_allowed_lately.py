"""What was allowed is remembered for a second, and for nobody else."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from equipment.allowed_lately import SECONDS
from equipment.api_clients import create_api_client, revoke_api_client
from equipment.models import ApiClient, BakeryMembership, Equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> User:
    return make_user("member")


@pytest.fixture
def oven(member: User) -> Equipment:
    return make_equipment(make_bakery(member))


def caller(user: User) -> APIClient:
    return with_token(AuthToken.objects.create(user)[1])


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def url(oven: Equipment) -> str:
    return f"/api/v1/equipment/{oven.uuid}/realtime-data"


def test_asking_again_costs_the_prepared_statement_alone(
    member: User, oven: Equipment, django_assert_num_queries: Any
) -> None:
    client = caller(member)
    assert client.get(url(oven)).status_code == 200
    with django_assert_num_queries(0):  # Django does not see that one
        assert client.get(url(oven)).status_code == 200


def test_what_is_taken_away_here_is_gone_at_once(member: User, oven: Equipment) -> None:
    client = caller(member)
    assert client.get(url(oven)).status_code == 200
    oven.bakery.members.remove(member)
    assert client.get(url(oven)).status_code == 404
    oven.bakery.members.add(member)
    assert client.get(url(oven)).status_code == 200
    AuthToken.objects.get(user=member).delete()
    assert client.get(url(oven)).status_code == 401


def test_a_revoked_client_and_a_blocked_user_are_refused_at_once(member: User, oven: Equipment) -> None:
    row = ApiClient(name="Till", user=member, expires_at=timezone.now() + timedelta(days=1))
    client = with_token(create_api_client(row, [oven.bakery]))
    other = caller(member)
    assert [one.get(url(oven)).status_code for one in (client, other)] == [200, 200]
    revoke_api_client(row)
    assert [one.get(url(oven)).status_code for one in (client, other)] == [401, 200]
    member.is_active = False
    member.save()
    assert other.get(url(oven)).status_code == 401


def test_what_another_process_takes_away_is_gone_within_the_second(member: User, oven: Equipment) -> None:
    client = caller(member)
    assert client.get(url(oven)).status_code == 200
    BakeryMembership.objects.filter(user=member).update(until=timezone.now() - timedelta(days=1))
    time.sleep(SECONDS)
    assert client.get(url(oven)).status_code == 404


def test_an_archived_machine_is_gone_at_once_whoever_archives_it(member: User, oven: Equipment) -> None:
    client = caller(member)
    assert client.get(url(oven)).status_code == 200
    Equipment.objects.filter(pk=oven.pk).update(archived_at=timezone.now())
    assert client.get(url(oven)).status_code == 404


def test_nobody_else_is_allowed_what_somebody_was(member: User, oven: Equipment) -> None:
    stranger, elsewhere = make_user("stranger"), make_user("elsewhere")
    make_bakery(elsewhere)
    row = ApiClient(name="Till", user=member, expires_at=timezone.now() + timedelta(days=1))
    narrow = with_token(create_api_client(row, [make_bakery(member)]))
    assert caller(member).get(url(oven)).status_code == 200
    for client in (caller(stranger), caller(elsewhere), narrow):
        assert client.get(url(oven)).status_code == 404
    assert APIClient().get(url(oven)).status_code == 401
