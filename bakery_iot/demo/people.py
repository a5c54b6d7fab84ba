"""The demo's users, with random passwords and API tokens."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from knox.crypto import hash_token
from knox.models import AuthToken

from equipment.models import Bakery

ROLES = ("manager", "staff", "stranger", "admin")
# By the address a demo user is told from a person of the same name: .invalid never belongs to anybody.
_MAIL = "{}@demo.invalid"


class SignIn(TypedDict):
    username: str
    password: str
    api_token: str


def create_people(bakeries: Iterable[Bakery], known: Mapping[str, Any]) -> dict[str, SignIn]:
    """Sign-ins by role. `known` holds those of an earlier run: passwords and tokens in it stay as they are.

    A demo user whose password is no longer known gets a new one. Raises ValidationError where a user of that name
    exists who is not the demo's.
    """
    sign_ins = {role: _create_person(role, known.get(role)) for role in ROLES}
    members = User.objects.filter(username__in=[role for role in ROLES if role != "stranger"])
    for bakery in bakeries:
        bakery.members.add(*members)
    return sign_ins


def _create_person(role: str, known: Any) -> SignIn:
    remembered = known if isinstance(known, Mapping) else {}
    password = str(remembered.get("password") or secrets.token_urlsafe(12))
    user = User.objects.filter(username=role).first()
    if user is None:
        user = _make_user(role, password)
    elif user.email != _MAIL.format(role):
        raise ValidationError(
            f"There is a user named {role!r} who was not made by the demo. Rename that user, or use another database."
        )
    elif not remembered.get("password"):
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"username": role, "password": password, "api_token": _token_of(user, remembered.get("api_token"))}


def _make_user(role: str, password: str) -> User:
    may_enter_admin = role in ("manager", "admin")
    user = User.objects.create_user(
        role, _MAIL.format(role), password, is_staff=may_enter_admin, is_superuser=role == "admin"
    )
    if role in ("manager", "staff"):
        user.groups.add(Group.objects.get(name=role))
    return user


def _token_of(user: User, remembered: Any) -> str:
    """Only a token's hash is stored, so a lost one is replaced."""
    if isinstance(remembered, str) and AuthToken.objects.filter(user=user, digest=hash_token(remembered)).exists():
        return remembered
    _, token = AuthToken.objects.create(user=user, expiry=None)
    return str(token)
