"""Answers to reads, from their bytes. Pure. Encoding: OPC 10000-6, 5.2.

asyncua makes five objects of each value, most of them for what nearly no answer holds. A plain answer is therefore read
here; what is not plain in any way is left to asyncua, which also says what is wrong with it.
"""

import struct
from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uatypes import win_epoch_to_datetime

from .opc_ua_values import Sample, round_float, sample_of

READ_RESPONSE = b"\x01\x00\x7a\x02"  # its type
_HEADER = struct.Struct("<4sqIIBi3si")  # type, time, handle, result, diagnostics, texts, addition, how many values
_NO_ADDITION = b"\0\0\0"
_VALUE, _STATUS, _SOURCE_TIME, _SERVER_TIME = 0x01, 0x02, 0x04, 0x08
_ALL_PARTS = _VALUE | _STATUS | _SOURCE_TIME | _SERVER_TIME
_FORMATS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d"}
_NUMBERS = {kind: struct.Struct(f"<{code}") for kind, code in _FORMATS.items()}
_NOTHING, _FLOAT, _TEXT = 0, 10, 12
_UINT32, _INT32, _INT64 = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<q")


class _NotPlainError(ValueError):
    pass


def parse_values(body: bytes) -> list[Any]:
    """asyncua's DataValues. `body` is a whole ReadResponse, its type first. UaError if it is a refusal."""
    answer = struct_from_binary(ua.ReadResponse, Buffer(body))
    answer.ResponseHeader.ServiceResult.check()
    return answer.Results or []


def parse_samples(body: bytes) -> list[Sample]:
    """The same values as samples."""
    plain = parse_plain(body)
    return [sample_of(value) for value in parse_values(body)] if plain is None else plain


def parse_plain(body: bytes) -> list[Sample] | None:
    """None: the answer is not plain."""
    try:
        kind, _, _, result, diagnostics, texts, addition, count = _HEADER.unpack_from(body)
        if kind != READ_RESPONSE or result or diagnostics or texts > 0 or addition != _NO_ADDITION or count < 0:
            return None
        return _take_samples(body, _HEADER.size, count)
    except (struct.error, IndexError, ValueError):
        return None


def _take_samples(body: bytes, place: int, count: int) -> list[Sample]:
    samples = []
    moments: dict[int, datetime] = {}  # most values of an answer have the same
    for _ in range(count):
        parts, value, status, times = body[place], None, 0, []
        if parts & ~_ALL_PARTS:
            raise _NotPlainError
        place += 1
        if parts & _VALUE:
            value, place = _take_value(body, place)
        if parts & _STATUS:
            (status,) = _UINT32.unpack_from(body, place)
            place += 4
        for part in (_SOURCE_TIME, _SERVER_TIME):
            moment = None
            if parts & part:
                (ticks,) = _INT64.unpack_from(body, place)
                place += 8
                moment = moments.get(ticks) or moments.setdefault(ticks, win_epoch_to_datetime(ticks))
            times.append(moment)
        samples.append(Sample(value, status, *times))
    if place > len(body):
        raise _NotPlainError
    return samples


def _take_value(body: bytes, place: int) -> tuple[Any, int]:
    """A number or a text, and the place behind it. What is none of these, or a list, is not plain."""
    kind, place = body[place], place + 1
    if number := _NUMBERS.get(kind):
        (value,) = number.unpack_from(body, place)
        return (round_float(value) if kind == _FLOAT else value), place + number.size
    if kind == _TEXT:
        (length,) = _INT32.unpack_from(body, place)
        begin, end = place + 4, place + 4 + max(length, 0)
        return (body[begin:end].decode() if length >= 0 else None), end
    if kind != _NOTHING:
        raise _NotPlainError
    return None, place
