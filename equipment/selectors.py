"""Reads. Each begins with what the user may see."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import QuerySet

from equipment.access_models import lasting
from equipment.models import ApiClient, Bakery, Batch, ConnectionLog, Equipment


def bakeries_for(user: Any) -> QuerySet[Bakery]:
    """The bakeries the user is a member of today; being a superuser does not make one a member.

    Of a user who came with an API client's token (`api_client` is set) only those that the client is for.
    """
    if not user.is_authenticated:
        return Bakery.objects.none()
    own = Bakery.objects.filter(lasting("memberships__", user=user))
    client: ApiClient | None = getattr(user, "api_client", None)
    return own if client is None else own.filter(api_clients=client)


def members_of(bakery: Bakery) -> QuerySet[User]:
    """Who belongs to the bakery today."""
    return get_user_model().objects.filter(lasting("bakery_memberships__", bakery=bakery)).order_by("username")


def colleagues_of(user: Any) -> QuerySet[User]:
    """Who belongs to any of the user's bakeries today, and the user."""
    own = lasting("bakery_memberships__", bakery__in=bakeries_for(user))
    return get_user_model().objects.filter(own).distinct().order_by("username")


def equipment_for(user: Any) -> QuerySet[Equipment]:
    """The machines of those bakeries, without the archived."""
    return Equipment.objects.filter(bakery__in=bakeries_for(user), archived_at=None).select_related("bakery")


def batches_for(user: Any) -> QuerySet[Batch]:
    """What those machines have baked, are baking and will bake."""
    return Batch.objects.filter(equipment__in=equipment_for(user)).select_related("equipment__bakery")


def list_equipment_to_poll(gateway_slug: str) -> QuerySet[Equipment]:
    return Equipment.objects.filter(
        bakery__gateway__slug=gateway_slug, iot_enabled=True, supports_realtime=True, archived_at=None
    ).exclude(iot_protocol="")


def list_connection_events(equipment: Equipment, limit: int = 50) -> QuerySet[ConnectionLog]:
    """What happened to the machine's connection, newest first."""
    return equipment.connection_logs.select_related("equipment")[:limit]
