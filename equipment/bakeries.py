"""Writes of bakeries and their members."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from equipment.models import Bakery
from equipment.selectors import bakeries_for


class LastMemberError(Exception):
    """Nobody would be left who sees the bakery."""


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
    known = User.objects.filter(bakeries__in=bakeries_for(user), is_active=True)
    return known.filter(username=username).distinct().first() if "\0" not in username else None


def remove_member(bakery: Bakery, member: User) -> None:
    """Their open pages are closed at the next look. Raises `LastMemberError`."""
    with transaction.atomic():
        Bakery.objects.select_for_update().get(pk=bakery.pk)
        if not bakery.members.exclude(pk=member.pk).exists():
            raise LastMemberError
        bakery.members.remove(member)
