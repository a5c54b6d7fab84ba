"""Registers straight to values, for the plain points that most are: the same result without asking every question.

What is not plain, or looks wrong in any way, is left to `modbus_map.py`: then there is no value here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .findings import quick_reader
from .mapping_settings import NumberSpec, WordSpec
from .modbus_points import Point

Registers = Mapping[int, int]
Quick = Callable[[Registers], Any]  # None: look closer
_WIDTHS = {"int16": 16, "uint16": 16, "int32": 32, "uint32": 32}
_MOST_WORDS = 64
_MOST_NUMBERS = 4096


def make_quick_number(point: Point) -> Quick | None:
    """For a whole number with a scale and a unit; None where the point has more to it."""
    settings, spec = point.settings, point.spec
    if (
        point.kind not in _WIDTHS
        or not isinstance(spec, NumberSpec)
        or spec.type != "number"
        or point.scale_register is not None
        or point.order not in ("ABCD", "CDAB")
        or (settings.bit, settings.mask, settings.min, settings.max) != (None, None, None, None)
        or settings.shift
    ):
        return None
    convert = quick_reader(point.field, spec)
    if convert is None:
        return None
    unknown, width, first = point.nan | point.unknown, _WIDTHS[point.kind], point.span.address
    half = 1 << (width - 1) if point.kind.startswith("int") else 1 << width
    high, low = (first, first + 1) if point.order == "ABCD" else (first + 1, first)
    meanings: dict[int, Any] = {}  # most values have come before

    def read(registers: Registers) -> Any:
        try:
            bits = registers[first] if width == 16 else registers[high] << 16 | registers[low]
        except KeyError:
            return None
        if (meaning := meanings.get(bits)) is not None:
            return meaning
        if bits in unknown:
            return None
        meaning = convert(bits - (half << 1) if bits >= half else bits)
        if meaning is not None and len(meanings) < _MOST_NUMBERS:
            meanings[bits] = meaning
        return meaning

    return read


class WordMemory:
    """Remembers what a register's value means, once it was found out."""

    def __init__(self, point: Point) -> None:
        self._address = point.span.address
        self._words: dict[int | None, Any] = {}

    @classmethod
    def of(cls, point: Point) -> "WordMemory | None":
        is_plain = point.span.count == 1 and point.scale_register is None and isinstance(point.spec, WordSpec)
        return cls(point) if is_plain else None

    def __call__(self, registers: Registers) -> Any:
        return self._words.get(registers.get(self._address))

    def learn(self, registers: Registers, word: Any) -> None:
        if word is not None and len(self._words) < _MOST_WORDS:
            self._words[registers.get(self._address)] = word
