"""Home Assistant's MQTT discovery as an import aid: what devices announce becomes settings for our connector. Pure.

An announcement is retained at `homeassistant/<component>/[<node>/]<object>/config`. It may hold a template; only
`{{ value_json.x.y }}` and `{{ value_json['x'] }}` are understood, and none is ever run.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ConfigurationError
from .mqtt_settings import check_filter
from .values import clean_text

LARGEST_ANNOUNCEMENT = 100_000
_MOST_ENTITIES = 500
_COMPONENTS = ("sensor", "binary_sensor")
_TEMPLATE = re.compile(
    r"\{\{\s*value_json((?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:'[^'\[\]\\]*'|\"[^\"\[\]\\]*\")\])+)\s*\}\}"
)
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_WHOLE = re.compile(r"\{\{\s*value\s*\}\}")

# Announcements may write keys short, and `~` for a beginning that topics share.
_SHORT = {
    "stat_t": "state_topic", "val_tpl": "value_template", "unit_of_meas": "unit_of_measurement",
    "dev_cla": "device_class", "avty_t": "availability_topic", "avty": "availability", "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available", "pl_on": "payload_on", "pl_off": "payload_off", "dev": "device",
    "ids": "identifiers", "mf": "manufacturer", "mdl": "model", "cmps": "components", "p": "platform",
    "obj_id": "object_id", "uniq_id": "unique_id", "t": "topic",
}  # fmt: skip
_UNITS = {"°C": "°C", "°F": "°F", "K": "K", "C": "°C", "F": "°F"}
_ENERGY = {"kWh": "kWh", "Wh": "Wh", "MWh": "MWh", "MJ": "MJ"}
_WEIGHT = {"kg": "kg", "g": "g", "lb": "lb"}
_DOORS = ("door", "opening", "garage_door", "window")


class RefusedError(ValueError):
    """This announcement cannot become a setting; the message says why."""


@dataclass
class _Device:
    name: str
    manufacturer: str
    model: str
    topics: dict[str, str] = field(default_factory=dict)  # topic -> our name for it
    mapping: dict[str, Any] = field(default_factory=dict)
    availability: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def discovery_filters(prefix: str) -> tuple[str, ...]:
    return (f"{prefix}/+/+/config", f"{prefix}/+/+/+/config")


def list_devices(announcements: Mapping[str, bytes], prefix: str = "homeassistant") -> list[dict[str, Any]]:
    """One row per device: name, manufacturer, model, settings for `additional_config`, and what was refused and why."""
    devices: dict[str, _Device] = {}
    for topic, payload in sorted(announcements.items()):
        for component, entity in _list_entities(topic.removeprefix(f"{prefix}/"), payload):
            device = _find_device(devices, topic, entity)
            try:
                _add_entity(device, component, entity)
            except RefusedError as error:
                device.refused.append(f"{_name_of(entity, topic)}: {error}")
    return [_row(device) for device in devices.values()]


def path_in_template(template: str | None) -> str | None:
    """The JMESPath that a template stands for; None for the whole message. RefusedError for all that computes."""
    if template is None or not template.strip() or _WHOLE.fullmatch(template.strip()):
        return None
    found = _TEMPLATE.fullmatch(template.strip())
    if not found:
        raise RefusedError("its value_template computes, and we run no programs of devices; map the value by hand")
    steps = ("".join(step) for step in _STEP.findall(found[1]))
    return ".".join(step if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", step) else json.dumps(step) for step in steps)


def _list_entities(below: str, payload: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """(component, announcement) of each value; a whole device may announce itself in one message."""
    component = below.partition("/")[0]
    try:
        document = json.loads(payload.decode()) if 0 < len(payload) <= LARGEST_ANNOUNCEMENT else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return
    entity = _spell_out(document)
    if component != "device":
        yield component, entity
        return
    components = entity.get("components")
    for own in list((components if isinstance(components, dict) else {}).values())[:_MOST_ENTITIES]:
        if isinstance(own, dict):
            shared = {key: entity[key] for key in entity if key not in ("components", "platform")}
            single = {**shared, **_spell_out(own)}
            yield str(single.get("platform", "")), single


def _spell_out(document: Mapping[str, Any]) -> dict[str, Any]:
    entity = {_SHORT.get(key, key): value for key, value in document.items()}
    if isinstance(device := entity.get("device"), dict):
        entity["device"] = {_SHORT.get(key, key): value for key, value in device.items()}
    if isinstance(base := entity.get("~"), str):
        for key in ("state_topic", "availability_topic"):
            if isinstance(topic := entity.get(key), str):
                entity[key] = re.sub(r"^~|~$", lambda _: base, topic)
    return entity


def _find_device(devices: dict[str, _Device], topic: str, entity: Mapping[str, Any]) -> _Device:
    told = entity.get("device")
    about: Mapping[str, Any] = told if isinstance(told, dict) else {}
    ids = about.get("identifiers")
    own = ids[0] if isinstance(ids, list) and ids else ids
    name = _text(about.get("name")) or _text(own) or topic.split("/")[-2]
    key = _text(own) or name
    if key not in devices:
        devices[key] = _Device(name, _text(about.get("manufacturer")), _text(about.get("model")))
    return devices[key]


def _add_entity(device: _Device, component: str, entity: Mapping[str, Any]) -> None:
    if component not in _COMPONENTS:
        raise RefusedError(f"{clean_text(component) or 'this'} is not a measured value")
    template = entity.get("value_template")
    path = path_in_template(template if isinstance(template, str) else None)
    topic = _topic(entity.get("state_topic"))
    source = device.topics.setdefault(topic, f"t{len(device.topics)}")
    field_name, spec = _field_of(device, component, entity)
    spec = {"path": source if path is None else f"{source}.{path}", **spec}
    group, _, key = field_name.partition(".")
    if key:
        device.mapping.setdefault(group, {})[key] = spec
    else:
        device.mapping[group] = spec
    if not device.availability:
        device.availability = _availability(entity)


def _topic(raw: object) -> str:
    try:
        if isinstance(raw, str) and raw.strip() and "+" not in raw and "#" not in raw and "{" not in raw:
            return check_filter(raw)
    except (ValueError, ConfigurationError):
        pass
    raise RefusedError("it names no topic that we could read")


def _field_of(device: _Device, component: str, entity: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Our field for a value, and how to convert it, by what it says of itself."""
    kind, unit = _text(entity.get("device_class")), _text(entity.get("unit_of_measurement"))
    name = _key(entity)
    if component == "binary_sensor":
        words = {
            _text(entity.get("payload_on", "ON")) or "ON": "open",
            _text(entity.get("payload_off", "OFF")) or "OFF": "closed",
        }
        if kind in _DOORS and "door_status" not in device.mapping:
            return "door_status", {"enum": words}
    elif unit in _UNITS and kind in ("temperature", ""):
        return f"temperature_zones.{name}", {"unit": _UNITS[unit]}
    elif kind == "humidity" and "humidity" not in device.mapping:
        return "humidity", {}
    elif kind == "energy" and unit in _ENERGY and "energy_consumption_kwh" not in device.mapping:
        return "energy_consumption_kwh", {"unit": _ENERGY[unit]}
    elif kind == "weight" and unit in _WEIGHT and "product_weight" not in device.mapping:
        return "product_weight", {"unit": _WEIGHT[unit]}
    return f"additional_sensors.{name}", {"type": "number"} if unit else {}


