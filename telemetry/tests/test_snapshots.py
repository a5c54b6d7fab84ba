"""Many pages ask at once, and nobody sees what another may see."""

import asyncio

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import BackgroundLoop
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.snapshots import find_bakeries, make_snapshot

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_who_ask_at_once_get_the_same_text(background: BackgroundLoop) -> None:
    users = [make_user() for _ in range(20)]
    bakery = make_bakery(*users)
    make_equipment(bakery, name="Steinofen")

    async def ask_all() -> list[str]:
        return await asyncio.gather(*(make_snapshot(user, frozenset([bakery.pk])) for user in users))

    first, *others = background.run(ask_all())
    assert "Steinofen" in first
    assert all(text is first for text in others)


def test_who_asks_later_gets_what_is_there_then(background: BackgroundLoop) -> None:
    user = make_user()
    bakery = make_bakery(user)
    make_equipment(bakery, name="Steinofen")
    assert "Etagenofen" not in background.run(make_snapshot(user, frozenset([bakery.pk])))
    make_equipment(bakery, name="Etagenofen")
    assert "Etagenofen" in background.run(make_snapshot(user, frozenset([bakery.pk])))


def test_what_one_has_just_been_given_is_not_shown_to_the_others(background: BackgroundLoop) -> None:
    promoted, other = make_user(), make_user()
    common, secret = make_bakery(promoted, other), make_bakery(promoted)
    make_equipment(secret, name="Geheimofen")
    known = find_bakeries(other)
    assert known == {common.pk}

    async def ask_both() -> tuple[str, str]:
        # The socket of the first one does not know yet that its user has a second bakery.
        return await asyncio.gather(make_snapshot(promoted, known), make_snapshot(other, known))

    for_the_promoted, for_the_other = background.run(ask_both())
    assert "Geheimofen" in for_the_promoted
    assert "Geheimofen" not in for_the_other


def test_a_user_who_may_no_longer_sign_in_has_no_bakery() -> None:
    user: User = make_user()
    make_bakery(user)
    user.is_active = False
    with CaptureQueriesContext(connection) as queries:
        assert find_bakeries(user) == frozenset()
    assert not queries.captured_queries
