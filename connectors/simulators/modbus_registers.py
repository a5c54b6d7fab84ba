"""The demo's Modbus map: an oven's reading as registers, and the points with which our connector reads them back.

The addresses up to 47, holding 100 to 105, the coils and the discretes are those of protocols.md 6.4 [A]; the rest is
what other ovens have. All of it is ours: no maker's list is behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.modbus_codec import Order, PointType, StringOrder, encode
from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

from .fleet import OvenSpec
from .sensors import ALARMS, CORE

Registers = dict[str, dict[int, int]]  # table -> address -> register

_SENSOR_OPEN = -32768
_UNKNOWN = 0xFFFF
_UNKNOWN_LONG = 0xFFFFFFFF
_NOT_A_NUMBER = "0x7FC00000"
_BURNER_BIT = 8
# ChamberMode of OPC 30200. It has no number for an error: that is a bit of its own.
_MODES: Mapping[OperationalStatus, int] = {
    OperationalStatus.UNKNOWN: 0, OperationalStatus.OFF: 1, OperationalStatus.STANDBY: 3,
    OperationalStatus.PREHEATING: 4, OperationalStatus.COOLING: 5, OperationalStatus.CLEANING: 7,
    OperationalStatus.MAINTENANCE: 9, OperationalStatus.PAUSED: 12, OperationalStatus.IDLE: 15,
    OperationalStatus.ERROR: 15, OperationalStatus.RUNNING: 17,
}  # fmt: skip
_STAGES: Mapping[CycleStage, int] = {stage: number for number, stage in enumerate(CycleStage)}
_ALARMS: Mapping[str, int] = {text: number for number, text in enumerate(ALARMS.values(), start=1)}
_MODE_WORDS = {str(number): str(status) for status, number in _MODES.items() if status is not OperationalStatus.ERROR}
_MODE_WORDS |= {"18": "running", "14": "running"}


def write_registers(reading: Reading) -> Registers:
    """Everything the oven's map holds at this moment. What is not in it answers exception 2."""
    further = reading.additional_sensors
    seconds = None if reading.time_remaining_minutes is None else reading.time_remaining_minutes * 60
    memory = _Memory()
    memory.put_temperatures("input", 0, reading.temperature_zones, _SENSOR_OPEN)
    memory.put_temperatures("holding", 100, reading.target_temperature_zones, _SENSOR_OPEN)
    memory.put(9, "uint16", None if reading.cycle_stage is None else _STAGES[reading.cycle_stage], _UNKNOWN)
    memory.put(10, "uint16", _mode_of(reading), _UNKNOWN)
    memory.put(11, "uint16", _bits_of(reading), _UNKNOWN)
    memory.put(12, "uint16", _whole_time(seconds, reading.cycle_progress_percentage), _UNKNOWN)
    memory.put(13, "uint16", seconds, _UNKNOWN)
    memory.put(20, "float32", reading.humidity, float("nan"), order="CDAB")
    memory.put(22, "uint32", _scaled(reading.energy_consumption_kwh, 1000), _UNKNOWN_LONG)
    memory.put(24, "uint64", _scaled(further.get("operating_hours"), 3600), (1 << 64) - 1)
    memory.put_text(40, 8, further.get("programme", ""), "AB")
    memory.put_text(48, 2, further.get("batch_number", ""), "BA")
    memory.put(50, "uint32", round(reading.reading_time.timestamp()), 0)
    memory.put(53, "uint16", _scaled(reading.steam_level, 10), _UNKNOWN)
    memory.put(54, "uint16", _scaled(reading.motor_speed, 10), _UNKNOWN)
    memory.put(55, "uint32", _scaled(reading.product_weight, 1000), _UNKNOWN_LONG, order="DCBA")
    memory.put(57, "uint16", _scaled(reading.moisture_content, 10), _UNKNOWN)
    memory.put(58, "uint16", _scaled(reading.cycle_progress_percentage, 10), _UNKNOWN)
    memory.put(60, "uint16", _ALARMS.get(further.get("alarm", ""), 0), 0)
    door = int(reading.door_status is DoorStatus.OPEN)
    memory.tables["discrete"] = dict.fromkeys(range(3), door)
    is_on = reading.operational_status is not OperationalStatus.OFF
    memory.tables["coil"] = {0: int(is_on), 1: int(reading.cycle_stage is CycleStage.STEAMING)}
    return memory.tables


def blank(reading: Reading) -> Reading:
    """The same oven with every instrument disconnected: the clock goes on."""
    zones = dict.fromkeys(reading.temperature_zones)
    return replace(Reading(reading_time=reading.reading_time), temperature_zones=zones)


def list_points(spec: OvenSpec) -> list[dict[str, Any]]:
    """`additional_config.points` with which our connector reads this oven."""
    points: list[dict[str, Any]] = []
    for zone, place in _places_of([zone.name for zone in spec.body.zones], has_core=spec.body.has_probe).items():
        number = {"type": "int16", "scale": 0.1}
        measured = {"table": "input", "address": place, **number, "nan": [_SENSOR_OPEN]}
        points.append({"field": f"temperature_zones.{zone}", **measured})
        if zone in ("cabinet", "deck_1"):
            points.append({"field": "temperature", **measured})
        if zone == CORE:
            continue
        target = {"table": "holding", "address": 100 + place, **number, "unknown": [_SENSOR_OPEN]}
        points.append({"field": f"target_temperature_zones.{zone}", **target})
        if zone in ("cabinet", "deck_1"):
            points.append({"field": "target_temperature", **target})
    return points + [{"table": "input", **point} for point in _FURTHER_POINTS]


