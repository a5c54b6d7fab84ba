"""The points of a Modbus machine as requests and decoding need them. Addresses are normalised here, once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from .errors import ConfigurationError
from .field_specs import SPECS
from .mapping_settings import MomentSpec, NumberSpec, PathSpec
from .modbus_blocks import BIT_TABLES, MOST_ADDRESSES, Limits, Span, Table
from .modbus_codec import Order, PointType, is_float, registers_of, width_of
from .modbus_point_settings import TIMESTAMP, PointSettings, ScaleRegister
from .validation import describe_validation_error

_DIGIT_OF: Mapping[Table, int] = {"coil": 0, "discrete": 1, "input": 3, "holding": 4}
_TABLE_OF = {digit: table for table, digit in _DIGIT_OF.items()}


class _MisfitError(Exception):
    """A setting of a point that cannot be right: its name and a sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name
        self.sentence = sentence


class Addressing(NamedTuple):
    """How the whole machine's points are written."""

    notation: Literal["plain", "4xxxx"] = "plain"
    base: int | None = None
    order: Order = "ABCD"
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class ScalePoint:
    """The register with the place of another value's decimal point."""

    span: Span
    kind: PointType
    is_exponent: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One value: where it is, how it is stored, and what it is to us."""

    settings: PointSettings
    spec: PathSpec
    span: Span
    kind: PointType
    order: Order
    nan: frozenset[int]
    unknown: frozenset[int]
    scale_register: ScalePoint | None

    @property
    def field(self) -> str:
        return self.settings.field

    @property
    def spans(self) -> tuple[Span, ...]:
        return (self.span, self.scale_register.span) if self.scale_register else (self.span,)

    @property
    def is_long_number(self) -> bool:
        """Whether the order of its registers matters."""
        return self.span.count > 1 and self.kind != "string"


def make_points(written: Sequence[PointSettings], addressing: Addressing) -> tuple[Point, ...]:
    """All points in the order in which they were entered. ConfigurationError names each one that cannot be right."""
    points: list[Point] = []
    fields: dict[str, str] = {}
    for index, settings in enumerate(written):
        try:
            points.append(_make_point(settings, addressing))
        except _MisfitError as misfit:
            fields[f"additional_config.points.{index}.{misfit.name}"] = misfit.sentence
    if fields:
        raise ConfigurationError(fields=fields)
    return tuple(points)


def show_address(span: Span) -> str:
    """As makers' lists write it: 30001 is the first input register. Six digits beyond 9999."""
    width = 4 if span.address < 9999 else 5
    return f"{_DIGIT_OF[span.table]}{span.address + 1:0{width}}"


def _make_point(settings: PointSettings, addressing: Addressing) -> Point:
    table, address = _locate(settings.address, settings.table, addressing)
    kind = _kind_of(settings, table)
    span = Span(table, address, registers_of(kind, settings.count))
    _check_place(span, addressing)
    spec = _spec_of(settings)
    _check_bits(settings, kind, table)
    _check_number(settings, kind, spec)
    return Point(
        settings=settings,
        spec=spec,
        span=span,
        kind=kind,
        order=settings.order or addressing.order,
        nan=_raw_values("nan", settings.nan, settings, kind, table),
        unknown=_raw_values("unknown", settings.unknown, settings, kind, table),
        scale_register=_locate_scale(settings.scale_register, table, addressing) if settings.scale_register else None,
    )


def _locate(address: int | str, table: Table | None, addressing: Addressing) -> tuple[Table, int]:
    """The table, and the address that travels, which counts from 0."""
    written = str(address).strip()
    if addressing.notation == "4xxxx":
        return _locate_4xxxx(written, table, 1 if addressing.base is None else addressing.base)
    try:
        number = int(written, 16 if written[:2].lower() == "0x" else 10)
    except ValueError:
        raise _MisfitError("address", 'This must be a whole number, or hexadecimal such as "0x8000".') from None
    base = addressing.base or 0
    if not base <= number < MOST_ADDRESSES + base:
        raise _MisfitError("address", f"This must be from {base} to {MOST_ADDRESSES - 1 + base}.")
    return table or "holding", number - base


def _locate_4xxxx(written: str, table: Table | None, base: int) -> tuple[Table, int]:
    """Five digits up to 9999 registers, six up to 65536. Numbers lose the zeros in front, so 17 is coil 00017."""
    digits = written.zfill(5)
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 6:
        raise _MisfitError("address", "Write it with five or six digits, for example 40001 or 400001.")
    found = _TABLE_OF.get(int(digits[0]))
    if found is None:
        raise _MisfitError("address", "The first digit must be 0 (coil), 1 (discrete), 3 (input) or 4 (holding).")
    number = int(digits[1:])
    if not base <= number < MOST_ADDRESSES + base:
        raise _MisfitError("address", f"What follows the first digit must be from {base} to 65535, at most 65536.")
    if table not in (None, found):
        raise _MisfitError("table", f"The address begins with {digits[0]}, which means {found}. Leave the table out.")
    return found, number - base


