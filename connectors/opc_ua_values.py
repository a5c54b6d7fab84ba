"""What OPC UA variables hold, made plain, with their quality, times and units. Pure.

A bad value is None and named in `quality`. Only `finish` raises: if no value at all is good.
"""

import math
import re
import struct
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple, get_args

from asyncua import ua
from asyncua.ua.status_codes import get_name_and_doc

from .errors import AuthenticationError, ConnectorError, ResponseError, UnreachableError
from .findings import Findings
from .mapping_settings import PathSpec
from .reading import Reading
from .values import UNITS, BadValueError, check_moment, clean_text, round_single

Path = tuple[str, ...]  # browse names from the device on

_LIST_LENGTH = 50
_PLAIN = (int, float, str, bool, type(None))
_LARGEST_SINGLE = 3.4e38
_DENORMAL = 1e-30  # smaller floats are integers read as floats (protocols.md, 4.3)
_LAST_KNOWN = ("UncertainLastUsableValue", "UncertainNoCommunicationLastUsableValue")
_NO_MACHINE = re.compile(
    "Bad.*(Communication.*|NotConnected|DeviceFailure|OutOfService|WaitingForInitialData|ResourceUn.*)"
)
_NO_RIGHT = ("BadUserAccessDenied", "BadNotReadable")

# UNECE code -> our unit. An OPC UA UnitId is the code's letters as a number (OPC 10000-8, 5.6.3.4).
_COMMON_CODES = {
    "CEL": "°C", "FAH": "°F", "KEL": "K", "P1": "%", "SEC": "s", "C26": "ms", "MIN": "min", "HUR": "h", "KWH": "kWh",
    "WHR": "Wh", "MWH": "MWh", "KJO": "kJ", "3B": "MJ", "KGM": "kg", "GRM": "g", "LBR": "lb", "KWT": "kW", "WTT": "W",
    "RPM": "r/min", "BAR": "bar", "MBR": "mbar",
}  # fmt: skip
UNIT_IDS: Mapping[int, str] = {int.from_bytes(code.encode(), "big"): unit for code, unit in _COMMON_CODES.items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as it came: plain, or a BadValueError where its type is none that we show."""

    value: Any = None
    status: int = 0
    source_time: datetime | None = None
    server_time: datetime | None = None

    @property
    def is_bad(self) -> bool:
        return self.status >> 30 >= 2

    @property
    def raw(self) -> Any:
        """What `Findings.take` wants."""
        if self.is_bad:
            return BadValueError("bad status")
        if isinstance(self.value, float) and 0 < abs(self.value) < _DENORMAL:
            return BadValueError("an integer read as a float")
        return self.value

    @property
    def doubt(self) -> str | None:
        if self.status >> 30 != 1:
            return None
        return "stale" if status_name(self.status) in _LAST_KNOWN else "uncertain"


class Structure(NamedTuple):
    """An ExtensionObject nobody has decoded."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Measured:
    sample: Sample
    unit: str | None = None


def status_name(status: int) -> str:
    return str(get_name_and_doc(status)[0])


def sample_of(data: Any) -> Sample:
    """From asyncua's DataValue."""
    status = getattr(getattr(data, "StatusCode", None), "value", 0)
    variant = getattr(data, "Value", None)
    value = plain_value(getattr(variant, "Value", None))
    if isinstance(value, float) and getattr(variant, "VariantType", None) == ua.VariantType.Float:
        value = round_float(value)
    return Sample(
        value=value,
        status=status if isinstance(status, int) and 0 <= status < 1 << 32 else 0x80000000,
        source_time=_aware(getattr(data, "SourceTimestamp", None)),
        server_time=_aware(getattr(data, "ServerTimestamp", None)),
    )


def round_float(number: float) -> float:
    """A number that travelled as Float."""
    return round_single(number) if abs(number) < _LARGEST_SINGLE else number


def _aware(moment: Any) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    if moment.tzinfo is UTC:
        return moment
    return moment.astimezone(UTC) if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


def plain_value(value: Any) -> Any:
    """Numbers, texts and short lists of these; a BadValueError (not raised) for everything else."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return plain_value(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, ua.LocalizedText):
        return value.Text
    if isinstance(value, ua.QualifiedName):
        return value.Name
    if isinstance(value, ua.NodeId):
        return value.Identifier if isinstance(value.Identifier, int) else str(value.Identifier)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, ua.ExtensionObject) and isinstance(value.Body, bytes):
        return Structure(value.Body)
    if isinstance(value, list) and len(value) <= _LIST_LENGTH:
        items = [plain_value(item) for item in value if not isinstance(item, list)]
        return items if not any(isinstance(item, BadValueError) for item in items) else BadValueError("a list of such")
    return BadValueError("not a value we can show")


def unit_of(information: Any) -> str | None:
    """Our word for what an EngineeringUnits property says; the server's own where we have none."""
    number = getattr(information, "UnitId", None)
    if isinstance(number, int) and number in UNIT_IDS:
        return UNIT_IDS[number]
    shown = getattr(getattr(information, "DisplayName", None), "Text", None)
    return clean_text(shown)[:20] or None if isinstance(shown, str) else None


@lru_cache(maxsize=1024)
def spec_for(kind: type[PathSpec], unit: str | None, default: str | None = None) -> PathSpec | None:
    """The conversion from this unit, or None where the field cannot be in it."""
    allowed = units_of(kind)
    if not allowed or (unit is None and default is None):
        return kind(path="@")
    chosen = unit or default
    return kind.model_validate({"path": "@", "unit": chosen}) if chosen in allowed else None


def units_of(kind: type[PathSpec]) -> tuple[str, ...]:
    field = kind.model_fields.get("unit")
    return get_args(field.annotation) if field else ()


class Gathering:
    """Takes variables into fields, and knows which are left over."""

    def __init__(self, values: Mapping[Path, Measured]) -> None:
        self.values = values
        self.found = Findings()
        self.used: set[Path] = set()

    def take(self, field: str, kind: type[PathSpec], path: Path, *, default_unit: str | None = None) -> None:
        """Into this field, if the variable is there and its unit fits. A missing value leaves no trace in zones."""
        measured = self.values.get(path)
        spec = spec_for(kind, measured.unit, default_unit) if measured else None
        if measured is None or spec is None:
            return
        self.used.add(path)
        if measured.sample.raw is None and "." in field:
            return
        self.found.take(field, spec, measured.sample.raw)
        if measured.sample.doubt:
            self.found.quality.setdefault(field, measured.sample.doubt)

    def take_number(self, path: Path) -> int | BadValueError | None:
        """A number of an enumeration; a BadValueError (not raised) for a bad value."""
        measured = self.values.get(path)
        if measured is None:
            return None
        self.used.add(path)
        raw = measured.sample.raw
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int | BadValueError | None):
            return BadValueError("not a number of an enumeration")
        return raw

    def take_seconds(self, path: Path) -> float | None:
        """A duration, None where it is not known or bad."""
        measured = self.values.get(path)
        raw = measured.sample.raw if measured else None
        if measured is None or isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            return None
        return raw * UNITS.get(measured.unit or "s", UNITS["s"])[0] * 60

    def numbered(self, prefix: Path, name: str) -> list[Path]:
        """`Name_<No.>` below this object, in order. The standard says no more than `numbered consecutively`."""
        found = []
        for path in self.values:
            start, _, number = path[-1].rpartition("_") if path[:-1] == prefix else ("", "", "")
            if start == name and number.isdecimal() and number.isascii():
                found.append((int(number), path))
        return [path for _, path in sorted(found)]