_TENTHS: dict[str, Any] = {"type": "uint16", "scale": 0.1, "unknown": [_UNKNOWN]}
_FURTHER_POINTS: Sequence[dict[str, Any]] = (
    {"field": "timestamp", "address": 50, "type": "uint32", "unit": "s"},
    {"field": "operational_status", "address": 11, "type": "bit", "bit": _BURNER_BIT, "enum": {"true": "error"},
     "unknown": [_UNKNOWN]},
    {"field": "operational_status", "address": 10, "type": "uint16", "enum": _MODE_WORDS, "unknown": [_UNKNOWN]},
    {"field": "cycle_stage", "address": 9, "type": "uint16", "unknown": [_UNKNOWN],
     "enum": {str(number): str(stage) for stage, number in _STAGES.items()}},
    {"field": "time_remaining_minutes", "address": 13, "type": "uint16", "unit": "s", "unknown": [_UNKNOWN]},
    {"field": "humidity", "address": 20, "type": "float32", "order": "CDAB", "nan": [_NOT_A_NUMBER]},
    {"field": "energy_consumption_kwh", "address": 22, "type": "uint32", "unit": "Wh", "unknown": [_UNKNOWN_LONG]},
    {"field": "additional_sensors.operating_hours", "address": 24, "type": "uint64", "scale": 1 / 3600,
     "unknown": ["0xFFFFFFFFFFFFFFFF"]},
    {"field": "additional_sensors.programme", "address": 40, "type": "string", "count": 8},
    {"field": "additional_sensors.batch_number", "address": 48, "type": "string", "count": 2, "string_order": "BA"},
    {"field": "steam_level", "address": 53, **_TENTHS},
    {"field": "motor_speed", "address": 54, **_TENTHS},
    {"field": "product_weight", "address": 55, "type": "uint32", "order": "DCBA", "unit": "g",
     "unknown": [_UNKNOWN_LONG]},
    {"field": "moisture_content", "address": 57, **_TENTHS},
    {"field": "cycle_progress_percentage", "address": 58, **_TENTHS},
    {"field": "additional_sensors.alarm", "address": 60, "type": "uint16", "unknown": [0],
     "enum": {str(number): text for text, number in _ALARMS.items()}},
    {"field": "door_status", "table": "discrete", "address": 0, "enum": {"true": "open", "false": "closed"}},
)  # fmt: skip


class _Memory:
    """The registers while they are being filled."""

    def __init__(self) -> None:
        self.tables: Registers = {"input": {}, "holding": {}}

    def put(self, address: int, kind: PointType, value: float | None, unknown: float, *, order: Order = "ABCD") -> None:
        words = encode(kind, unknown if value is None else value, order)
        self.tables["input"].update(enumerate(words, address))

    def put_text(self, address: int, count: int, text: str, order: StringOrder) -> None:
        short = text.encode()[: 2 * count].decode(errors="ignore")
        self.tables["input"].update(enumerate(encode("string", short, count=count, string_order=order), address))

    def put_temperatures(self, table: str, start: int, zones: Mapping[str, float | None], unknown: int) -> None:
        """In tenths. The whole row is there, also for decks that this oven does not have."""
        row = dict.fromkeys(range(9), unknown)
        for name, place in _places_of(zones, has_core=CORE in zones).items():
            value = zones.get(name)
            row[place] = unknown if value is None else round(value * 10)
        self.tables[table].update({start + place: encode("int16", value)[0] for place, value in row.items()})


def _places_of(zones: Iterable[str], *, has_core: bool) -> dict[str, int]:
    """Zone -> place in the row: deck n's top 2n-2, bottom 2n-1, mean 5+n; an oven without decks: cabinet 0, core 1."""
    decks = sorted({name[:6] for name in zones if name.startswith("deck_")})
    if not decks:
        return {"cabinet": 0, CORE: 1} if has_core else {"cabinet": 0}
    places: dict[str, int] = {}
    for index, deck in enumerate(decks):
        places |= {f"{deck}_top": 2 * index, f"{deck}_bottom": 2 * index + 1, deck: 6 + index}
    return places


def _mode_of(reading: Reading) -> int | None:
    if reading.operational_status is OperationalStatus.RUNNING and reading.cycle_stage is CycleStage.STEAMING:
        return 18
    return None if reading.operational_status is None else _MODES[reading.operational_status]


def _bits_of(reading: Reading) -> int | None:
    """Bits 0 to 2 doors, 8 burner fault, 9 over temperature, 10 water missing."""
    if reading.operational_status is None:
        return None
    doors = 0b111 if reading.door_status is DoorStatus.OPEN else 0
    return doors | (reading.operational_status is OperationalStatus.ERROR) << _BURNER_BIT


def _whole_time(seconds: int | None, progress: float | None) -> int | None:
    if seconds is None or progress is None or progress >= 100:
        return seconds
    return min(round(seconds / (1 - progress / 100)), _UNKNOWN - 1)


def _scaled(value: float | None, factor: float) -> int | None:
    return None if value is None else round(value * factor)
