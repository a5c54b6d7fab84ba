"""Writes of bakeries and their members."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from equipment.access_models import BakeryMembership
from equipment.models import Bakery
from equipment.roles import SERVICE_PARTNER
from equipment.selectors import colleagues_of, members_of


class LastMemberError(Exception):
    """Nobody would be left who sees the bakery."""


class TemporaryMemberError(Exception):
    """A service partner belongs to a bakery until a moment that somebody has to say."""


def create_bakery(user: Any, values: Mapping[str, Any]) -> Bakery:
    """A bakery without members would be seen by nobody: whoever makes it is the first."""
    with transaction.atomic():
        bakery = Bakery.objects.create(**values)
        bakery.members.add(user)
    return bakery


def change_bakery(bakery: Bakery, values: Mapping[str, Any]) -> Bakery:
    """Its machines follow it to another gateway: the poll workers look for themselves."""
    for name, value in values.items():
        setattr(bakery, name, value)
    bakery.save(update_fields=list(values))
    return bakery


def find_colleague(user: Any, username: str) -> User | None:
    """Somebody whom the user knows already, from any bakery they share. Other people's names stay unknown."""
    return colleagues_of(user).filter(username=username, is_active=True).first() if "\0" not in username else None


def add_member(bakery: Bakery, user: User) -> None:
    """Without an end, also where an earlier time in the bakery is over. Raises `TemporaryMemberError`."""
    if user.groups.filter(name=SERVICE_PARTNER).exists():
        raise TemporaryMemberError
    BakeryMembership.objects.update_or_create(bakery=bakery, user=user, defaults={"until": None})


def remove_member(bakery: Bakery, member: User) -> None:
    """Their open pages are closed at the next look. Raises `LastMemberError`."""
    with transaction.atomic():
        Bakery.objects.select_for_update().get(pk=bakery.pk)
        if not members_of(bakery).exclude(pk=member.pk).exists():
            raise LastMemberError
        bakery.members.remove(member)
