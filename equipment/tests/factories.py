"""Rows for tests, with as little said as a test needs."""

import itertools
from typing import Any

from django.contrib.auth.models import Group, User

from equipment.models import Bakery, Equipment, Gateway

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def make_gateway(slug: str = "central") -> Gateway:
    return Gateway.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def make_bakery(*members: User, gateway: str = "central", **values: Any) -> Bakery:
    number = next(_numbers)
    defaults = {"name": f"Bakery {number}", "slug": f"bakery-{number}", "time_zone": "Europe/Madrid"}
    bakery = Bakery.objects.create(gateway=make_gateway(gateway), **{**defaults, **values})
    bakery.members.add(*members)
    return bakery


def make_equipment(bakery: Bakery | None = None, **values: Any) -> Equipment:
    defaults = {"name": f"Oven {next(_numbers)}", "poll_interval_seconds": 1}
    return Equipment.objects.create(bakery=bakery or make_bakery(), **{**defaults, **values})


def make_user(*groups: str, **values: Any) -> User:
    """A user with PASSWORD, in these groups; a manager may enter the admin."""
    username = values.pop("username", f"user-{next(_numbers)}")
    values.setdefault("is_staff", "manager" in groups)
    user = User.objects.create_user(username, password=PASSWORD, **values)
    user.groups.set(Group.objects.get_or_create(name=name)[0] for name in groups)
    return user
