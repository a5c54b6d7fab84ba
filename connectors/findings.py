"""Gathers the values of one document: each becomes ours, or None and a word in `quality`. Pure."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jmespath.exceptions import JMESPathError

from .mapping_settings import (
    DoorSpec,
    DurationSpec,
    EnergySpec,
    NumberSpec,
    PathSpec,
    PercentSpec,
    SensorSpec,
    StageSpec,
    StatusSpec,
    TemperatureSpec,
    WeightSpec,
    WordSpec,
    compile_path,
)
from .reading import VALUE_FIELDS, ZONE_FIELDS, CycleStage, DoorStatus, OperationalStatus
from .values import (
    UNITS,
    BadValueError,
    convert_number,
    parse_bits,
    parse_moment,
    parse_number,
    parse_plain,
    parse_word,
    word_of,
)

NESTED_FIELDS = (*ZONE_FIELDS, "additional_sensors")

_MISFITS = (JMESPathError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)

Quick = Callable[[Any], Any]  # None: look closer
Finish = Callable[[float], float | int | None]
_PLAIN = (float, int)
_LARGEST = 1e15
# What no oven, fridge or proofer can reach; percentages get room for a sensor that is a little off.
_BOUNDS: Mapping[type[PathSpec], tuple[float, float]] = {
    TemperatureSpec: (-100, 1500),
    PercentSpec: (-1, 110),
    EnergySpec: (0, 1e9),
    WeightSpec: (-1000, 100_000),
    DurationSpec: (-1e9, 20_160),
}


def bounds_of(spec: PathSpec) -> tuple[float, float] | None:
    return _BOUNDS.get(type(spec))


def find_in(document: Any, path: str) -> Any:
    """What JMESPath finds, None where there is nothing. BadValueError where the expression does not fit the data."""
    try:
        return compile_path(path).search(document)
    except _MISFITS as error:
        raise BadValueError("the expression does not fit") from error


class Findings:
    """The values and doubts collected so far."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {name: {} for name in NESTED_FIELDS}
        self.quality: dict[str, str] = {}
        self._known = False  # a key we know was there, even if empty

    def anything(self, *, mapped: bool) -> bool:
        if not mapped:
            return self._known
        nested = any(value is not None for name in NESTED_FIELDS for value in self.values[name].values())
        return bool(self.quality) or nested or any(self.values.get(name) is not None for name in VALUE_FIELDS)

    def take(self, name: str, spec: PathSpec, raw: Any) -> None:
        field, _, key = name.partition(".")
        quick = quick_reader(field, spec)
        value = quick(raw) if quick else None
        try:
            if value is None:
                value = self._value(field, spec, raw)
        except BadValueError:
            self.quality[name] = "bad"
        self.keep(field, key, value)

    def keep(self, field: str, key: str, value: Any) -> None:
        """What was read already. The key is that of a zone or sensor, else empty."""
        self._known = self._known or field != "additional_sensors"
        if key:
            self.values[field][key] = value
        else:
            self.values[field] = value

    def _value(self, field: str, spec: PathSpec, raw: Any) -> Any:
        if isinstance(raw, BadValueError):
            raise raw
        if raw is None or raw == "":
            return getattr(spec, "default", None)
        if isinstance(spec, WordSpec):
            return self._word(field, spec, raw)
        if isinstance(spec, SensorSpec):
            return _sensor(spec, raw)
        return _number(field, spec, raw) if isinstance(spec, NumberSpec) else None

    def _word(self, field: str, spec: WordSpec, raw: Any) -> Any:
        if spec.bit is not None:
            raw = _bit(raw, spec.bit)
        if isinstance(spec, StatusSpec):
            word: Any = parse_word(raw, spec.enum, OperationalStatus)
        elif isinstance(spec, StageSpec):
            word = parse_word(raw, spec.enum, CycleStage)
        else:
            word = parse_word(raw, spec.enum if isinstance(spec, DoorSpec) else {}, DoorStatus)
        if word is not None:
            return word
        # Kept, so that whoever writes the mapping sees which word is missing in it.
        self.values["additional_sensors"][f"{field}_source"] = word_of(raw)
        if field == "operational_status":
            return OperationalStatus.UNKNOWN
        raise BadValueError("unknown word")

    def take_moment(self, raw: Any, unit: str, zone: str) -> datetime | None:
        try:
            return parse_moment(raw, unit, zone)
        except BadValueError:
            self.quality["reading_time"] = "bad"
            return None


