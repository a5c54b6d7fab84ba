"""What MQTT messages hold, each shape into a document that a mapping can read. Pure.

JSON objects, single values as text, SenML packs (RFC 8428) and bytes at fixed places. Sparkplug is in sparkplug.py.
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple, Self

import orjson
from pydantic import Field, model_validator

from .base import Settings
from .errors import ConfigurationError, ResponseError
from .mapping_settings import Key
from .values import BadValueError, clean_text, parse_number, round_single

LARGEST_MESSAGE = 1 << 20
_TEXT_LENGTH = 1000
_MOST_RECORDS = 1000
_RELATIVE_BEFORE = 2**28  # SenML times below are seconds from now (RFC 8428, 4.5.3)
_LATEST = 253_402_300_000  # seconds; the year 9999
_NUMERAL = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,15})(?:[.,][0-9]{1,15})?")

# SenML unit -> (factor, addend) into the units of a Reading (RFC 8428, 12.1; RFC 8798).
_SENML_UNITS: Mapping[str, tuple[float, float]] = {
    "K": (1, -273.15),
    "/": (100, 0),
    "J": (1 / 3.6e6, 0),
    "Wh": (1e-3, 0),
    "g": (1e-3, 0),
    "s": (1 / 60, 0),
    "ms": (1 / 60_000, 0),
    "h": (60, 0),
}

_FORMATS: Mapping[str, str] = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "float32": "f", "float64": "d", "bool": "?",
}  # fmt: skip
StructType = Literal[
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool"
]


class StructField(Settings):
    """One value in the bytes."""

    name: Key = Field(description="How the mapping calls it.")
    type: StructType
    offset: int | None = Field(default=None, ge=0, le=65_535, description="Byte, from 0; default: after the last one.")


class StructLayout(Settings):
    """What lies where in a message of bytes."""

    byte_order: Literal["big", "little"] = Field(default="big", description="big: the high byte comes first.")
    fields: tuple[StructField, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _own_names(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ConfigurationError(fields={"additional_config.struct.fields": "Each field needs a name of its own."})
        return self

    def places(self) -> Iterator[tuple[str, str, int]]:
        """(name, struct format, offset) of each field."""
        order, end = ">" if self.byte_order == "big" else "<", 0
        for field in self.fields:
            code = order + _FORMATS[field.type]
            start = end if field.offset is None else field.offset
            end = start + struct.calcsize(code)
            yield field.name, code, start


class Sample(NamedTuple):
    """What a message says about one moment. Without a moment: now."""

    at: datetime | None
    document: Any


def decode_json(payload: bytes) -> Any:
    """The document in a message. ResponseError if it is not JSON."""
    _check_size(payload)
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(payload)
    if not payload.strip():
        raise ResponseError("The machine sent an empty message. Check the topic, and what the machine publishes there.")
    try:  # what is not quite JSON, as machines write it: other encodings, and NaN
        return json.loads(payload.decode(json.detect_encoding(payload), "replace"))
    except (ValueError, RecursionError):
        raise ResponseError(
            f"A message is not JSON; it begins with {_beginning(payload)}. Check the topic, or choose another "
            "additional_config.format."
        ) from None


def decode_object(payload: bytes) -> Any:
    """A JSON object or list. ResponseError for anything else."""
    document = decode_json(payload)
    if not isinstance(document, dict | list):
        raise ResponseError(
            f"A message is a single value, {_beginning(payload)}, and not a JSON object. Check the topic, or set "
            "additional_config.format to raw."
        )
    return document


def decode_value(payload: bytes) -> Any:
    """One value as text, or the JSON object that stands in its place. None for an empty message."""
    _check_size(payload)
    text = payload.decode("utf-8", "replace").strip().strip("\x00")
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return text[:_TEXT_LENGTH] or None


def number_in(value: Any) -> Any:
    """A text that is plainly a number as one; everything else as it is."""
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        number = parse_number(value)
        return int(number) if number is not None and number.is_integer() and value.lstrip("+-").isdigit() else number
    return value


def decode_struct(payload: bytes, layout: StructLayout) -> dict[str, Any]:
    """The values in a message of bytes. ResponseError if it is too short."""
    _check_size(payload)
    values: dict[str, Any] = {}
    for name, code, start in layout.places():
        try:
            (value,) = struct.unpack_from(code, payload, start)
            values[name] = round_single(value) if code[1] == "f" else value
        except struct.error:
            raise ResponseError(
                f"A message has {len(payload)} bytes, too few for {name!r} at byte {start}. Correct "
                "additional_config.struct, or the topic."
            ) from None
    return values


def decode_senml(payload: bytes, device_id: str | None, *, received_at: datetime) -> list[Sample]:
    """One sample per moment in a pack, oldest first. With a device id: of the names that begin with it, without it.

    Values in SenML's units are converted into ours. ResponseError if it is no pack.
    """
    document = decode_json(payload)
    if not isinstance(document, list) or not all(isinstance(record, dict) for record in document):
        raise ResponseError("A message is not a SenML pack, which is a JSON list of records. Check topic and format.")
    if len(document) > _MOST_RECORDS:
        raise ResponseError(f"A SenML pack holds more than {_MOST_RECORDS} records.", code="too_large")
    found = sorted(_resolve(document, received_at), key=lambda record: record[0])
    samples = []
    for at, records in groupby(found, key=lambda record: record[0]):
        own = {own: value for _, name, value in records if (own := _own_name(name, device_id))}
        if own:
            samples.append(Sample(None if at == received_at else at, own))
    return samples


def _resolve(pack: list[dict[str, Any]], received_at: datetime) -> Iterator[tuple[datetime, str, Any]]:
    """(moment, full name, value): base fields count from where they stand (RFC 8428, 4.1)."""
    base_name, base_unit, base = "", "", {"bt": 0.0, "bv": 0.0}
    for record in pack:
        base_name, base_unit = str(record.get("bn", base_name)), str(record.get("bu", base_unit))
        for key in base:
            base[key] = _finite(record.get(key), base[key])
        name = clean_text(base_name + str(record.get("n", "")))
        if not name or not record.keys() & {"v", "vs", "vb", "s"} and "bv" not in record:
            continue
        at = _moment(base["bt"] + _finite(record.get("t"), 0.0), received_at)
        yield at, name, _senml_value(record, base["bv"], str(record.get("u", base_unit)))


def _moment(seconds: float, received_at: datetime) -> datetime:
    if seconds == 0:
        return received_at
    if abs(seconds) < _RELATIVE_BEFORE:
        seconds += received_at.timestamp()
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LATEST), UTC)


def _finite(raw: Any, otherwise: float) -> float:
    try:
        number = parse_number(raw)
    except BadValueError:
        return otherwise
    return otherwise if number is None else number


def _senml_value(record: dict[str, Any], base: float, unit: str) -> Any:
    for key in ("vs", "vb"):
        if key in record:
            return record[key]
    raw = record.get("v", record.get("s", base))
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or abs(raw) > 1e15:
        return raw
    value = float(raw) + (base if "v" in record else 0.0)
    factor, addend = _SENML_UNITS.get(unit, (1, 0))
    return round(value * factor + addend, 6)


def _own_name(name: str, device_id: str | None) -> str | None:
    if device_id is None:
        return name
    return name.removeprefix(device_id).lstrip(":/.-_") if name.startswith(device_id) else None


def _check_size(payload: bytes) -> None:
    if len(payload) > LARGEST_MESSAGE:
        raise ResponseError(
            f"A message is longer than {LARGEST_MESSAGE >> 20} MB; it is not a reading. Check the topic.",
            code="too_large",
        )


def _beginning(payload: bytes) -> str:
    return repr(clean_text(payload[:24].decode("utf-8", "replace")))
