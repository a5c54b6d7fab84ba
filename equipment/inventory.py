"""Writes of what a machine is and where it stands; how it is reached is set by `equipment.services`."""

from collections.abc import Collection
from typing import Any

from django.db import transaction

from equipment.models import Equipment
from equipment.services import touch_connection
from equipment.signals import connection_changed

COLUMNS = (
    "bakery",
    "name",
    "type",
    "place",
    "manufacturer",
    "model",
    "serial_number",
    "firmware_version",
    "preset",
    "iot_enabled",
    "supports_realtime",
    "poll_interval_seconds",
    "temperature_zones",
    "supports_humidity",
    "supports_energy_monitoring",
    "supports_remote_control",
)
# A change of these means another line, from another gateway, or none.
LINE_COLUMNS = ("bakery_id", "iot_enabled", "supports_realtime", "poll_interval_seconds")


def save_equipment(equipment: Equipment, columns: Collection[str] = COLUMNS) -> Equipment:
    """Save a new machine, or these columns of one that exists, and tell the pages once it is committed.

    Name the columns that were changed: the others may have been changed by somebody else meanwhile.
    """
    with transaction.atomic():
        row = Equipment.objects.select_for_update().filter(pk=equipment.pk).values_list(*LINE_COLUMNS)
        before = row.first()
        equipment.save(update_fields=columns if before else None)
        if before and before != row.first():
            touch_connection(equipment)
        else:
            _tell(equipment_ids=[equipment.pk])
        if before and before[0] != equipment.bakery_id:
            _tell(left_bakery_ids=[before[0]])
    return equipment


def _tell(**facts: Any) -> None:
    transaction.on_commit(lambda: connection_changed.send(sender=Equipment, **facts))
