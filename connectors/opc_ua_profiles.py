"""Which browse name of a known device type is which field. Pure.

Numbers of states: OPC 30200 (nodeset of 2019-07-12); what they mean to us: protocols.md, section 1. Servers may have
further variables, as Rational's does: they become additional sensors.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .mapping_settings import PathSpec, SensorSpec
from .opc_ua_kitchen import take_combi_steamer, take_microwave, take_oven
from .opc_ua_machines import take_packml, take_weihenstephan
from .opc_ua_settings import NAMESPACES
from .opc_ua_values import Gathering, Measured, Path, Sample, finish
from .reading import OperationalStatus, Reading
from .values import UNITS, BadValueError, clean_text

_MOST_SENSORS = 100
_MOST_ALARMS = 5
_ACTIVE = ("active", "true", "on")
# Of every device; read once to choose it, not with every reading.
IDENTITY = ("SerialNumber", "Model", "Manufacturer", "DeviceClass", "DeviceLocationName", "Location")
_FIRST_ZONES = ("cabinet", "deck_1", "chamber", "oven")


class Kind(StrEnum):
    COMBI_STEAMER = "combi steamer"
    OVEN = "oven"
    MICROWAVE = "microwave combi oven"
    PACKML = "PackML machine"
    WEIHENSTEPHAN = "Weihenstephan machine"


class DeviceType(NamedTuple):
    """An object type by the URI of its namespace and its number in the nodeset."""

    uri: str
    number: int


PROFILES: Mapping[str, Mapping[DeviceType, Kind]] = {
    "cke": {
        DeviceType(NAMESPACES["cke"], 1011): Kind.COMBI_STEAMER,
        DeviceType(NAMESPACES["cke"], 1013): Kind.OVEN,
        DeviceType(NAMESPACES["cke"], 1034): Kind.MICROWAVE,
    },
    "packml": {DeviceType(NAMESPACES["packml"], 6): Kind.PACKML},
    "ws": {DeviceType(NAMESPACES["weihenstephan"], 1000): Kind.WEIHENSTEPHAN},
    "none": {},
}
_TAKERS: Mapping[Kind, Callable[[Gathering], None]] = {
    Kind.COMBI_STEAMER: take_combi_steamer,
    Kind.OVEN: take_oven,
    Kind.MICROWAVE: take_microwave,
    Kind.PACKML: take_packml,
    Kind.WEIHENSTEPHAN: take_weihenstephan,
}


def is_worth_reading(path: Path) -> bool:
    """Whether a variable below a device can tell something new with each reading."""
    top, name = path[0], path[-1]
    if len(path) == 1:
        return name not in IDENTITY and not name.startswith("IsWith") and name != "EnergySource"
    return top not in ("Identification", "HACCPValues", "InformationConditions", "Documentation")


def parse_device(kind: Kind, values: Mapping[Path, Measured]) -> Gathering:
    """The fields of one device; what a profile does not know becomes an additional sensor."""
    gathering = Gathering(values)
    _TAKERS[kind](gathering)
    gathering.take("additional_sensors.batch_number", SensorSpec, ("BatchInformation", "BatchId"))
    _take_alarms(gathering)
    _note_failure(gathering)
    _take_rest(gathering)
    return gathering


class Point(NamedTuple):
    """A variable that somebody has mapped to a field by hand."""

    field: str
    spec: PathSpec
    sample: Sample


def parse_values(
    kind: Kind | None,
    values: Mapping[Path, Measured],
    points: Sequence[Point] = (),
    *,
    received_at: datetime,
    clock: str = "source",
) -> Reading:
    """The reading of one device; points come over what its profile says. A ConnectorError if no value is good."""
    gathering = parse_device(kind, values) if kind else Gathering(values)
    for point in points:
        gathering.found.quality.pop(point.field, None)
        gathering.found.take(point.field, point.spec, point.sample.raw)
        if point.sample.doubt:
            gathering.found.quality.setdefault(point.field, point.sample.doubt)
    _take_first_zone(gathering)
    samples = [*(measured.sample for measured in values.values()), *(point.sample for point in points)]
    return finish(gathering.found, samples, received_at=received_at, clock=clock)


def _take_first_zone(gathering: Gathering) -> None:
    """`temperature` is the chamber of the first zone, its quality included."""
    found = gathering.found
    for field, zones in (("temperature", "temperature_zones"), ("target_temperature", "target_temperature_zones")):
        known = [name for name in _FIRST_ZONES if name in found.values[zones] or f"{zones}.{name}" in found.quality]
        if field in found.values or not known:
            continue
        found.values[field] = found.values[zones].get(known[0])
        if doubt := found.quality.get(f"{zones}.{known[0]}"):
            found.quality[field] = doubt


def _take_alarms(gathering: Gathering) -> None:
    """The texts of what is active under ErrorConditions: by ActiveState/Id, else by the state's text."""
    active: list[str] = []
    for path in gathering.values:
        if path[0] == "ErrorConditions":
            gathering.used.add(path)
            if path[2:] in ((), ("ActiveState",)) and _is_active(gathering.values, path):
                active.append(_alarm_text(gathering.values, path[:2]))
    if active:
        gathering.found.values["additional_sensors"]["alarm"] = "; ".join(active[:_MOST_ALARMS])


def _note_failure(gathering: Gathering) -> None:
    """OPC 30200 has no chamber mode for a fault: none at all and an active error is one."""
    found = gathering.found.values
    if found.get("operational_status") is OperationalStatus.UNKNOWN and "alarm" in found["additional_sensors"]:
        found["operational_status"] = OperationalStatus.ERROR


def _is_active(values: Mapping[Path, Measured], path: Path) -> bool:
    measured = values.get((*path, "Id")) or values[path]
    raw = measured.sample.raw
    return raw is True or (isinstance(raw, str) and raw.strip().lower() in _ACTIVE)


def _alarm_text(values: Mapping[Path, Measured], condition: Path) -> str:
    message = values.get((*condition, "Message"))
    text = message.sample.raw if message else None
    return clean_text(text) if isinstance(text, str) and text.strip() else clean_text(condition[-1])


def _free_name(path: Path, sensors: Mapping[str, object]) -> str:
    """The variable's own, else its whole path, else with a number."""
    name, whole = clean_text(path[-1]) or "unnamed", clean_text("_".join(path)) or "unnamed"
    numbered = (f"{whole}_{number}" for number in range(2, _MOST_SENSORS + 3))
    return next(candidate for candidate in (name, whole, *numbered) if candidate not in sensors)


def _take_rest(gathering: Gathering) -> None:
    """What is left, under its own name; Fahrenheit becomes °C here too."""
    sensors = gathering.found.values["additional_sensors"]
    for path, measured in gathering.values.items():
        raw = measured.sample.raw
        if path in gathering.used or len(sensors) >= _MOST_SENSORS:
            continue
        if not isinstance(raw, bool | int | float | str | BadValueError):
            continue
        name = _free_name(path, sensors)
        factor, addend = UNITS[measured.unit] if measured.unit in ("°F", "K") else (1.0, 0.0)
        gathering.found.take(f"additional_sensors.{name}", SensorSpec(path="@", scale=factor, offset=addend), raw)
        if measured.sample.doubt:
            gathering.found.quality.setdefault(f"additional_sensors.{name}", measured.sample.doubt)
