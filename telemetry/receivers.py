"""What lower apps have said, passed on to the screens."""

from collections.abc import Sequence
from typing import Any

from equipment.models import ConnectionLog, Equipment
from telemetry.live import publish, publish_change_of_machines


def publish_changed_equipment(
    equipment_ids: Sequence[int] = (),
    events: Sequence[ConnectionLog] = (),
    left_bakery_ids: Sequence[int] = (),
    **kwargs: Any,
) -> None:
    """Archived and moved machines vanish from the pages, all others show their new state."""
    publish(equipment_ids, events)
    archived = Equipment.objects.filter(pk__in=equipment_ids).exclude(archived_at=None)
    publish_change_of_machines({*archived.values_list("bakery_id", flat=True), *left_bakery_ids})