def _kind_of(settings: PointSettings, table: Table) -> PointType:
    if table in BIT_TABLES:
        if settings.type not in (None, "bool"):
            raise _MisfitError("type", f"A {table} is a single bit: bool.")
        return "bool"
    if settings.type is None:
        raise _MisfitError("type", "Say what the register holds, for example int16 or float32.")
    if settings.count != 1 and settings.type not in ("string", "bcd"):
        raise _MisfitError("count", f"{settings.type} has its own length; only strings and BCD numbers need a count.")
    if settings.type == "bcd" and settings.count > 4:
        raise _MisfitError("count", "A BCD number has four registers at most.")
    return settings.type


def _check_place(span: Span, addressing: Addressing) -> None:
    limits = addressing.limits
    start = 0 if limits.starts_at_zero(span.table) else span.address
    if span.end > MOST_ADDRESSES:
        raise _MisfitError("address", "The value would reach beyond the last address.")
    if span.end - start > limits.longest(span.table):
        name = "max_bits" if span.table in BIT_TABLES else "max_registers"
        raise _MisfitError("address", f"It takes {span.end - start} addresses to read this, more than {name} allows.")


def _spec_of(settings: PointSettings) -> PathSpec:
    """What our own field takes: units and words. The path is needed to make one, and not used."""
    name = settings.field.partition(".")[0]
    given: dict[str, Any] = {
        option: getattr(settings, option)
        for option in ("unit", "enum", "scale", "offset")
        if option in settings.model_fields_set and getattr(settings, option) is not None
    }
    kind = MomentSpec if name == TIMESTAMP else SPECS[name]
    try:
        return kind.model_validate({"path": "@", **given})
    except ValidationError as error:
        path, sentence = next(iter(describe_validation_error(error, kind).items()))
        if path in given and path not in kind.model_fields:
            sentence = f"{name} takes no {path}. Leave it out."
        raise _MisfitError(path, sentence) from None


def _check_bits(settings: PointSettings, kind: PointType, table: Table) -> None:
    whole = kind in ("int16", "uint16", "int32", "uint32", "int64", "uint64") or "int8" in kind
    if kind == "bit" and (settings.bit is None or settings.bit > 15):
        raise _MisfitError("bit", "Say which bit of the register, from 0 (the lowest) to 15.")
    if settings.bit is not None and kind != "bit" and (not whole or settings.bit >= width_of(kind)):
        raise _MisfitError("bit", "There is no such bit in a value of this type.")
    if (settings.mask is not None or settings.shift) and not whole:
        raise _MisfitError("mask" if settings.mask is not None else "shift", "Only whole numbers have a mask or shift.")
    if settings.bit is not None and (settings.mask is not None or settings.shift):
        raise _MisfitError("bit", "Either a bit, or mask and shift.")
    if table in BIT_TABLES and settings.scale_register:
        raise _MisfitError("scale_register", "A single bit has no decimal point.")


def _check_number(settings: PointSettings, kind: PointType, spec: PathSpec) -> None:
    is_bit = kind in ("bool", "bit") or settings.bit is not None
    if is_bit and isinstance(spec, NumberSpec | MomentSpec):
        raise _MisfitError("type", f"{settings.field} is a number; a single bit is not.")
    if settings.min is not None and settings.max is not None and settings.min > settings.max:
        raise _MisfitError("min", "This is more than max.")
    numeric = (settings.min, settings.max, settings.scale_register)
    if (is_bit or kind == "string") and any(option is not None for option in numeric):
        raise _MisfitError("type", "Only numbers have min, max and a decimal point.")


def _raw_values(name: str, values: list[int], settings: PointSettings, kind: PointType, table: Table) -> frozenset[int]:
    """As the bits of the whole value: -32768 and 0x8000 are the same sixteen bits."""
    if values and (kind == "string" or table in BIT_TABLES):
        raise _MisfitError(name, "Texts and single bits have no such values.")
    width = width_of(kind, settings.count)
    if any(not -(1 << (width - 1)) <= value < 1 << width for value in values):
        raise _MisfitError(name, f"This does not fit into the {width} bits of the value.")
    if is_float(kind) and any(value < 0 for value in values):
        raise _MisfitError(name, 'Write the bits of a float in hexadecimal, for example "0x7FC00000".')
    return frozenset(value & ((1 << width) - 1) for value in values)


def _locate_scale(scale: ScaleRegister, table: Table, addressing: Addressing) -> ScalePoint:
    own = scale.table or (table if addressing.notation == "plain" else None)
    try:
        found, address = _locate(scale.address, own, addressing)
    except _MisfitError as misfit:
        raise _MisfitError(f"scale_register.{misfit.name}", misfit.sentence) from None
    if found in BIT_TABLES:
        raise _MisfitError("scale_register.table", "A decimal point is in a holding or input register.")
    return ScalePoint(Span(found, address, 1), scale.type, scale.meaning == "exponent")