def finish(found: Findings, samples: Iterable[Sample], *, received_at: datetime, clock: str) -> Reading:
    """The reading. `clock` (source, server, received) says whose time it bears."""
    samples = list(samples)
    if samples and all(sample.is_bad for sample in samples):
        raise _nothing_good(samples)
    times = [sample.source_time if clock == "source" else sample.server_time for sample in samples if not sample.is_bad]
    known = [moment for moment in times if moment is not None] if clock != "received" else []
    reading_time, doubt = check_moment(max(known, default=None), received_at)
    if doubt:
        found.quality["reading_time"] = doubt
    return Reading(reading_time=reading_time, quality=found.quality, **found.values)


def _nothing_good(samples: list[Sample]) -> ConnectorError:
    names = list(dict.fromkeys(status_name(sample.status) for sample in samples))
    listed = ", ".join(names[:3])
    if all(_NO_MACHINE.fullmatch(name) for name in names):
        return UnreachableError(
            f"The OPC UA server answers, but has no connection to the machine ({listed}). Check that the machine is "
            "switched on and connected to it.",
            code="timeout",
        )
    if all(name in _NO_RIGHT for name in names):
        return AuthenticationError(
            f"The server knows us but does not let us read this machine ({listed}). Give the user the right to read.",
            code="forbidden",
        )
    return ResponseError(
        f"The server answers, but none of the values is good ({listed}). Check the machine, and the nodes in "
        "additional_config.",
        code="mapping",
    )


def parse_descriptor(body: bytes) -> tuple[str, str | None, float] | None:
    """(name, unit, value) of a PackMLDescriptorDataType: Int32 ID, String Name, EUInformation Unit, Float Value."""
    try:
        name, place = _read_text(body, 4)
        _, place = _read_text(body, place)
        (unit_id,) = struct.unpack_from("<i", body, place)
        place = _skip_localized(body, _skip_localized(body, place + 4))
        (value,) = struct.unpack_from("<f", body, place)
    except (struct.error, ValueError, IndexError):
        return None
    return name or "", UNIT_IDS.get(unit_id), round_float(value)


def _read_text(body: bytes, place: int) -> tuple[str | None, int]:
    (length,) = struct.unpack_from("<i", body, place)
    if length < 0:
        return None, place + 4
    if place + 4 + length > len(body):
        raise ValueError("the text is longer than what is left")
    return body[place + 4 : place + 4 + length].decode("utf-8", "replace"), place + 4 + length


def _skip_localized(body: bytes, place: int) -> int:
    mask, place = body[place], place + 1
    for bit in (1, 2):
        if mask & bit:
            _, place = _read_text(body, place)
    return place
