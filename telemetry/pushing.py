"""Readings that were just stored, sent to the pages: without a row for each, and encoded once for all who look.

The states are those of `live.py`, made from the readings themselves and from what is remembered of their machines.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import orjson
from django.db import connection

from connectors.reading import Reading
from equipment.models import Equipment
from telemetry.channel import list_watched, send
from telemetry.live import baking, described, encode, publish, with_live_state
from telemetry.metrics import METRICS, Kind

# So long a machine that was moved may count to its old bakery, when it is asked whether anybody watches.
LOOK_AROUND_SECONDS = 5.0


class Stored(Protocol):
    """A reading and whose it is."""

    @property
    def equipment_id(self) -> int: ...
    @property
    def reading(self) -> Reading: ...
    @property
    def received_at(self) -> Any: ...


@dataclass(slots=True)
class Remembered:
    """The part of a machine's state that no reading changes. `version` moves with every change of its rows."""

    bakery_id: int
    version: tuple[Any, ...]
    before: dict[str, Any]
    after: dict[str, Any]


_machines: dict[int, Remembered] = {}
_remembering = Lock()
_looked_around_at = 0.0

_VERSIONS = """
SELECT machine.id, machine.xmin::text, bakery.xmin::text, batch.id, batch.xmin::text
FROM equipment AS machine JOIN equipment_bakery AS bakery ON bakery.id = machine.bakery_id LEFT JOIN LATERAL (
    SELECT id, xmin FROM equipment_batch
    WHERE equipment_id = machine.id AND ended_at IS NULL AND started_at <= now() ORDER BY started_at DESC LIMIT 1
) AS batch ON true
WHERE machine.id = ANY(%s) AND machine.archived_at IS NULL
"""


def publish_readings(newest: Sequence[Stored]) -> None:
    """Send the states with these readings, one for each machine, to the pages that show it."""
    try:
        with _remembering:
            messages = _encode_watched(newest)
    except orjson.JSONEncodeError:
        # A machine sent what JSON cannot say; the store keeps what is nearest to it.
        publish([item.equipment_id for item in newest])
    else:
        send(messages)


def _encode_watched(newest: Sequence[Stored]) -> dict[int, list[bytes]]:
    _look_up_strangers(item.equipment_id for item in newest)
    known = [(item, found) for item in newest if (found := _machines.get(item.equipment_id))]
    watched = list_watched({machine.bakery_id for _, machine in known})
    shown = [item for item, machine in known if machine.bakery_id in watched]
    _follow_changes([item.equipment_id for item in shown])
    states: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in shown:
        if machine := _machines.get(item.equipment_id):
            states[machine.bakery_id].append({**machine.before, **_measured(item), **machine.after})
    return {pk: [encode({"type": "states", "states": found})] for pk, found in states.items()}


def _look_up_strangers(equipment_ids: Iterable[int]) -> None:
    global _looked_around_at
    if time.monotonic() - _looked_around_at > LOOK_AROUND_SECONDS:
        _looked_around_at = time.monotonic()
        _follow_changes(list(_machines))
    if strangers := [pk for pk in equipment_ids if pk not in _machines]:
        _load(_read_versions(strangers))


def _follow_changes(equipment_ids: Collection[int]) -> None:
    """Machines, connections and batches are changed by other processes: their rows' versions tell."""
    if not equipment_ids:
        return
    versions = _read_versions(equipment_ids)
    for pk in equipment_ids:
        if pk not in versions:
            _machines.pop(pk, None)  # archived meanwhile
    changed = {
        pk: version for pk, version in versions.items() if pk not in _machines or _machines[pk].version != version
    }
    if changed:
        _load(changed)


def _read_versions(equipment_ids: Collection[int]) -> dict[int, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [list(equipment_ids)])
        return {pk: tuple(version) for pk, *version in cursor.fetchall()}


def _load(versions: dict[int, tuple[Any, ...]]) -> None:
    for machine in with_live_state(Equipment.objects.filter(pk__in=versions)):
        _machines[machine.pk] = Remembered(machine.bakery_id, versions[machine.pk], described(machine), baking(machine))


def _measured(item: Stored) -> dict[str, Any]:
    """As `live.measured` shows the row that was made of it."""
    reading = item.reading
    state = {"timestamp": reading.reading_time, "received_at": item.received_at}
    for field, show in _SHOWN:
        value = getattr(reading, field)
        state[field] = show(value) if value is not None else None
    return state


def _show_json(value: Any) -> Any:
    return dict(sorted(value.items())) if len(value) > 1 else value


def _show_small(value: int) -> int | None:
    return value if abs(value) < 2**15 else None


def _show_real(value: float) -> float:
    return float(f"{value:.7g}")


_SHOW: dict[Kind, Callable[[Any], Any]] = {
    Kind.REAL: _show_real,
    Kind.DOUBLE: float,
    Kind.SMALLINT: _show_small,
    Kind.STATE: str,
    Kind.JSON: _show_json,
}
_SHOWN = tuple((metric.field, _SHOW[metric.kind]) for metric in METRICS)
