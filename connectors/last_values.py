"""The last value of each of a machine's sources, with its own time, as one document to map. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .errors import ResponseError
from .findings import NESTED_FIELDS
from .mapping import parse_document
from .mapping_settings import DocumentMapping
from .mqtt_formats import number_in
from .reading import VALUE_FIELDS, Reading

_MOST_SOURCES = 1000
_DOUBTS = ("stale", "uncertain")

Path = tuple[str, ...]


@dataclass(slots=True)
class LastValue:
    value: Any
    at: datetime | None  # None: nobody knows when; it is the last one known
    doubt: str | None = None  # stale or uncertain


class LastValues:
    """Put values in as they come, and read the whole."""

    def __init__(
        self, mapping: DocumentMapping, root: str | None, max_age: timedelta | None, *, texts: bool = False
    ) -> None:
        """`texts`: all values come as text, so what looks like a number is one where no mapping says otherwise."""
        self._texts = texts and not mapping.model_fields_set
        self._mapping = mapping
        self._untimed = mapping.model_copy(update={"timestamp": None}) if mapping.timestamp else mapping
        self._root = root
        self._max_age = max_age
        self._values: dict[Path, LastValue] = {}

    def put(self, path: Path, value: Any, at: datetime | None, doubt: str | None = None) -> bool:
        """False if something newer is known already, or there is no room."""
        known = self._values.get(path)
        if known is None and len(self._values) >= _MOST_SOURCES:
            return False
        if known and known.at and (at is None or at < known.at):
            return False
        self._values[path] = LastValue(value, at, doubt)
        return True

    def doubt_all(self, doubt: str) -> None:
        for known in self._values.values():
            known.doubt = known.doubt or doubt

    def clear(self) -> None:
        self._values.clear()

    def __bool__(self) -> bool:
        return bool(self._values)

    def document(self) -> Any:
        return grow_tree({path: known.value for path, known in self._values.items()})

    def read(self, at: datetime, *, timed: bool = False) -> Reading:
        """All that is known, as of a moment; `timed`: it is the machine's, so no time in the document counts.

        What is doubted or too old is named in `quality`. ResponseError if none of it is a value we know.
        """
        mapping = self._untimed if timed else self._mapping
        reading = self._parse(None, mapping, at)
        for doubt in _DOUBTS:
            if any(self._doubt(known, at) == doubt for known in self._values.values()):
                reading = mark_differences(reading, self._read_without(doubt, mapping, at), doubt)
        return reading

    def _read_without(self, doubt: str, mapping: DocumentMapping, at: datetime) -> Reading:
        try:
            return self._parse(doubt, mapping, at)
        except ResponseError:
            return Reading(reading_time=at)  # nothing is left

    def _doubt(self, known: LastValue, at: datetime) -> str | None:
        if self._max_age and (known.at is None or at - known.at > self._max_age):
            return "stale"
        return known.doubt

    def _parse(self, without: str | None, mapping: DocumentMapping, at: datetime) -> Reading:
        kept = {
            path: known.value
            for path, known in self._values.items()
            if without is None or self._doubt(known, at) != without
        }
        reading = parse_document(grow_tree(kept), mapping, received_at=at, root=self._root)
        return with_numbers(reading) if self._texts else reading


def grow_tree(leaves: Mapping[Path, Any]) -> dict[str, Any]:
    """{("a", "b"): 1} as {"a": {"b": 1}}. Where a name has a value and names below it, its own is under ""."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        node = tree
        for name in path[:-1]:
            below = node.get(name)
            # Copied, as it may be a machine's document, which stays what it is.
            below = node[name] = dict(below) if isinstance(below, dict) else {} if below is None else {"": below}
            node = below
        known = node.get(path[-1])
        if isinstance(known, dict):
            node[path[-1]] = {**known, **value} if isinstance(value, dict) else {**known, "": value}
        else:
            node[path[-1]] = value
    return tree


def with_numbers(reading: Reading) -> Reading:
    sensors = {name: number_in(value) for name, value in reading.additional_sensors.items()}
    return replace(reading, additional_sensors=sensors)


def list_values(reading: Reading) -> Iterator[tuple[str, Any]]:
    """(`humidity`, 61.0), (`temperature_zones.core`, 72.0) ... of every value that is there."""
    for name in VALUE_FIELDS:
        if (value := getattr(reading, name)) is not None:
            yield name, value
    for name in NESTED_FIELDS:
        yield from ((f"{name}.{key}", value) for key, value in getattr(reading, name).items() if value is not None)


def mark_all(reading: Reading, doubt: str) -> Reading:
    return replace(reading, quality={**{name: doubt for name, _ in list_values(reading)}, **reading.quality})


def mark_differences(reading: Reading, sound: Reading, doubt: str) -> Reading:
    """Doubt the values that are not the same without the doubted sources."""
    kept = dict(list_values(sound))
    doubted = {name: doubt for name, value in list_values(reading) if kept.get(name) != value}
    return replace(reading, quality={**doubted, **reading.quality})
