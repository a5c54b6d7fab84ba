"""The JSON of ConnectedCooking's HACCP and programme lists, turned into records. Pure.

The public pages describe each value and name few of its keys: the keys tried here are partly assumed, and
`additional_config.haccp.fields` says where a value is if none of them fits.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .errors import ResponseError
from .findings import find_in
from .mapping import list_found
from .records import CookingProgramme, HaccpBatch
from .values import BadValueError, clean_text, parse_moment, parse_number, word_of

# Tried in this order. Known from the public pages: id, name, startDate, finished, deviceSerialNumber.
BATCH_KEYS: Mapping[str, tuple[str, ...]] = {
    "batch_id": ("haccpId", "batchId", "deviceBatchId", "haccpBatchId", "deviceHaccpId", "batchNumber", "id"),
    "serial_number": ("deviceSerialNumber", "serialNumber", "device.serialNumber"),
    "name": ("name", "programName"),
    "group_name": ("groupName", "group.name"),
    "device_name": ("deviceName", "device.name"),
    "started_at": ("startDate", "startTime", "startedAt"),
    "updated_at": ("updatedAt", "updateDate", "lastUpdated"),
    "finished": ("finished", "isFinished"),
    "total_seconds": ("totalTime", "totalSeconds", "duration"),
    "core_temperature_reached": ("coreTemperatureReached", "requiredCoreTemperatureReached", "coreTempReached"),
    "temperature_unit": ("temperatureUnit", "tempUnit", "unit"),
}
_PROGRAMME_KEYS: Mapping[str, tuple[str, ...]] = {
    "programme_id": ("id",),
    "uuid": ("uuid",),
    "name": ("name",),
    "kind": ("type",),
    "status": ("status", "simulated"),  # the second stands in the public page's example
    "group": ("groupId",),
    "device_family": ("deviceFamilyId",),
}
_LENGTHS = {"kind": 50, "status": 50, "device_family": 50, "uuid": 100, "group": 100, "serial_number": 100}
_LIST_KEYS = ("items", "content", "data", "results")
_LONGEST_ID = 100
_MOST_SECONDS = 2**31 - 1
_MOST_VERSIONS = 20
_DEEPEST = 20
_LONGEST_TEXT = 10_000
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def list_items(document: Any) -> list[dict[str, Any]]:
    """The objects of a page: a bare array, or one inside an object. ResponseError if there is none."""
    if isinstance(document, dict):
        document = next((document[key] for key in _LIST_KEYS if isinstance(document.get(key), list)), None)
    if not isinstance(document, list):
        raise ResponseError(
            "ConnectedCooking answered, but not with a list of records. Check the paths under additional_config.haccp.",
            code="mapping",
        )
    return [item for item in document if isinstance(item, dict)]


def parse_haccps(items: Sequence[Any], fields: Mapping[Any, str] | None = None) -> tuple[HaccpBatch, ...]:
    """Every item that bears a batch id, each id of a device once: the last one counts.

    ResponseError if there are items and none has one. `fields` are JMESPath by name, tried before our own.
    """
    found: dict[tuple[str, str], HaccpBatch] = {}
    for item in items:
        if isinstance(item, dict) and (batch := _parse_batch(item, fields or {})):
            found[batch.serial_number, batch.batch_id] = batch
    if items and not found:
        raise ResponseError(
            f"None of the HACCP batches bears an id. {list_found(items[0])} Say under additional_config.haccp.fields "
            "where batch_id is.",
            code="mapping",
        )
    return tuple(found.values())


def parse_programmes(items: Sequence[Any]) -> tuple[CookingProgramme, ...]:
    """Every programme that has an id, once. ResponseError if there are items and none has one."""
    found: dict[str, CookingProgramme] = {}
    for item in items:
        if isinstance(item, dict) and (own := _text(item, _PROGRAMME_KEYS["programme_id"], "programme_id")):
            texts = {name: _text(item, paths, name) for name, paths in _PROGRAMME_KEYS.items()}
            found[own] = CookingProgramme(**texts, document=clean_json(item))
    if items and not found:
        raise ResponseError(f"None of the cooking programmes bears an id. {list_found(items[0])}", code="mapping")
    return tuple(found.values())


def _parse_batch(item: dict[str, Any], fields: Mapping[Any, str]) -> HaccpBatch | None:
    paths = {name: ((fields[name],) if name in fields else ()) + keys for name, keys in BATCH_KEYS.items()}
    texts = {
        name: _text(item, paths[name], name)
        for name in ("batch_id", "serial_number", "name", "group_name", "device_name")
    }
    if not texts["batch_id"]:
        return None
    unit = _text(item, paths["temperature_unit"], "").lstrip("°").upper()[:1]
    return HaccpBatch(
        **texts,
        started_at=_moment(_first(item, paths["started_at"])),
        updated_at=_moment(_first(item, paths["updated_at"])),
        finished=_boolean(_first(item, paths["finished"])),
        total_seconds=_seconds(_first(item, paths["total_seconds"])),
        core_temperature_reached=_boolean(_first(item, paths["core_temperature_reached"])),
        temperature_unit=unit if unit in ("C", "F") else "",
        software_versions=_versions(item),
        document=clean_json(item),
    )


def _first(item: dict[str, Any], paths: Sequence[str]) -> Any:
    for path in paths:
        try:
            value = find_in(item, path)
        except BadValueError:
            continue
        if value is not None and value != "":
            return value
    return None


def _text(item: dict[str, Any], paths: Sequence[str], name: str) -> str:
    """An id that is too long is none: cut off, two could become one."""
    try:
        raw = _first(item, paths)
        text = "" if raw is None else word_of(raw)
    except BadValueError:
        return ""
    if name.endswith("_id"):
        return text if len(text) <= _LONGEST_ID else ""
    return text[: _LENGTHS.get(name, 200)]


def _moment(raw: Any) -> datetime | None:
    try:
        return parse_moment(raw, "iso", "UTC")
    except BadValueError:
        return None


def _boolean(raw: Any) -> bool | None:
    if isinstance(raw, str):
        return {"true": True, "false": False}.get(raw.strip().casefold())
    return raw if isinstance(raw, bool) else None


def _seconds(raw: Any) -> int | None:
    try:
        number = parse_number(raw)
    except BadValueError:
        return None
    return round(number) if number is not None and 0 <= number <= _MOST_SECONDS else None


def _versions(item: dict[str, Any]) -> dict[str, str]:
    """Every value whose key speaks of a version: application software, ExpertScript."""
    found: dict[str, str] = {}
    for key, raw in item.items():
        if "version" in key.casefold() and isinstance(raw, str | int | float) and len(found) < _MOST_VERSIONS:
            found[clean_text(key)] = _text({"v": raw}, ("v",), "")
    return found


def clean_json(value: Any, depth: int = 0) -> Any:
    """The same, without what PostgreSQL cannot keep: NUL, halves of surrogate pairs, numbers without an end."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {_clean(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("�", text)[:_LONGEST_TEXT]
