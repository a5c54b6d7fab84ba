"""What a page shows of a machine right now. `pushing.py` sends the same for readings that were just stored.

Always full states, never differences: the layer may drop a message, and the next one makes it good.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import orjson
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from equipment.models import Batch, ConnectionLog, Equipment
from telemetry.channel import send
from telemetry.metrics import METRICS, Kind
from telemetry.models import STATES, LatestReading

HEARTBEAT_SECONDS = 5


def publish(equipment_ids: Collection[int], events: Iterable[ConnectionLog] = ()) -> None:
    """Send the machines' states, and what happened to their connections, to their bakeries' pages.

    One message per bakery and call. Without Redis the pages miss it and say so themselves; the caller goes on.
    """
    if not equipment_ids:
        return
    messages: dict[int, list[bytes]] = defaultdict(list)
    by_bakery: dict[int, list[dict[str, Any]]] = defaultdict(list)
    shown = {}
    for equipment in with_live_state(Equipment.objects.filter(pk__in=equipment_ids)):
        shown[equipment.pk] = equipment
        by_bakery[equipment.bakery_id].append(live_state(equipment))
    for bakery_id, states in by_bakery.items():
        messages[bakery_id].append(encode({"type": "states", "states": states}))
    for event in events:
        if machine := shown.get(event.equipment_id):
            messages[machine.bakery_id].append(encode(connection_event(machine, event)))
    send(messages)


def publish_change_of_machines(bakery_ids: Collection[int]) -> None:
    """A machine came or went: the pages of these bakeries get a new snapshot."""
    send({bakery_id: [b""] for bakery_id in bakery_ids})


def publish_to_bakeries(messages: Mapping[int, dict[str, Any]]) -> None:
    """One message of another app to the pages of each of these bakeries (primary key -> message with its `type`)."""
    send({bakery_id: [encode(message)] for bakery_id, message in messages.items()})


def encode(message: dict[str, Any]) -> bytes:
    return orjson.dumps({"time": timezone.now(), **message}, option=orjson.OPT_UTC_Z)


def connection_event(equipment: Equipment, event: ConnectionLog) -> dict[str, Any]:
    return {
        "type": "connection_event",
        "event": {
            "equipment_id": str(equipment.uuid),
            "event_type": event.event_type,
            "event_time": event.event_time,
            "connection_status": event.connection_status,
            "error_message": event.error_message,
            "error_code": event.error_code,
        },
    }


def with_live_state(machines: QuerySet[Equipment]) -> QuerySet[Equipment]:
    """The machines with all that `live_state` needs, in three queries."""
    open_batches = Batch.objects.filter(ended_at=None, started_at__lte=timezone.now()).order_by("-started_at")
    return (
        machines.filter(archived_at=None)
        .select_related("bakery", "latest_reading")
        .prefetch_related(Prefetch("batches", queryset=open_batches, to_attr="open_batches"))
    )


def live_state(equipment: Equipment) -> dict[str, Any]:
    """A machine from `with_live_state` as pages and sockets get it. Unknown is None, never 0."""
    return {**described(equipment), **measured(getattr(equipment, "latest_reading", None)), **baking(equipment)}


def described(equipment: Equipment) -> dict[str, Any]:
    """The part of a state that no reading changes: the machine and its connection."""
    return {
        "equipment_id": str(equipment.uuid),
        "equipment_name": equipment.name,
        "equipment_type": equipment.type,
        "place": equipment.place,
        "bakery": equipment.bakery.slug,
        "url": equipment.get_absolute_url(),
        "iot_enabled": equipment.iot_enabled,
        "poll_interval_seconds": equipment.poll_interval_seconds,
        "connection_status": equipment.iot_connection_status,
        "connection_error": equipment.iot_connection_error,
        "connection_error_code": equipment.iot_connection_error_code,
    }


def baking(equipment: Equipment) -> dict[str, Any]:
    """The running batch of a machine from `with_live_state`."""
    batch: Batch | None = next(iter(equipment.open_batches), None)  # type: ignore[attr-defined]
    return {
        "active_batch_id": str(batch.uuid) if batch else None,
        "active_batch_name": str(batch) if batch else None,
        "batch_target_temperature": batch.target_temperature if batch else None,
        "batch_started_at": batch.started_at if batch else None,
        "batch_expected_minutes": batch.expected_minutes if batch else None,
    }


def measured(row: LatestReading | None) -> dict[str, Any]:
    """The columns of a reading with their words instead of numbers, under the guide's names."""
    return {
        "timestamp": row and row.reading_time,
        "received_at": row and row.received_at,
        **{metric.field: as_shown(metric.field, metric.kind, row and getattr(row, metric.field)) for metric in METRICS},
    }


def as_shown(field: str, kind: Kind, value: Any) -> Any:
    """A stored value as people get it: a state's word, an object for an empty one, four bytes' worth of digits."""
    if value is None:
        return {} if kind is Kind.JSON else None
    if kind is Kind.JSON:
        found = orjson.loads(value) if isinstance(value, str) else value  # a bare cursor gives the text
        return dict(sorted(found.items()))  # jsonb sorts by length
    if kind is Kind.STATE:
        return str(STATES[field][value])
    if kind is Kind.REAL:
        return float(f"{value:.7g}")
    return value
