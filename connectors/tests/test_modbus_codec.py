"""Every type in every order, against Python's own struct and pymodbus, and back again."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from connectors.modbus_codec import (
    ORDERS,
    POINT_TYPES,
    Order,
    PointType,
    StringOrder,
    decode_number,
    decode_text,
    encode,
    raw_bits,
    registers_of,
)
from connectors.values import BadValueError

DATATYPE = ModbusClientMixin.DATATYPE
# Value, type, and its bytes as they stand in a manual: A is the highest.
EXAMPLES: list[tuple[PointType, Any, bytes]] = [
    ("int16", -1234, struct.pack(">h", -1234)),
    ("uint16", 54321, struct.pack(">H", 54321)),
    ("int32", -123456789, struct.pack(">i", -123456789)),
    ("uint32", 3123456789, struct.pack(">I", 3123456789)),
    ("int64", -1234567890123456789, struct.pack(">q", -1234567890123456789)),
    ("uint64", 12345678901234567890, struct.pack(">Q", 12345678901234567890)),
    ("float16", 185.5, struct.pack(">e", 185.5)),
    ("float32", 229.01, struct.pack(">f", 229.01)),
    ("float64", 229.01, struct.pack(">d", 229.01)),
]


def turned(data: bytes, order: Order) -> list[int]:
    """The registers of a value, written down as the letters say: for eight bytes ABCD means ABCDEFGH."""
    words = [data[place : place + 2] for place in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "value", "data"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_every_type_in_every_order(kind: PointType, value: Any, data: bytes, order: Order) -> None:
    registers = turned(data, order)
    assert decode_number(kind, raw_bits(kind, registers, order)) == value
    assert encode(kind, value, order) == registers


@pytest.mark.parametrize("word_order", ["big", "little"])
@pytest.mark.parametrize("kind", ["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"])
def test_pymodbus_writes_the_same_registers(kind: PointType, word_order: Any) -> None:
    value = -229.25 if kind.startswith("float") else 229 if kind.startswith("u") else -229
    order: Order = "ABCD" if word_order == "big" else "CDAB"
    written = ModbusClientMixin.convert_to_registers(value, getattr(DATATYPE, kind.upper()), word_order=word_order)
    assert encode(kind, value, order) == written
    assert decode_number(kind, raw_bits(kind, written, order)) == value


def test_the_letters_mean_what_manuals_mean() -> None:
    registers = {"ABCD": [0x4365, 0x028F], "CDAB": [0x028F, 0x4365], "BADC": [0x6543, 0x8F02], "DCBA": [0x8F02, 0x6543]}
    assert {order: encode("float32", 229.01, order) for order in ORDERS} == registers


@pytest.mark.parametrize(
    ("kind", "register", "value"),
    [
        ("int8_high", 0xFF05, -1),
        ("int8_low", 0xFF05, 5),
        ("uint8_high", 0xFF05, 255),
        ("uint8_low", 0x05FE, 254),
        ("bool", 0x0100, True),
        ("bool", 0, False),
    ],
)
def test_half_registers_and_truth(kind: PointType, register: int, value: int) -> None:
    assert decode_number(kind, raw_bits(kind, [register], "ABCD")) == value


@pytest.mark.parametrize(
    ("count", "registers", "value"), [(1, [0x1234], 1234), (2, [0x0001, 0x2345], 12345), (4, [0x9999] * 4, 10**16 - 1)]
)
def test_binary_coded_decimal(count: int, registers: list[int], value: int) -> None:
    assert decode_number("bcd", raw_bits("bcd", registers, "ABCD")) == value
    assert encode("bcd", value, count=count) == registers


def test_a_digit_above_nine_is_no_decimal() -> None:
    with pytest.raises(BadValueError):
        decode_number("bcd", 0x12A4)


@pytest.mark.parametrize("bits", [0x0000423A, 0x80000001, struct.unpack(">I", struct.pack(">f", 2.4e-41))[0]])
def test_a_float_that_is_nearly_nothing_is_another_type(bits: int) -> None:
    with pytest.raises(BadValueError):
        decode_number("float32", bits)
    assert decode_number("float32", 0) == 0


def test_a_float_is_the_number_the_machine_shows() -> None:
    shown = [
        decode_number("float32", raw_bits("float32", encode("float32", value), "ABCD")) for value in (23.4, 229.01)
    ]
    assert shown == [23.4, 229.01]
    assert decode_number("float32", 0x7F7FFFFF) == 3.4028235e38  # shorter would be beyond the largest one


@pytest.mark.parametrize(
    ("order", "registers"),
    [
        ("AB", [0x4272, 0x6F74, 0x0000]),
        ("BA", [0x7242, 0x746F, 0x0000]),
        ("high", [0x4200, 0x7200, 0x6F00, 0x7400, 0x0000]),
        ("low", [0x0042, 0x0072, 0x006F, 0x0074, 0x0000]),
    ],
)
def test_texts_in_every_order(order: StringOrder, registers: list[int]) -> None:
    assert decode_text(registers, order) == "Brot"
    assert encode("string", "Brot", count=len(registers), string_order=order) == registers


def test_texts_end_at_the_first_nul_and_may_be_latin_1() -> None:
    assert decode_text([0x4272, 0xF674, 0x0042], "AB") == "Bröt"
    assert decode_text(encode("string", "Brötchen ", count=8), "AB") == "Brötchen"
    assert decode_text([0, 0x4242], "AB") == ""


@pytest.mark.parametrize(("kind", "value"), [("uint16", 65536), ("int16", -32769), ("bcd", -1), ("float16", 1e6)])
def test_what_does_not_fit_is_not_written(kind: PointType, value: float) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(kind, value)


def test_a_text_that_is_too_long_is_not_written() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode("string", "Roggenmischbrot", count=2)


FLOATS = {
    "float16": st.floats(width=16, allow_subnormal=False, allow_nan=False),
    "float32": st.floats(width=32, allow_subnormal=False, allow_nan=False),
    "float64": st.floats(width=64, allow_subnormal=False, allow_nan=False),
}
NUMBERS = [kind for kind in POINT_TYPES if kind not in ("string", "bool", "bit")]


@given(st.data(), st.sampled_from(NUMBERS), st.sampled_from(ORDERS))
@settings(max_examples=100, deadline=None)
def test_what_is_read_is_what_was_written(data: st.DataObject, kind: PointType, order: Order) -> None:
    count = data.draw(st.integers(1, 4)) if kind == "bcd" else 1
    if kind == "bcd":
        value: float = data.draw(st.integers(0, 10 ** (4 * count) - 1))
    elif kind.startswith("float"):
        value = data.draw(FLOATS[kind])
    else:
        width = 8 if "8_" in kind else int(kind.removeprefix("u").removeprefix("int"))
        least = 0 if kind.startswith("u") else -(1 << (width - 1))
        value = data.draw(st.integers(least, least + (1 << width) - 1))
    registers = encode(kind, value, order, count=count)
    assert len(registers) == registers_of(kind, count)
    if 0 < abs(value) < 1e-30:
        return
    read = decode_number(kind, raw_bits(kind, registers, order))
    assert encode(kind, read, order, count=count) == registers
    assert math.isclose(read, value, rel_tol=1e-3)


@given(st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4), st.sampled_from(POINT_TYPES), st.sampled_from(ORDERS))
@settings(max_examples=100, deadline=None)
def test_any_registers_are_a_number_or_a_bad_value(registers: list[int], kind: PointType, order: Order) -> None:
    if kind == "string":
        assert isinstance(decode_text(registers, "AB"), str)
        return
    try:
        value = decode_number(kind, raw_bits(kind, registers[: registers_of(kind)], order))
    except BadValueError:
        return
    assert isinstance(value, int | float)
