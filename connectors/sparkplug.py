"""Sparkplug B payloads: reads them, and writes the one command we may send. Pure, and no protobuf library needed.

Field numbers and datatypes: Eclipse Sparkplug 3.0, section 6.4. Signed numbers travel as two's complement in the
unsigned fields.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import ResponseError
from .values import clean_text, round_single

NAMESPACE = "spBv1.0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_METRICS = 5000
_LARGEST = 1 << 20
_SIGNED_BITS: Mapping[int, int] = {1: 8, 2: 16, 3: 32, 4: 64}
_UNSIGNED_BITS: Mapping[int, int] = {5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_BOOLEAN = 11
_QUALITY_WORDS: Mapping[int, str] = {0: "bad", 500: "stale"}  # property `Quality`; 192 is good


class MalformedError(ValueError):
    """These bytes are no Sparkplug payload."""


@dataclass(slots=True)
class Metric:
    """One value as it came: integers still unsigned, `datatype` None where the birth has told it."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None  # ms since 1970, UTC
    datatype: int | None = None
    is_historical: bool = False
    is_null: bool = False
    raw: Any = None
    quality: str | None = None  # bad or stale, where the machine says so


class Payload(NamedTuple):
    timestamp: int | None
    metrics: tuple[Metric, ...]
    seq: int | None


def decode_payload(data: bytes) -> Payload:
    """ResponseError if it is none."""
    if len(data) > _LARGEST:
        raise ResponseError("A Sparkplug message is longer than a reading can be. Check group and edge node.")
    try:
        return _decode_payload(data)
    except (MalformedError, struct.error, UnicodeDecodeError):
        raise ResponseError(
            "A message is not a Sparkplug B payload. Check group and edge node, or choose another "
            "additional_config.format."
        ) from None


def value_of(metric: Metric, datatype: int | None) -> Any:
    """The metric's value as its datatype means it. None for null, and for what is no single value."""
    kind, raw = metric.datatype or datatype, metric.raw
    if metric.is_null or raw is None or isinstance(raw, bytes):
        return None
    if isinstance(raw, int) and not isinstance(raw, bool):
        if kind == _BOOLEAN:
            return bool(raw)
        if bits := _SIGNED_BITS.get(kind or 0):
            low = raw & (1 << bits) - 1
            return low - (1 << bits) if low >> bits - 1 else low
        if bits := _UNSIGNED_BITS.get(kind or 0):
            return raw & (1 << bits) - 1
    return clean_text(raw) if isinstance(raw, str) else raw


def encode_rebirth(now_ms: int) -> bytes:
    """The NCMD that asks an edge node for its birth: `Node Control/Rebirth` = true."""
    name = b"Node Control/Rebirth"
    metric = b"".join(
        (b"\x0a", _varint(len(name)), name, b"\x18", _varint(now_ms), b"\x20", _varint(_BOOLEAN), b"\x70\x01")
    )
    return b"".join((b"\x08", _varint(now_ms), b"\x12", _varint(len(metric)), metric))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data):
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at
        if shift > 63:
            break
    raise MalformedError


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value): an int for varints, bytes for everything else."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if not number:
            raise MalformedError
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _read_varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise MalformedError
        if at + length > len(data):
            raise MalformedError
        yield number, wire, data[at : at + length]
        at += length


def _decode_payload(data: bytes) -> Payload:
    timestamp = seq = None
    metrics: list[Metric] = []
    for number, wire, value in _fields(data):
        if number == 1:
            timestamp = _expect(wire, _VARINT, value)
        elif number == 2:
            metrics.append(_decode_metric(_expect(wire, _BYTES, value)))
            if len(metrics) > _MOST_METRICS:
                raise MalformedError
        elif number == 3:
            seq = _expect(wire, _VARINT, value)
    return Payload(timestamp, tuple(metrics), seq)


def _expect(wire: int, wanted: int, value: Any) -> Any:
    if wire != wanted:
        raise MalformedError
    return value


def _decode_metric(data: bytes) -> Metric:
    metric = Metric()
    for number, wire, value in _fields(data):
        if name := _NUMBERS.get(number):
            setattr(metric, name, _expect(wire, _VARINT, value))
        elif number in (5, 7):
            setattr(metric, "is_historical" if number == 5 else "is_null", bool(_expect(wire, _VARINT, value)))
        elif number == 1:
            metric.name = _expect(wire, _BYTES, value).decode()
        elif number == 9:
            metric.quality = _decode_quality(_expect(wire, _BYTES, value))
        elif number in _VALUES:
            metric.raw = _decode_value(_VALUES[number], wire, value)
    return metric


_NUMBERS: Mapping[int, str] = {2: "alias", 3: "timestamp", 4: "datatype"}
# Field number -> what it holds: int_value, long_value, float, double, boolean, string, and three we keep no value of.
_VALUES: Mapping[int, str] = {
    10: "u32", 11: "u64", 12: "float", 13: "double", 14: "bool", 15: "text", 16: "bytes", 17: "bytes", 18: "bytes",
}  # fmt: skip


def _decode_value(kind: str, wire: int, value: Any) -> Any:
    if kind == "float":
        return round_single(struct.unpack("<f", _expect(wire, _FIXED32, value))[0])
    if kind == "double":
        return struct.unpack("<d", _expect(wire, _FIXED64, value))[0]
    if kind in ("text", "bytes"):
        found = _expect(wire, _BYTES, value)
        return found.decode("utf-8", "replace") if kind == "text" else found
    number = _expect(wire, _VARINT, value)
    if kind == "bool":
        return bool(number)
    return number & 0xFFFF_FFFF if kind == "u32" else number


def _decode_quality(data: bytes) -> str | None:
    """The word of the property `Quality`. A property set has its keys (1) and its values (2) in the same order."""
    keys: list[str] = []
    numbers: list[int | None] = []
    for number, wire, value in _fields(data):
        if number == 1:
            keys.append(_expect(wire, _BYTES, value).decode("utf-8", "replace"))
        elif number == 2:
            found = {field: item for field, kind, item in _fields(_expect(wire, _BYTES, value)) if kind == _VARINT}
            numbers.append(found.get(3, found.get(4)))
    quality = dict(zip(keys, numbers, strict=False)).get("Quality")
    return None if quality is None else _QUALITY_WORDS.get(quality)
