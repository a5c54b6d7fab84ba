"""Reads. Each begins with what the user may see."""

from typing import Any

from django.db.models import QuerySet

from equipment.models import Bakery, Batch, ConnectionLog, Equipment


def bakeries_for(user: Any) -> QuerySet[Bakery]:
    """The bakeries the user is a member of; being a superuser does not make one a member."""
    return Bakery.objects.filter(members=user) if user.is_authenticated else Bakery.objects.none()


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
