"""What the registers of a machine say: a `Reading`, by the configured points. Pure.

One bad value never costs the others: it is None and named in `quality`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .errors import ResponseError
from .findings import Findings
from .mapping import FIRST_ZONES
from .mapping_settings import PathSpec
from .modbus_blocks import Span
from .modbus_codec import Order, decode_number, decode_text, raw_bits
from .modbus_point_settings import TIMESTAMP
from .modbus_points import Point
from .modbus_quick import WordMemory, make_quick_number
from .reading import ZONE_FIELDS, Reading
from .values import BadValueError, check_moment, word_of

# Table -> address -> register, or 0 and 1 of a coil. What the machine does not have is not in it.
Image = Mapping[str, Mapping[int, int]]

_LARGEST_EXPONENT = 12


class RegisterMap:
    """The points of one machine. What is the same for every reading is found out once, here."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points
        fields = _by_field(points)
        self._clocks = fields.pop(TIMESTAMP, [])
        found = [_Field(name, candidates) for name, candidates in fields.items()]
        self._fields = [(field, field.quick, field.table, field.name, field.key) for field in found]

    def parse(self, image: Image, *, received_at: datetime) -> Reading:
        """The reading in what the machine answered. ResponseError if it has none of the registers."""
        if not any(image.values()):
            raise ResponseError("The machine answered, but has none of the configured registers.", code="mapping")
        found = Findings()
        moment = self._take_moment(found, image) if self._clocks else None
        for field, quick, table, name, key in self._fields:
            registers = image.get(table) if quick else None
            if not registers or not quick or (value := quick(registers)) is None:
                field.look_closer(found, image)
            elif key:
                found.values[name][key] = value
            else:
                found.values[name] = value
        reading_time, doubt = check_moment(moment, received_at)
        if doubt:
            found.quality["reading_time"] = doubt
        for name, zones in zip(("temperature", "target_temperature"), ZONE_FIELDS, strict=True):
            if name not in found.values:
                values = map(found.values[zones].get, FIRST_ZONES)
                found.values[name] = next((value for value in values if value is not None), None)
        return Reading(reading_time=reading_time, quality=found.quality, **found.values)

    def _take_moment(self, found: Findings, image: Image) -> datetime | None:
        point, raw = _choose(image, self._clocks)
        if isinstance(raw, BadValueError):
            found.quality["reading_time"] = "bad"
            return None
        return found.take_moment(raw, *_clock(point.spec))


class _Field:
    """One field of the reading, and the points that may have something to say of it."""

    def __init__(self, field: str, candidates: list[Point]) -> None:
        self._field, self._candidates = field, candidates
        self.name, _, self.key = field.partition(".")
        only = candidates[0] if len(candidates) == 1 else None
        self._words = WordMemory.of(only) if only else None
        self.quick = self._words or (make_quick_number(only) if only else None)
        self.table = candidates[0].span.table

    def look_closer(self, found: Findings, image: Image) -> None:
        point, raw = _choose(image, self._candidates)
        found.take(self._field, point.spec, raw)
        if self._words and _is_word(point.spec, raw):
            self._words.learn(image[self.table], found.values[self.name])


def parse_registers(image: Image, points: Sequence[Point], *, received_at: datetime) -> Reading:
    """As `RegisterMap.parse`, for a single reading."""
    return RegisterMap(points).parse(image, received_at=received_at)


def raw_value(point: Point, image: Image) -> Any:
    """What stands in the registers, before scale and unit; None if they say there is nothing to tell.

    BadValueError if they say so, or if it cannot be right.
    """
    return interpret(point, take_registers(image, point.span), point.order, exponent_of(point, image))


def interpret(point: Point, registers: Sequence[int], order: Order, exponent: int = 0) -> Any:
    """As `raw_value`, in an order of the caller's choice: the connection test shows all four."""
    settings = point.settings
    if point.kind == "string":
        return decode_text(registers, settings.string_order)
    bits = raw_bits(point.kind, registers, order)
    if bits in point.nan:
        raise BadValueError("the machine says the sensor is broken")
    if bits in point.unknown:
        return None
    if settings.bit is not None:
        return bool(bits >> settings.bit & 1)
    if settings.mask is not None or settings.shift:
        value: float = (bits if settings.mask is None else bits & settings.mask) >> settings.shift
    else:
        value = decode_number(point.kind, bits)
    if isinstance(value, bool):
        return value
    value = value * 10**exponent if exponent > 0 else value / 10**-exponent if exponent else value
    scaled = value * settings.scale + settings.offset
    # Written so that NaN, which is neither less nor more, is left to the unit conversion to refuse.
    if settings.min is not None and scaled < settings.min or settings.max is not None and scaled > settings.max:
        raise BadValueError("beyond min or max")
    return value


def exponent_of(point: Point, image: Image) -> int:
    """The power of ten to multiply by. Controllers that have not started up hold nonsense here: BadValueError."""
    scale = point.scale_register
    if scale is None:
        return 0
    value = int(decode_number(scale.kind, raw_bits(scale.kind, take_registers(image, scale.span), "ABCD")))
    if abs(value) > _LARGEST_EXPONENT or value < 0 and not scale.is_exponent:
        raise BadValueError("no place for a decimal point")
    return value if scale.is_exponent else -value


def take_registers(image: Image, span: Span) -> list[int]:
    table = image.get(span.table, {})
    try:
        return [table[address] for address in range(span.address, span.end)]
    except KeyError:
        raise BadValueError("the machine does not have these registers") from None


def convert(point: Point, raw: Any) -> tuple[Any, str | None]:
    """The value as a reading would hold it, and its quality where that is not good."""
    found = Findings()
    if point.field == TIMESTAMP:
        moment = None if isinstance(raw, BadValueError) else found.take_moment(raw, *_clock(point.spec))
        return (None, "bad") if moment is None else (moment.isoformat(), None)
    found.take(point.field, point.spec, raw)
    name, _, key = point.field.partition(".")
    value = found.values[name][key] if key else found.values[name]
    return value, found.quality.get(point.field)


def try_raw_value(point: Point, image: Image) -> Any:
    """As `raw_value`, with the error in place of a value that is not there."""
    try:
        return raw_value(point, image)
    except BadValueError as error:
        return error


def _by_field(points: Sequence[Point]) -> dict[str, list[Point]]:
    fields: dict[str, list[Point]] = {}
    for point in points:
        fields.setdefault(point.field, []).append(point)
    return fields


def _choose(image: Image, points: Sequence[Point]) -> tuple[Point, Any]:
    """The first point of a field that has something to say: a fault bit comes before the number of the mode."""
    for point in points[:-1]:
        raw = try_raw_value(point, image)
        value, doubt = convert(point, raw)
        if value is not None and doubt is None and _has_word(point.spec, raw):
            return point, raw
    return points[-1], try_raw_value(points[-1], image)


def _has_word(spec: PathSpec, raw: Any) -> bool:
    """Without words for it, the next point may know more. That a word is unknown is said of the last one."""
    words: Mapping[str, Any] = getattr(spec, "enum", {})
    return not words or word_of(raw) in words


def _is_word(spec: PathSpec, raw: Any) -> bool:
    """One we have a meaning for: of others the reading says more than the field does."""
    return not isinstance(raw, BadValueError) and raw is not None and _has_word(spec, raw) and hasattr(spec, "enum")


def _clock(spec: PathSpec) -> tuple[str, str]:
    return getattr(spec, "unit", "iso"), getattr(spec, "timezone", "UTC")
