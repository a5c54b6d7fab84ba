"""Writes of bakeries and their members."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from equipment.access_models import BakeryMembership, lasting
from equipment.models import Bakery
from equipment.selectors import colleagues_of


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


def list_memberships(bakery: Bakery) -> QuerySet[BakeryMembership]:
    """Of those who belong to the bakery today."""
    today = bakery.memberships.filter(lasting(""))
    return today.select_related("user").prefetch_related("user__groups").order_by("user__username")


def find_colleague(user: Any, username: str) -> User | None:
    """Somebody whom the user knows already, from any bakery they share. Other people's names stay unknown."""
    known = colleagues_of(user).filter(is_active=True)
    return None if "\0" in username else known.filter(username=username).first()


def set_membership(bakery: Bakery, person: User, until: datetime | None) -> BakeryMembership:
    """From now on, perhaps to an end. Raises Django's `ValidationError` where an end is needed."""
    membership = BakeryMembership.objects.filter(bakery=bakery, user=person).first()
    membership = membership or BakeryMembership(bakery=bakery, user=person)
    membership.until = until
    membership.full_clean()
    membership.save()
    return membership


def end_membership(membership: BakeryMembership) -> None:
    """Their open pages are closed at the next look. Raises `LastMemberError`."""
    with transaction.atomic():
        bakery = Bakery.objects.select_for_update().get(pk=membership.bakery_id)
        if not list_memberships(bakery).exclude(pk=membership.pk).exists():
            raise LastMemberError
        membership.delete()
