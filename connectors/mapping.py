"""A JSON document to a Reading: by the mapping, or by our own field names where there is none. Pure.

One bad value never costs the others: it is None and named in `quality`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any

from .errors import ResponseError
from .findings import NESTED_FIELDS, Findings, Quick, find_in, quick_reader
from .mapping_settings import (
    DocumentMapping,
    DoorSpec,
    DurationSpec,
    EnergySpec,
    PathSpec,
    PercentSpec,
    SensorSpec,
    StageSpec,
    StatusSpec,
    TemperatureSpec,
    WeightSpec,
)
from .reading import VALUE_FIELDS, ZONE_FIELDS, CycleStage, DoorStatus, OperationalStatus, Reading
from .values import BadValueError, check_moment, clean_text

_TIME_KEYS = ("reading_time", "timestamp")
_NOT_SENSORS = frozenset((*_TIME_KEYS, "equipment_id", "equipment_name", "connection_status", "quality"))
_MOST_SENSORS = 100
_QUALITIES = ("uncertain", "bad", "stale")
_NAMED_KEYS = 12
FIRST_ZONES = ("cabinet", "chamber", "deck_1", "chamber_1", "zone_1")  # what `temperature` means, best first

# A path is needed to make one, and not used: these stand for "as our own names mean it".
_BY_NAME: Mapping[str, PathSpec] = {
    "temperature": TemperatureSpec(path="@"),
    "target_temperature": TemperatureSpec(path="@"),
    "temperature_zones": TemperatureSpec(path="@"),
    "target_temperature_zones": TemperatureSpec(path="@"),
    "humidity": PercentSpec(path="@"),
    "energy_consumption_kwh": EnergySpec(path="@"),
    "motor_speed": PercentSpec(path="@"),
    "steam_level": PercentSpec(path="@"),
    "product_weight": WeightSpec(path="@"),
    "moisture_content": PercentSpec(path="@"),
    "cycle_progress_percentage": PercentSpec(path="@"),
    "time_remaining_minutes": DurationSpec(path="@"),
    "operational_status": StatusSpec(path="@"),
    "cycle_stage": StageSpec(path="@"),
    "door_status": DoorSpec(path="@"),
    "additional_sensors": SensorSpec(path="@"),
}

_KINDS: Mapping[str, type[StrEnum]] = {
    "operational_status": OperationalStatus,
    "cycle_stage": CycleStage,
    "door_status": DoorStatus,
}
# Most documents say in our own way what we want to know. None: look closer.
_QUICK: Mapping[str, Quick] = {
    **{field: quick for field, spec in _BY_NAME.items() if (quick := quick_reader(field, spec))},
    **{field: {str(word): word for word in kind}.get for field, kind in _KINDS.items()},
}
_QUICK_VALUES = {field: quick for field, quick in _QUICK.items() if field in VALUE_FIELDS}
_PLAIN = (float, int, str)
_LONGEST_KNOWN_KEY = 64


def parse_document(
    document: Any, mapping: DocumentMapping, *, received_at: datetime, root: str | None = None, partial: bool = False
) -> Reading:
    """The reading in a document. ResponseError if it holds none; `partial` documents may hold nothing."""
    inside = _enter(document, root)
    found = Findings()
    if mapped := bool(mapping.model_fields_set):
        moment = _take_mapped(found, inside, mapping)
    else:
        moment = _take_by_name(found, inside if isinstance(inside, dict) else {})
    if not partial and not found.anything(mapped=mapped):
        raise ResponseError(_nothing_found(document, mapped=mapped), code="mapping")
    reading_time, doubt = check_moment(moment, received_at)
    if doubt:
        found.quality["reading_time"] = doubt
    for field, zones in zip(("temperature", "target_temperature"), ZONE_FIELDS, strict=True):
        if found.values.get(field) is None and field not in found.quality:
            values = map(found.values[zones].get, FIRST_ZONES)
            found.values[field] = next((value for value in values if value is not None), None)
    return Reading(reading_time=reading_time, quality=found.quality, **found.values)


def _take_mapped(found: Findings, document: Any, mapping: DocumentMapping) -> datetime | None:
    for name, spec in mapping.list_specs():
        found.take(name, spec, _search(document, spec, name))
    if (when := mapping.timestamp) is None:
        return None
    return found.take_moment(_search(document, when, "timestamp"), when.unit, when.timezone)


def _take_by_name(found: Findings, document: Mapping[str, Any]) -> datetime | None:
    """Written out, as it is done for each value of each message: in steps of their own it takes thrice the time."""
    room = _MOST_SENSORS
    for key, raw in document.items():
        quick = _QUICK_VALUES.get(key)
        if quick and type(raw) in _PLAIN and (value := quick(raw)) is not None:
            found.keep(key, "", value)
        elif key in NESTED_FIELDS and isinstance(raw, dict):
            _take_nested(found, key, raw)
        elif key in VALUE_FIELDS:
            found.take(key, _BY_NAME[key], raw)
        elif key not in _NOT_SENSORS and not isinstance(raw, dict | list) and room:
            room -= 1
            found.take(f"additional_sensors.{_clean_key(key)}", _BY_NAME["additional_sensors"], raw)
    if "quality" in document:
        _apply_quality(found, document["quality"])
    for key in _TIME_KEYS:
        if (moment := document.get(key)) is not None:
            return found.take_moment(moment, "iso", "UTC")
    return None


def _take_nested(found: Findings, field: str, members: Mapping[str, Any]) -> None:
    quick = _QUICK.get(field)
    for name, raw in islice(members.items(), _MOST_SENSORS):
        key = _clean_key(name)
        if quick and type(raw) in _PLAIN and (value := quick(raw)) is not None:
            found.keep(field, key, value)
        else:
            found.take(f"{field}.{key}", _BY_NAME[field], raw)


def merge_readings(first: Reading, second: Reading) -> Reading:
    """The first, with what it does not know filled in from the second."""
    changes: dict[str, Any] = {
        name: getattr(second, name)
        for name in VALUE_FIELDS
        if getattr(first, name) is None and name not in first.quality
    }
    for name in NESTED_FIELDS:
        ours = getattr(first, name)
        known = {key: value for key, value in ours.items() if value is not None or f"{name}.{key}" in first.quality}
        changes[name] = {**ours, **getattr(second, name), **known}
    return replace(first, **changes, quality={**second.quality, **first.quality})


def _enter(document: Any, root: str | None) -> Any:
    """The object that holds the values: the document itself, or what `root` points to."""
    inside = document
    if root:
        try:
            inside = find_in(document, root)
        except BadValueError:
            inside = None
    if isinstance(inside, dict | list):
        return inside
    if root:
        raise ResponseError(
            f"The answer holds no object at {root!r}. {list_found(document)} Correct additional_config.root.",
            code="mapping",
        )
    raise ResponseError("The answer is JSON, but not an object with values. Check the address path.", code="mapping")


def _search(document: Any, spec: PathSpec, name: str) -> Any:
    try:
        raw = find_in(document, spec.path)
    except BadValueError as error:
        raw = error
    if spec.required and (raw is None or isinstance(raw, BadValueError)):
        raise _missing(name, spec, document)
    return raw


def _missing(name: str, spec: PathSpec, document: Any) -> ResponseError:
    return ResponseError(
        f"The answer does not hold {name}, which the mapping requires, at {spec.path!r}. {list_found(document)} "
        "Correct the path, or take `required` out.",
        code="mapping",
    )


def _clean_key(name: str) -> str:
    return _clean_short_key(name) if len(name) <= _LONGEST_KNOWN_KEY else clean_text(name) or "unnamed"


@lru_cache(maxsize=1024)
def _clean_short_key(name: str) -> str:
    return clean_text(name) or "unnamed"


def _apply_quality(found: Findings, doubts: Any) -> None:
    """What the machine itself doubts, where it says so in our words. A bad value is None."""
    for name, word in doubts.items() if isinstance(doubts, dict) else ():
        field, _, key = name.partition(".")
        if word not in _QUALITIES or field not in (NESTED_FIELDS if key else VALUE_FIELDS):
            continue
        holder = found.values[field] if key else found.values
        if (key or field) in holder:
            found.quality.setdefault(name, word)
            holder[key or field] = None if word == "bad" else holder[key or field]


def _nothing_found(document: Any, *, mapped: bool) -> str:
    if mapped:
        return f"The answer holds none of the mapped values. {list_found(document)} Correct additional_config.mapping."
    return (
        f"The answer holds none of the names we know, such as temperature. {list_found(document)} "
        "Say under additional_config.mapping which of them is what."
    )


def list_found(document: Any) -> str:
    names = [name for _, name in zip(range(_NAMED_KEYS), _key_paths(document), strict=False)]
    return f"Found: {', '.join(names)}." if names else "Found no keys at all."


def _key_paths(node: Any) -> Iterator[str]:
    """The dotted paths of the values, breadth first, two levels down: what a mapping would be written with."""
    waiting: list[tuple[str, Any]] = [("", node)]
    while waiting:
        path, node = waiting.pop(0)
        if isinstance(node, list):
            node = {f"[{number}]": item for number, item in enumerate(node[:3])}
        if not isinstance(node, dict):
            continue
        for key, item in list(node.items())[:50]:
            name = clean_text(str(key))[:40]
            full = f"{path}{'' if not path or name.startswith('[') else '.'}{name}"
            if isinstance(item, dict | list) and item and full.count(".") < 3:
                waiting.append((full, item))
            else:
                yield full
