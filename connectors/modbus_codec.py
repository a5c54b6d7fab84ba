"""Registers to numbers and texts, and back: every type in every order. Pure.

ABCD is big endian. CDAB has its registers the other way round, BADC the bytes in each register, DCBA both.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from .values import BadValueError

Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
StringOrder = Literal["AB", "BA", "high", "low"]
PointType = Literal[
    "bool", "bit", "int8_high", "int8_low", "uint8_high", "uint8_low", "int16", "uint16", "int32", "uint32",
    "int64", "uint64", "float16", "float32", "float64", "string", "bcd",
]  # fmt: skip
ORDERS: tuple[Order, ...] = get_args(Order)
POINT_TYPES: tuple[PointType, ...] = get_args(PointType)

_FLOATS: Mapping[str, str] = {"float16": ">e", "float32": ">f", "float64": ">d"}
_BITS: Mapping[str, int] = {
    "bool": 16, "bit": 16, "int8_high": 8, "int8_low": 8, "uint8_high": 8, "uint8_low": 8, "int16": 16, "uint16": 16,
    "int32": 32, "uint32": 32, "int64": 64, "uint64": 64, "float16": 16, "float32": 32, "float64": 64,
}  # fmt: skip
_SMALLEST = 1e-30  # protocols.md 4.3: a float between this and 0 is an integer, or two registers the wrong way round
_MOST_TEXT_BYTES = 250


def registers_of(kind: PointType, count: int = 1) -> int:
    """How many registers a value takes; `count` says it for strings and BCD."""
    return count if kind in ("string", "bcd") else max(_BITS[kind] // 16, 1)


def width_of(kind: PointType, count: int = 1) -> int:
    """The bits of a value."""
    return 16 * count if kind in ("string", "bcd") else _BITS[kind]


def is_float(kind: PointType) -> bool:
    return kind in _FLOATS


def raw_bits(kind: PointType, registers: Sequence[int], order: Order) -> int:
    """The bits of the whole value, as one unsigned number."""
    data = _arrange(registers, order)
    if kind.endswith("_high"):
        return data[0]
    if kind.endswith("_low"):
        return data[1]
    return int.from_bytes(data, "big")


def decode_number(kind: PointType, bits: int) -> int | float | bool:
    """What the bits mean. BadValueError for BCD digits above 9, and for floats that betray a wrong type or order."""
    if kind in ("bool", "bit"):
        return bits != 0
    value = read_number(kind, bits)
    if kind in _FLOATS and 0 < abs(value) < _SMALLEST:
        raise BadValueError("so small that type or order must be wrong")
    return value


def read_number(kind: PointType, bits: int) -> int | float:
    """As `decode_number`, without judging a float."""
    if kind == "bcd":
        return _decode_bcd(bits)
    width = _BITS[kind]
    if kind in _FLOATS:
        return _shortest(kind, struct.unpack(_FLOATS[kind], bits.to_bytes(width // 8, "big"))[0])
    return bits - (1 << width) if kind.startswith("int") and bits >> (width - 1) else bits


def decode_text(registers: Sequence[int], order: StringOrder) -> str:
    """Text up to the first NUL. UTF-8, or Latin-1 where it is not."""
    data = b"".join(register.to_bytes(2, "big") for register in registers)
    if order == "BA":
        data = _swap_bytes(data)
    elif order in ("high", "low"):
        data = data[order == "low" :: 2]
    data = data.partition(b"\0")[0][:_MOST_TEXT_BYTES]
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()


def encode(
    kind: PointType,
    value: float | str | bool,
    order: Order = "ABCD",
    *,
    count: int = 1,
    string_order: StringOrder = "AB",
) -> list[int]:
    """The registers that hold a value: `order` is obeyed here as it is in reading. ValueError if it does not fit.

    For simulators and tests: the connector only reads.
    """
    if isinstance(value, str):
        return _encode_text(value, count, string_order)
    if kind in _FLOATS:
        try:
            data = struct.pack(_FLOATS[kind], value)
        except OverflowError as error:
            raise ValueError(f"{value} does not fit into {kind}") from error
    else:
        number = int(value)
        bits = int(str(number), 16) if kind == "bcd" and number >= 0 else number
        width = width_of(kind, count)
        least = -(1 << (width - 1)) if kind.startswith("int") else 0
        if not least <= bits < 1 << (width - kind.startswith("int")):
            raise ValueError(f"{value} does not fit into {kind}")
        data = (bits & ((1 << width) - 1)).to_bytes(width // 8, "big")
    if len(data) == 1:
        data = data + b"\0" if kind.endswith("_high") else b"\0" + data
    return _arrange_back(data, order)


def _arrange(registers: Sequence[int], order: Order) -> bytes:
    words = reversed(registers) if order in ("CDAB", "DCBA") else registers
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return _swap_bytes(data) if order in ("BADC", "DCBA") else data


def _arrange_back(data: bytes, order: Order) -> list[int]:
    data = _swap_bytes(data) if order in ("BADC", "DCBA") else data
    words = [int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2)]
    return words[::-1] if order in ("CDAB", "DCBA") else words


def _swap_bytes(data: bytes) -> bytes:
    swapped = bytearray(data)
    swapped[::2], swapped[1::2] = data[1::2], data[::2]
    return bytes(swapped)


def _shortest(kind: PointType, value: float) -> float:
    """The number with the fewest digits that has these bits: what the machine shows, 23.4 and not 23.399999618."""
    if kind == "float64" or not math.isfinite(value):
        return value
    written = struct.pack(_FLOATS[kind], value)
    for digits in range(3, 9):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.pack(_FLOATS[kind], short) == written:
                return short
        except OverflowError:  # rounded up beyond the largest one
            continue
    return value


def _decode_bcd(bits: int) -> int:
    digits = f"{bits:x}"
    if not digits.isdecimal():
        raise BadValueError("not binary coded decimal")
    return int(digits)


def _encode_text(text: str, count: int, order: StringOrder) -> list[int]:
    data = text.encode()
    room = count if order in ("high", "low") else 2 * count
    if len(data) > room:
        raise ValueError(f"{text!r} does not fit into {count} registers")
    data = data.ljust(room, b"\0")
    if order in ("high", "low"):
        words = zip(data, bytes(room), strict=True) if order == "high" else zip(bytes(room), data, strict=True)
        return [high << 8 | low for high, low in words]
    return _arrange_back(data, "BADC" if order == "BA" else "ABCD")
