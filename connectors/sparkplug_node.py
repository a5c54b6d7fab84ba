"""What a consumer must remember of a Sparkplug edge node: its births, aliases and the row of its messages. Pure.

Sparkplug 3.0, sections 5 and 6: births tell names, aliases and types, data only what changed; a number in a row of
256 shows what was lost; a death ends what was known.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from .sparkplug import Metric, Payload, value_of

_ROW = 256
_IN_ROW = ("NDATA", "DDATA", "DBIRTH", "DDEATH")
_BIRTH_SECONDS = 5.0  # that a device may take to follow its node
_NOT_VALUES = ("Node Control/", "Device Control/", "bdSeq")


class Value(NamedTuple):
    name: str
    value: Any
    at_ms: int | None
    quality: str | None


class Values(NamedTuple):
    """What is so now. After a birth nothing of what was known before counts."""

    values: tuple[Value, ...]
    birth: bool


class Past(NamedTuple):
    """What was so once, and comes late: for the history only."""

    values: tuple[Value, ...]


class Death(NamedTuple):
    pass


class Gap(NamedTuple):
    """Messages are lost for good: what they changed is not known until the next birth."""


class Blind(NamedTuple):
    """Data came that only a birth explains."""


Event = Values | Past | Death | Gap | Blind
_Waiting = tuple[str, str | None, Payload]


class EdgeNode:
    """One machine, a device of an edge node or the node itself, in the stream of all messages of that node."""

    def __init__(self, device: str | None, *, reorder_seconds: float) -> None:
        self._device = device
        self._reorder_seconds = reorder_seconds
        self.forget()

    def forget(self) -> None:
        """Messages may have passed unheard, births among them."""
        self._alive: bool | None = None
        self._birth_number: int | None = None
        self._expected: int | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._gap_since: float | None = None
        self._orphan_since: float | None = None  # the node is born again, and our device not yet
        self._names: dict[int, str] = {}
        self._types: dict[str, int] = {}

    @property
    def deadline(self) -> float | None:
        """When `tick` should come, in the clock of `now`."""
        return min((end for end in (self._gap_end, self._orphan_end) if end is not None), default=None)

    @property
    def _gap_end(self) -> float | None:
        return None if self._gap_since is None else self._gap_since + self._reorder_seconds

    @property
    def _orphan_end(self) -> float | None:
        return None if self._orphan_since is None else self._orphan_since + _BIRTH_SECONDS

    def take(self, kind: str, device: str | None, payload: Payload, now: float) -> list[Event]:
        """What a message means for our machine. `device` is None for messages of the node itself."""
        if kind == "NBIRTH":
            return list(self._node_birth(payload, now))
        if kind == "NDEATH":
            return list(self._node_death(payload))
        if kind not in _IN_ROW:
            return []
        if payload.seq is None:
            return list(self._apply(kind, device, payload))
        seq = payload.seq % _ROW
        if self._expected is None:
            self._expected = seq
        if (seq - self._expected) % _ROW >= _ROW // 2:
            return []  # it comes again, or after we gave it up
        self._waiting[seq] = (kind, device, payload)
        events = list(self._apply_row())
        if self._waiting and self._gap_since is None:
            self._gap_since = now
        return events

    def tick(self, now: float) -> list[Event]:
        """Give up what is missing, once it had its time."""
        events: list[Event] = []
        if self._orphan_end is not None and now >= self._orphan_end:
            self._orphan_since = None
            events.append(Death())
        if self._gap_end is None or now < self._gap_end or self._expected is None:
            return events
        events.append(Gap())
        while self._waiting:
            while self._expected not in self._waiting:
                self._expected = (self._expected + 1) % _ROW
            events += self._apply_row()
        return events

    def _apply_row(self) -> Iterator[Event]:
        while self._expected is not None and self._expected in self._waiting:
            waiting = self._waiting.pop(self._expected)
            self._expected = (self._expected + 1) % _ROW
            yield from self._apply(*waiting)
        if not self._waiting:
            self._gap_since = None

    def _node_birth(self, payload: Payload, now: float) -> Iterator[Event]:
        was_alive = self._alive
        self.forget()
        self._expected = ((payload.seq or 0) + 1) % _ROW
        self._birth_number = _birth_number(payload)
        if self._device is None:
            yield from self._birth(payload)
        elif was_alive is not None:
            # Until its own birth, which follows at once, the device is not there (6.4.9).
            self._alive, self._orphan_since = False, now if was_alive else None

    def _node_death(self, payload: Payload) -> Iterator[Event]:
        number = _birth_number(payload)
        if None not in (number, self._birth_number) and number != self._birth_number:
            return  # the will of a connection before this one
        # With no birth seen it may be an old will that waited for us: data with names still counts.
        known = self._alive is not None
        self.forget()
        self._alive = False if known else None
        yield Death()

    def _apply(self, kind: str, device: str | None, payload: Payload) -> Iterator[Event]:
        if device != self._device:
            return
        if kind == "DDEATH":
            self._alive, self._orphan_since = False, None
            yield Death()
        elif kind == "DBIRTH":
            yield from self._birth(payload)
        elif self._alive is False:
            yield Blind()
        else:
            yield from self._values(payload, birth=False)

    def _birth(self, payload: Payload) -> Iterator[Event]:
        self._alive, self._orphan_since = True, None
        named = [(metric.name, metric) for metric in payload.metrics if metric.name]
        self._names = {metric.alias: name for name, metric in named if metric.alias is not None}
        self._types = {name: metric.datatype for name, metric in named if metric.datatype is not None}
        yield from self._values(payload, birth=True)

    def _values(self, payload: Payload, *, birth: bool) -> Iterator[Event]:
        now: list[Value] = []
        past: list[Value] = []
        unexplained = False
        for metric in payload.metrics:
            name = metric.name or self._names.get(-1 if metric.alias is None else metric.alias)
            if name is None or not self._explains(name, metric):
                unexplained = True
            elif not name.startswith(_NOT_VALUES) and not isinstance(metric.raw, bytes):
                at_ms = payload.timestamp if metric.timestamp is None else metric.timestamp
                value = Value(name, value_of(metric, self._types.get(name)), at_ms, metric.quality)
                (past if metric.is_historical else now).append(value)
        if past:
            yield Past(tuple(past))
        if now:
            yield Values(tuple(now), birth)
        if unexplained:
            yield Blind()

    def _explains(self, name: str, metric: Metric) -> bool:
        """A whole number without its type may be a negative one."""
        whole = isinstance(metric.raw, int) and not isinstance(metric.raw, bool)
        return not whole or metric.datatype is not None or name in self._types


def _birth_number(payload: Payload) -> int | None:
    found = [metric.raw for metric in payload.metrics if metric.name == "bdSeq" and isinstance(metric.raw, int)]
    return found[0] if found else None