def quick_reader(field: str, spec: PathSpec) -> Quick | None:
    """For plain numbers within their bounds, as most are. None where the spec is of something else."""
    bounds = bounds_of(spec)
    if bounds is None or not isinstance(spec, NumberSpec) or spec.type == "bits":
        return None
    return _reader(bounds, spec.unit, spec.scale, spec.offset, finish_of(field))  # type: ignore[attr-defined]


@lru_cache(maxsize=1024)
def _reader(bounds: tuple[float, float], unit: str, scale: float, offset: float, finish: Finish | None) -> Quick:
    (least, most), (factor, addend) = bounds, UNITS[unit]
    if (scale, offset, factor, addend) == (1, 0, 1, 0):
        return _plain_reader(least, most, finish)

    def read(raw: Any) -> float | int | None:
        if type(raw) not in _PLAIN or abs(raw) > _LARGEST:
            return None
        value: float = (float(raw) * scale + offset) * factor + addend
        if not least <= value <= most:
            return None
        return finish(round(value, 6)) if finish else round(value, 6)

    return read


def _plain_reader(least: float, most: float, finish: Finish | None) -> Quick:
    """For a number that is in our unit already."""

    def read(raw: Any) -> float | int | None:
        if type(raw) is not float:
            if type(raw) is not int or not least <= raw <= most:
                return None
            value = float(raw)
        elif least <= raw <= most:
            value = round(raw, 6)
        else:
            return None
        return finish(value) if finish else value

    return read


def _number(field: str, spec: NumberSpec, raw: Any) -> float | int | None:
    number = parse_bits(raw) if spec.type == "bits" else parse_number(raw)
    if number is None:
        return spec.default
    unit = getattr(spec, "unit", None)
    value = convert_number(number, scale=spec.scale, offset=spec.offset, unit=unit, bounds=_BOUNDS.get(type(spec)))
    finish = finish_of(field)
    return finish(value) if finish else value


def finish_of(field: str) -> Finish | None:
    """What a number of this field still has to go through."""
    return _FINISHES.get(field)


def _finish_minutes(value: float) -> int | None:
    return None if value < 0 else math.ceil(value)  # negative: the machine does not know (OPC 30200, 19.2.2)


def _finish_progress(value: float) -> float:
    return min(max(value, 0.0), 100.0)


_FINISHES: Mapping[str, Finish] = {
    "time_remaining_minutes": _finish_minutes,
    "cycle_progress_percentage": _finish_progress,
}


def _sensor(spec: SensorSpec, raw: Any) -> Any:
    if spec.bit is not None:
        raw = _bit(raw, spec.bit)
    if spec.enum:
        return spec.enum.get(word_of(raw), word_of(raw))
    if spec.type == "bits" and spec.bit is None:
        return parse_bits(raw)
    if spec.type == "text":
        return word_of(raw)
    if spec.type == "boolean":
        word = word_of(raw).casefold()
        if word not in ("true", "1", "on", "yes", "false", "0", "off", "no"):
            raise BadValueError("neither true nor false")
        return word in ("true", "1", "on", "yes")
    value = parse_number(raw) if spec.type == "number" else parse_plain(raw)
    if (spec.scale, spec.offset) == (1, 0) or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    return convert_number(value, scale=spec.scale, offset=spec.offset, unit=None, bounds=None)


def _bit(raw: Any, bit: int) -> bool | None:
    mask = parse_bits(raw)
    return None if mask is None else bool(mask >> bit & 1)
