"""One value from a machine's JSON into ours: numbers from text, units, words, moments. Pure.

Everything here raises BadValueError for a value that cannot be right, and returns None for one that is not there.
"""

import math
import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

_NUMERAL = re.compile(r"[+-]?[0-9]{1,40}(?:[.,][0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_BITS = re.compile(r"[01]{1,64}")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")  # PostgreSQL takes neither NUL nor lone surrogates
_TEXT_LENGTH = 200
_LIST_LENGTH = 50
_LARGEST = 1e15  # beyond that a float no longer counts in ones
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # controllers with an empty battery begin in 1970, 1980 or 2000
_CLOCK_TOLERANCE = timedelta(minutes=2)

# Unit -> (factor, addend) to the unit of the field: value * factor + addend.
UNITS: Mapping[str, tuple[float, float]] = {
    "°C": (1, 0),
    "C": (1, 0),
    "°F": (5 / 9, -160 / 9),
    "F": (5 / 9, -160 / 9),
    "K": (1, -273.15),
    "%": (1, 0),
    "ratio": (100, 0),
    "kWh": (1, 0),
    "Wh": (1e-3, 0),
    "MWh": (1e3, 0),
    "kJ": (1 / 3600, 0),
    "MJ": (1 / 3.6, 0),
    "kg": (1, 0),
    "g": (1e-3, 0),
    "lb": (0.45359237, 0),
    "min": (1, 0),
    "s": (1 / 60, 0),
    "ms": (1 / 60000, 0),
    "h": (60, 0),
}

WordT = TypeVar("WordT", bound=StrEnum)


class BadValueError(ValueError):
    """The machine sent something that cannot be right for this field."""


def parse_number(raw: object) -> float | None:
    """A finite number from a JSON number, or from a numeral in text; the decimal comma is understood."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and _NUMERAL.fullmatch(raw.strip()):
        raw = float(raw.strip().replace(",", "."))
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise BadValueError("not a number")
    if isinstance(raw, int) and abs(raw) > _LARGEST or not math.isfinite(raw) or abs(raw) > _LARGEST:
        raise BadValueError("not a number a machine can measure")
    return float(raw)


def parse_bits(raw: object) -> int | None:
    """A bit mask: a whole number, or text such as "00000010" or "0x1F"."""
    if raw is None or raw == "":
        return None
    if isinstance(raw, str):
        text = raw.strip()
        if _BITS.fullmatch(text):
            return int(text, 2)
        if _HEXADECIMAL.fullmatch(text):
            return int(text, 16)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 1 << 64:
        raise BadValueError("not a bit mask")
    return raw


def convert_number(
    raw: float, *, scale: float, offset: float, unit: str | None, bounds: tuple[float, float] | None
) -> float:
    factor, addend = UNITS.get(unit or "", (1, 0))
    value = (raw * scale + offset) * factor + addend
    if not math.isfinite(value):
        raise BadValueError("not a number a machine can measure")
    if bounds and not bounds[0] <= value <= bounds[1]:
        raise BadValueError("beyond what this field can be")
    return round(value, 6)


def round_single(number: float) -> float:
    """What a number that travelled as 32 bit float was before: 185.3 arrives as 185.30000305. Not for finer ones."""
    if not math.isfinite(number):
        return number
    bits = struct.pack("<f", number)
    rounded = (float(f"{number:.{digits}g}") for digits in range(6, 9))
    return next((candidate for candidate in rounded if struct.pack("<f", candidate) == bits), number)


def word_of(raw: object) -> str:
    """How a value is written as a key of `enum`: true, 4, HotAir."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < _LARGEST:
        return str(int(raw))
    if isinstance(raw, int) and abs(raw) > _LARGEST or not isinstance(raw, str | int | float):
        raise BadValueError("not a word")
    return clean_text(str(raw))


def parse_word(raw: object, words: Mapping[str, WordT], kind: type[WordT]) -> WordT | None:
    """Our word for the machine's, upper and lower case alike. None: it is a word nobody has told us the meaning of."""
    source = word_of(raw)
    if source in words:
        return words[source]
    folded = source.casefold()
    theirs = {key.casefold(): word for key, word in words.items()} if words else {}
    return theirs.get(folded) or cast("WordT | None", _words_of(kind).get(folded))


@cache
def _words_of(kind: type[StrEnum]) -> dict[str, StrEnum]:
    return {str(word): word for word in kind}


def parse_plain(raw: object) -> Any:
    """A value without a field of its own: number, text, true or false, or a short list of these."""
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return clean_text(raw)
    if isinstance(raw, list) and len(raw) <= _LIST_LENGTH and not any(isinstance(item, list | dict) for item in raw):
        return [parse_plain(item) for item in raw]
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= _LARGEST:
        return raw
    return parse_number(raw)


def clean_text(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:_TEXT_LENGTH]


def parse_moment(raw: object, unit: str, zone: str) -> datetime | None:
    """A source time in UTC. `zone` counts only where the machine gives none. Numbers are seconds, or ms."""
    if raw is None or raw == "":
        return None
    try:
        if isinstance(raw, str) and unit == "iso" and not _NUMERAL.fullmatch(raw.strip()):
            moment = datetime.fromisoformat(raw.strip())
        else:
            seconds = parse_number(raw) or 0.0
            if unit == "ms" or (unit == "iso" and abs(seconds) > 1e11):
                seconds /= 1000
            moment = datetime.fromtimestamp(seconds, UTC)
        if moment.utcoffset() is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadValueError("not a moment") from error


def check_moment(moment: datetime | None, received_at: datetime) -> tuple[datetime, str | None]:
    """The time to store, and its quality if it is not good. A clock that is ahead would hide all later readings."""
    if moment is None:
        return received_at, None
    if moment < _EARLIEST:
        return received_at, "bad"
    if moment > received_at + _CLOCK_TOLERANCE:
        return received_at, "uncertain"
    return moment, None