def _key(entity: Mapping[str, Any]) -> str:
    for raw in (entity.get("name"), entity.get("object_id"), entity.get("unique_id")):
        if found := re.sub(r"[^a-z0-9]+", "_", _text(raw).casefold()).strip("_")[:60]:
            return found
    return "value"


def _availability(entity: Mapping[str, Any]) -> dict[str, str]:
    several = entity.get("availability")
    told = _spell_out(several[0]) if isinstance(several, list) and several and isinstance(several[0], dict) else entity
    try:
        topic = _topic(told.get("availability_topic") or told.get("topic"))
    except RefusedError:
        return {}
    words = {name: _text(told.get(name)) for name in ("payload_available", "payload_not_available")}
    return {"availability_topic": topic, **{name: word for name, word in words.items() if word}}


def _row(device: _Device) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if device.mapping:
        topics = {name: topic for topic, name in device.topics.items()}
        settings = {"format": "raw", "topics": topics, "mapping": device.mapping, **device.availability}
    return {
        "name": device.name,
        "manufacturer": device.manufacturer,
        "model": device.model,
        "settings": settings,
        "refused": "; ".join(device.refused)[:2000],
    }


def _name_of(entity: Mapping[str, Any], topic: str) -> str:
    return _text(entity.get("name")) or clean_text(topic.split("/")[-2])


def _text(raw: object) -> str:
    return clean_text(raw) if isinstance(raw, str) else clean_text(str(raw)) if isinstance(raw, int | float) else ""
