"""The JSON that the simulated controls speak, and the settings with which our connector reads it.

One shape uses the guide's names; the others are what makers do: tenths in arrays, Fahrenheit and megajoules, numerals
as text with words of state as numbers.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.reading import (
    VALUE_FIELDS,
    ZONE_FIELDS,
    CycleStage,
    DoorStatus,
    OperationalStatus,
    Reading,
)

Document = dict[str, Any]
_SENSOR_OPEN = -32768  # what a controller sends in place of a temperature when the sensor's wire is broken
_BROKEN_TEXT = "---"


class Shape(StrEnum):
    GUIDE = "guide"
    TENTHS = "tenths"
    FAHRENHEIT = "fahrenheit"
    TEXT = "text"


STATE_WORDS: Mapping[OperationalStatus, str] = {
    OperationalStatus.OFF: "OFF",
    OperationalStatus.IDLE: "READY",
    OperationalStatus.PREHEATING: "HEATING",
    OperationalStatus.RUNNING: "BAKING",
    OperationalStatus.COOLING: "COOLING",
    OperationalStatus.CLEANING: "CARE",
    OperationalStatus.ERROR: "FAULT",
}
STATE_NUMBERS = {status: str(10 * number) for number, status in enumerate(STATE_WORDS)}
STAGE_WORDS: Mapping[CycleStage, str] = {
    CycleStage.NONE: "-",
    CycleStage.PREHEATING: "HEAT",
    CycleStage.STEAMING: "STEAM",
    CycleStage.BAKING: "BAKE",
    CycleStage.RESTING: "DRY",
    CycleStage.COOLING: "COOL",
    CycleStage.CLEANING: "WASH",
    CycleStage.FINISHED: "DONE",
}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _scaled(value: float | None, factor: float) -> int | None:
    return None if value is None else round(value * factor)


def _tenths(values: Mapping[str, float | None], name: str, *, measured: bool) -> int | None:
    """A measured temperature that is missing has a broken sensor; a target that is missing is just not set."""
    value = values.get(name)
    return _SENSOR_OPEN if value is None and measured else _scaled(value, 10)


def _guide(key: str, reading: Reading) -> Document:
    document: Document = {"equipment_id": key, "timestamp": _iso(reading.reading_time)}
    document |= {name: getattr(reading, name) for name in (*VALUE_FIELDS, *ZONE_FIELDS, "additional_sensors")}
    return document | ({"quality": reading.quality} if reading.quality else {})


def _deck_names(reading: Reading) -> list[str]:
    return [name.removesuffix("_top") for name in reading.temperature_zones if name.endswith("_top")]


def _cycle(reading: Reading) -> tuple[str | None, str | None]:
    return reading.additional_sensors.get("programme"), reading.additional_sensors.get("batch_number")


def _state(words: Mapping[OperationalStatus, str], reading: Reading) -> str | None:
    return words[reading.operational_status] if reading.operational_status else None


def _stage(reading: Reading) -> str | None:
    return STAGE_WORDS[reading.cycle_stage] if reading.cycle_stage else None


def _cavity(reading: Reading, number: int, deck: str) -> Document:
    pair = (f"{deck}_top", f"{deck}_bottom")
    return {
        "no": number,
        "actual": [_tenths(reading.temperature_zones, name, measured=True) for name in pair],
        "set": [_tenths(reading.target_temperature_zones, name, measured=False) for name in pair],
    }


def _tenths_document(key: str, reading: Reading) -> Document:
    product, batch = _cycle(reading)
    return {
        "unit": key,
        "clock": round(reading.reading_time.timestamp() * 1000),
        "mode": _state(STATE_WORDS, reading),
        "cavity": [_cavity(reading, number, deck) for number, deck in enumerate(_deck_names(reading), start=1)],
        "air": {"rh": _scaled(reading.humidity, 10), "boiler": _scaled(reading.steam_level, 10)},
        "cycle": {
            "phase": _stage(reading),
            "permille": _scaled(reading.cycle_progress_percentage, 10),
            "seconds-left": _scaled(reading.time_remaining_minutes, 60),
            "product": product,
            "batch": batch,
        },
        "load": {"grams": _scaled(reading.product_weight, 1000), "water": _scaled(reading.moisture_content, 10)},
        "meter": {"wh": _scaled(reading.energy_consumption_kwh, 1000), "hours": _hours(reading)},
        "door": None if reading.door_status is None else int(reading.door_status is DoorStatus.OPEN),
        "fan": reading.motor_speed,
        "alarm": reading.additional_sensors.get("alarm"),
    }


def _hours(reading: Reading) -> float | None:
    return reading.additional_sensors.get("operating_hours")


def _fahrenheit(value: float | None) -> float | None:
    return None if value is None else round(value * 9 / 5 + 32, 2)


def _fahrenheit_document(key: str, reading: Reading) -> Document:
    product, batch = _cycle(reading)
    energy = reading.energy_consumption_kwh
    return {
        "oven": {
            "id": key,
            "time": _iso(reading.reading_time),
            "state": {"name": _state(STATE_WORDS, reading), "step": _stage(reading)},
            "temps_f": {
                "chamber": _fahrenheit(reading.temperature),
                "setpoint": _fahrenheit(reading.target_temperature),
                "probes": [_fahrenheit(reading.temperature_zones.get("core"))],
            },
            "humidity_ratio": None if reading.humidity is None else round(reading.humidity / 100, 4),
            "energy_mj": None if energy is None else round(energy * 3.6, 4),
            "door_open": None if reading.door_status is None else reading.door_status is DoorStatus.OPEN,
            "blower": {"pct": reading.motor_speed},
            "boiler": {"pct": reading.steam_level},
        },
        "job": {
            "name": product,
            "number": batch,
            "done_pct": reading.cycle_progress_percentage,
            "ms_left": _scaled(reading.time_remaining_minutes, 60_000),
            "dough_lb": None if reading.product_weight is None else round(reading.product_weight / 0.45359237, 3),
            "moisture_pct": reading.moisture_content,
        },
        "hours_run": _hours(reading),
        "alarms": [alarm] if (alarm := reading.additional_sensors.get("alarm")) else [],
    }


def _text(value: float | None) -> str:
    return "" if value is None else f"{value}"


def _text_document(key: str, reading: Reading) -> Document:
    product, batch = _cycle(reading)
    actual, target = reading.temperature_zones, reading.target_temperature_zones
    decks = _deck_names(reading)
    door = reading.door_status is DoorStatus.OPEN
    fault = reading.operational_status is OperationalStatus.ERROR
    document: Document = {"_src": [key, 0], "_cmd": "wr", "_ts": _iso(reading.reading_time)}
    for side in ("top", "bottom"):
        document[f"act_temp_{side}"] = [_text(actual.get(f"{deck}_{side}")) or _BROKEN_TEXT for deck in decks]
        document[f"set_temp_{side}"] = [_text(target.get(f"{deck}_{side}")) for deck in decks]
    return document | {
        "rel_hum": _text(reading.humidity),
        "state": _state(STATE_NUMBERS, reading) or "",
        "phase": _stage(reading) or "",
        "flags": f"{fault << 1 | door:08b}" if reading.door_status else "",
        "pct_done": _text(reading.cycle_progress_percentage),
        "sec_left": _text(_scaled(reading.time_remaining_minutes, 60)),
        "kwh": _text(reading.energy_consumption_kwh),
        "fan_pct": _text(reading.motor_speed),
        "boiler_pct": _text(reading.steam_level),
        "load_kg": _text(reading.product_weight),
        "moist_pct": _text(reading.moisture_content),
        "hours": _text(_hours(reading)),
        "prog_name": product or "",
        "batch_no": batch or "",
        "alarm": reading.additional_sensors.get("alarm", ""),
    }


_WRITERS: Mapping[Shape, Callable[[str, Reading], Document]] = {
    Shape.GUIDE: _guide,
    Shape.TENTHS: _tenths_document,
    Shape.FAHRENHEIT: _fahrenheit_document,
    Shape.TEXT: _text_document,
}


def write_document(shape: Shape, key: str, reading: Reading) -> Document:
    return _WRITERS[shape](key, reading)


def write_status(key: str, reading: Reading) -> Document:
    """The short answer of the status endpoint, in the guide's words for every shape."""
    names = ("operational_status", "cycle_stage", "door_status")
    document: Document = {"equipment_id": key, "timestamp": _iso(reading.reading_time)}
    return document | {name: getattr(reading, name) for name in names}
