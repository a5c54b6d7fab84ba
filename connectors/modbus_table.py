"""What the connection test shows of each point: its registers, and what they would be in every order. Pure.

A wrong order of bytes or registers is the commonest mistake with Modbus, and easy to see where all four stand side by
side.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from .modbus_blocks import MOST_ADDRESSES, Span
from .modbus_codec import ORDERS, Order, raw_bits, read_number
from .modbus_map import Image, convert, exponent_of, interpret, take_registers, try_raw_value
from .modbus_points import Point, show_address
from .reading import OperationalStatus
from .values import BadValueError

Row = Mapping[str, Any]
_NAMED = 5
# Floats beyond these are possible, but more often turned round. A reading is not so strict: it would lose them.
_LEAST_LIKELY, _MOST_LIKELY = 1e-6, 1e12


def list_point_rows(image: Image, points: Sequence[Point]) -> list[Row]:
    return [_row_of(point, image) for point in points]


def list_remarks(rows: Sequence[Row]) -> tuple[str, ...]:
    """Sentences for what somebody should look at."""
    remarks = []
    missing = [row for row in rows if not row["registers"]]
    if missing:
        remarks.append(
            f"The machine does not have these registers: {_name(missing)}. Compare table, address and address_base "
            "with the maker's list."
        )
    turned = [row for row in rows if row["plausible"] and row["order"] not in row["plausible"]]
    for row in turned[:_NAMED]:
        better = " or ".join(f"{order} ({row[order]})" for order in row["plausible"])
        remarks.append(f"{row['field']} cannot be right as {row['order']}; {better} looks right. Set its order.")
    bad = [row for row in rows if row["quality"] and row["registers"] and row not in turned]
    if bad:
        remarks.append(f"These values cannot be right, or their sensors are broken: {_name(bad)}.")
    return tuple(remarks)


def list_neighbours(image: Image, points: Sequence[Point]) -> Iterator[tuple[Point, Span]]:
    """Where else to look for values that are not there or make no sense in any order: many lists are one off."""
    suspects = [point for point in points if _is_suspect(point, image)]
    for point in suspects[:_NAMED]:
        for address in (point.span.address - 1, point.span.address + 1):
            if 0 <= address <= MOST_ADDRESSES - point.span.count:
                yield point, replace(point.span, address=address)


def describe_neighbour(point: Point, span: Span, registers: Sequence[int], image: Image) -> str | None:
    """A question, if the value makes sense there."""
    try:
        value, doubt = convert(point, interpret(point, registers, point.order, _exponent_of(point, image)))
    except BadValueError:
        return None
    if value is None or doubt or value is OperationalStatus.UNKNOWN or not any(registers):
        return None
    return (
        f"{point.field} makes no sense at {show_address(point.span)}; at {show_address(span)} it would be {value}. "
        "Does the maker's list begin with another number (address_base)?"
    )


def _is_suspect(point: Point, image: Image) -> bool:
    try:
        registers = take_registers(image, point.span)
    except BadValueError:
        return True
    if not point.is_long_number or any(raw_bits(point.kind, registers, order) in point.nan for order in ORDERS):
        return False
    return not _list_plausible(point, image, registers)


def _list_plausible(point: Point, image: Image, registers: Sequence[int]) -> list[Order]:
    exponent = _exponent_of(point, image)
    return [order for order in ORDERS if _is_plausible(point, registers, order, exponent)]


def _name(rows: Sequence[Row]) -> str:
    named = ", ".join(f"{row['field']} ({row['number']})" for row in rows[:_NAMED])
    return named + (f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")


def _row_of(point: Point, image: Image) -> Row:
    value, doubt = convert(point, try_raw_value(point, image))
    row: dict[str, Any] = {
        "field": point.field,
        "table": point.span.table,
        "address": point.span.address,
        "number": show_address(point.span),
        "type": point.kind,
        "registers": "",
        "order": point.order if point.is_long_number else "",
        "value": str(value) if isinstance(value, StrEnum) else value,
        "quality": doubt or "",
        **dict.fromkeys(ORDERS),
        "plausible": [],
    }
    try:
        registers = take_registers(image, point.span)
    except BadValueError:
        return row
    row["registers"] = " ".join(f"{register:04X}" for register in registers)
    if point.is_long_number:
        exponent = _exponent_of(point, image)
        row |= {order: _show(point, registers, order, exponent) for order in ORDERS}
        row["plausible"] = _list_plausible(point, image, registers)
    return row


def _exponent_of(point: Point, image: Image) -> int:
    try:
        return exponent_of(point, image)
    except BadValueError:
        return 0


def _show(point: Point, registers: Sequence[int], order: Order, exponent: int) -> float | None:
    """In the machine's unit, without judging: 2.4e-41 tells more than a gap."""
    try:
        number = read_number(point.kind, raw_bits(point.kind, registers, order))
    except BadValueError:
        return None
    shown = number * 10.0**exponent * point.settings.scale + point.settings.offset
    return float(f"{shown:.7g}") if math.isfinite(shown) else None


def _is_plausible(point: Point, registers: Sequence[int], order: Order, exponent: int) -> bool:
    try:
        raw = interpret(point, registers, order, exponent)
    except BadValueError:
        return False
    if isinstance(raw, float) and raw and not _LEAST_LIKELY < abs(raw) < _MOST_LIKELY:
        return False
    value, doubt = convert(point, raw)
    return doubt is None and value is not OperationalStatus.UNKNOWN
