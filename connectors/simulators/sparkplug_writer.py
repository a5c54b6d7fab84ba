"""Writes Sparkplug B payloads, as an edge node does. Field numbers: Eclipse Sparkplug 3.0, 6.4."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INT64, DOUBLE, BOOLEAN, STRING = 4, 10, 11, 12
_INT32 = 3
_BAD = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenMetric:
    """`name` only in births; `datatype` too, from then on the alias says it."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    value: Any = None
    is_historical: bool = False
    is_bad: bool = False  # the property Quality says so


def write_payload(metrics: Iterable[WrittenMetric], *, timestamp: int | None, seq: int | None) -> bytes:
    body = b"".join(_message(2, _metric(metric)) for metric in metrics)
    return _number(1, timestamp) + body + _number(3, seq)


def _metric(metric: WrittenMetric) -> bytes:
    parts = [
        b"" if metric.name is None else _message(1, metric.name.encode()),
        _number(2, metric.alias),
        _number(3, metric.timestamp),
        _number(4, metric.datatype),
        _number(5, int(metric.is_historical) or None),
        _number(7, 1 if metric.value is None else None),
        _message(9, _quality(_BAD)) if metric.is_bad else b"",
        _value(metric.value),
    ]
    return b"".join(parts)


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return _number(14, int(value))
    if isinstance(value, int):
        return _number(11, value & 0xFFFF_FFFF_FFFF_FFFF)
    if isinstance(value, float):
        return _varint(13 << 3 | 1) + struct.pack("<d", value)
    return b"" if value is None else _message(15, str(value).encode())


def _quality(code: int) -> bytes:
    return _message(1, b"Quality") + _message(2, _number(1, _INT32) + _number(3, code))


def _number(field: int, value: int | None) -> bytes:
    return b"" if value is None else _varint(field << 3) + _varint(value)


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
