"""Which tag holds which value of a simulated oven, and the settings with which our connector reads it."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

_SENSOR_OPEN, _NOTHING = -32768.0, -9999.0  # what the control sends for a broken sensor, and where it knows nothing
_FORMATS = {"uint32": "<I", "int32": "<i", "float32": "<f"}
_STAGES = {stage: number for number, stage in enumerate(CycleStage, start=1)}
_COOLING = 5  # the maker's own tag of state knows more than the standard's bits
_STATE, _PROGRAM, _MODE = 300, 200, 100
# Standard bits of state, programme and mode; those of an oven that cools are the standard's nearest.
BITS: Mapping[OperationalStatus, tuple[int, int, int]] = {
    OperationalStatus.OFF: (1, 0, 1),
    OperationalStatus.STANDBY: (1, 1, 8),
    OperationalStatus.IDLE: (32768, 1, 8),
    OperationalStatus.PREHEATING: (2, 2, 8),
    OperationalStatus.RUNNING: (128, 1, 8),
    OperationalStatus.PAUSED: (8, 1, 8),
    OperationalStatus.COOLING: (256, 4, 8),
    OperationalStatus.CLEANING: (128, 8, 8),
    OperationalStatus.MAINTENANCE: (1, 32, 2),
    OperationalStatus.ERROR: (1024, 1, 8),
}


@dataclass(frozen=True)
class Tag:
    number: int
    type: str
    field: str
    value: Callable[[Reading], float | str | None]
    options: Mapping[str, Any] = made_by(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        return {"tag": self.number, "type": self.type, "field": self.field, **self.options}


def list_tags(reading: Reading) -> list[Tag]:
    """The tags of this oven. Which zones it has shows in any of its readings."""
    return [*_list_zones(reading), *_TAGS]


def _list_zones(reading: Reading) -> Iterator[Tag]:
    limits = {"bad": [_SENSOR_OPEN], "unknown": [_NOTHING]}
    for place, name in enumerate(reading.temperature_zones):
        yield Tag(40001 + place, "float32", f"temperature_zones.{name}", _measured(name), limits)
        if name != "core":
            field = f"target_temperature_zones.{name}"
            yield Tag(40101 + place, "float32", field, _target(name), {"unknown": [_NOTHING]})


def _measured(name: str) -> Callable[[Reading], float | None]:
    def value(reading: Reading) -> float | None:
        found = reading.temperature_zones.get(name)
        return _SENSOR_OPEN if found is None else found

    return value


def _target(name: str) -> Callable[[Reading], float | None]:
    return lambda reading: reading.target_temperature_zones.get(name)


def _float(number: int, field: str) -> Tag:
    return Tag(number, "float32", field, lambda reading: getattr(reading, field), {"unknown": [_NOTHING]})


def _sensor(name: str) -> Callable[[Reading], str]:
    return lambda reading: str(reading.additional_sensors.get(name) or "")


def _seconds_left(reading: Reading) -> int | None:
    minutes = reading.time_remaining_minutes
    return None if minutes is None else 60 * minutes


_UNKNOWN = {"unknown": [-1]}
_TAGS = (
    _float(40201, "humidity"),
    _float(40202, "motor_speed"),
    _float(40203, "steam_level"),
    _float(40204, "product_weight"),
    _float(40205, "moisture_content"),
    _float(40206, "cycle_progress_percentage"),
    Tag(
        50001,
        "uint32",
        "energy_consumption_kwh",
        lambda reading: round(1000 * (reading.energy_consumption_kwh or 0)),
        {"unit": "Wh"},
    ),
    Tag(
        50002,
        "uint32",
        "additional_sensors.operating_hours",
        lambda reading: round(100 * reading.additional_sensors.get("operating_hours", 0)),
        {"scale": 0.01},
    ),
    Tag(60001, "int32", "time_remaining_minutes", _seconds_left, {"unit": "s", **_UNKNOWN}),
    Tag(
        60002,
        "uint32",
        "operational_status",
        lambda reading: _COOLING if reading.operational_status is OperationalStatus.COOLING else 0,
        {"enum": {str(_COOLING): "cooling"}},
    ),
    Tag(
        60003,
        "int32",
        "cycle_stage",
        lambda reading: _STAGES[reading.cycle_stage] if reading.cycle_stage else None,
        {"enum": {str(number): str(stage) for stage, number in _STAGES.items()}, **_UNKNOWN},
    ),
    Tag(
        60004,
        "uint32",
        "door_status",
        lambda reading: 4 * (reading.door_status is DoorStatus.OPEN),
        {"bit": 2, "enum": {"false": "closed", "true": "open"}},
    ),
    Tag(61001, "string", "additional_sensors.programme", _sensor("programme")),
    Tag(61002, "string", "additional_sensors.batch_number", _sensor("batch_number"), {}),
    Tag(61003, "string", "additional_sensors.alarm", _sensor("alarm")),
)


def write_tags(reading: Reading, *, blank: bool = False) -> dict[int, bytes | str]:
    """What the control holds: 4 bytes or a text for each tag. `blank`: it has just started and knows nothing."""
    bits = BITS.get(reading.operational_status or OperationalStatus.OFF, (0, 0, 0))
    numbers = zip((_STATE, _PROGRAM, _MODE), (0, 0, 0) if blank else bits, strict=True)
    written: dict[int, bytes | str] = {number: struct.pack("<I", value) for number, value in numbers}
    for tag in list_tags(reading):
        value = None if blank else tag.value(reading)
        if tag.type == "string":
            written[tag.number] = str(value or "")
            continue
        nothing = {"float32": _NOTHING, "int32": -1}.get(tag.type, 0)
        written[tag.number] = struct.pack(_FORMATS[tag.type], nothing if value is None else value)
    return written
