"""From the messages of a Sparkplug edge node to the readings of one of its machines. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from .errors import ResponseError, UnreachableError
from .last_values import LastValues, Path
from .mqtt_feeds import Feed, Item, Message
from .mqtt_settings import MqttOptions
from .reading import Reading
from .sparkplug import NAMESPACE, decode_payload
from .sparkplug_node import Blind, Death, EdgeNode, Event, Gap, Past, Value, Values
from .values import BadValueError, check_moment, parse_moment


def node_filter(options: MqttOptions) -> str:
    """All messages of the edge node: only the whole row shows what was lost."""
    return f"{NAMESPACE}/{options.group_id}/+/{options.edge_node_id}/#"


def rebirth_topic(options: MqttOptions) -> str:
    return f"{NAMESPACE}/{options.group_id}/NCMD/{options.edge_node_id}"


class SparkplugFeed(Feed):
    """`ask_rebirth` is called when only a birth helps; None: we may not ask."""

    def __init__(self, options: MqttOptions, device_id: str, ask_rebirth: Callable[[], None] | None) -> None:
        super().__init__(options, device_id)
        self._node = EdgeNode(options.device_id, reorder_seconds=options.reorder_timeout)
        self._last = LastValues(options.mapping, options.root, self._max_age())
        self._ask_rebirth = ask_rebirth
        self._has_complained = False

    @property
    def machine(self) -> str:
        own = (self.options.group_id, self.options.edge_node_id, self.options.device_id)
        return "/".join(filter(None, own))

    def document(self) -> Any:
        return self._last.document()

    def begin(self, now: float) -> None:
        super().begin(now)
        self._node.forget()
        self._last.doubt_all("uncertain")
        self._has_complained = False
        if self._ask_rebirth:
            self._ask_rebirth()

    def take(self, message: Message, now: float) -> list[Item]:
        levels = message.topic.split("/")
        kind, device = levels[2] if len(levels) > 3 else "", levels[4] if len(levels) > 4 else None
        if kind.endswith("CMD"):
            return []
        try:
            events = self._node.take(kind, device, decode_payload(message.payload), now)
        except ResponseError as error:
            return [error]
        self.deadline = self._node.deadline
        return list(self._read(events, message.received_at))

    def tick(self, now: float) -> list[Item]:
        events = self._node.tick(now)
        self.deadline = self._node.deadline
        return list(self._read(events, datetime.now(UTC))) if events else []

    def _read(self, events: Iterable[Event], received_at: datetime) -> Iterator[Item]:
        for event in events:
            try:
                yield from self._items(event, received_at)
            except ResponseError as error:
                yield error

    def _items(self, event: Event, received_at: datetime) -> Iterator[Item]:
        match event:
            case Values(values, birth):
                if birth:
                    self._last.clear()
                    self._has_complained = False
                yield self._now(values, received_at)
            case Past(values):
                yield from self._past(values, received_at)
            case Death():
                self._last.doubt_all("stale")
                yield UnreachableError(
                    f"{self.machine} has signed off, or its line to the broker broke. Check that it is switched on and "
                    "in the network.",
                    code="offline",
                )
            case Gap():
                self._last.doubt_all("uncertain")
                self._request_birth()
            case Blind():
                yield from self._complain()

    def _request_birth(self) -> None:
        if self._ask_rebirth:
            self._ask_rebirth()

    def _complain(self) -> Iterator[Item]:
        self._request_birth()
        if not self._ask_rebirth and not self._has_complained:
            self._has_complained = True
            yield ResponseError(
                f"{self.machine} sends values that only its birth message explains, and that was sent before we "
                "listened. Restart the edge node, or set additional_config.allow_rebirth so that we may ask for it.",
                code="mapping",
            )

    def _now(self, values: tuple[Value, ...], received_at: datetime) -> Reading:
        newest: datetime | None = None
        doubt: str | None = None
        for value in values:
            at, strange = check_moment(_moment(value.at_ms), received_at)
            newest, doubt = max(newest or at, at), doubt or strange
            self._last.put(_path(value), _sound(value), at, value.quality)
        reading = self._last.read(newest or received_at, timed=self.options.mapping.timestamp is None)
        return replace(reading, quality={**reading.quality, "reading_time": doubt}) if doubt else reading

    def _past(self, values: tuple[Value, ...], received_at: datetime) -> Iterator[Reading]:
        timed = sorted((value for value in values if value.at_ms is not None), key=lambda value: value.at_ms or 0)
        for at_ms, group in groupby(timed, key=lambda value: value.at_ms):
            at, doubt = check_moment(_moment(at_ms), received_at)
            if doubt is None:
                then = LastValues(self.options.mapping, self.options.root, None)
                for value in group:
                    then.put(_path(value), _sound(value), at, value.quality)
                yield then.read(at, timed=True)


def _sound(value: Value) -> Any:
    """What the machine itself calls bad is nothing that a field can hold."""
    return math.nan if value.quality == "bad" else value.value


def _path(value: Value) -> Path:
    return tuple(value.name.split("/"))


def _moment(at_ms: int | None) -> datetime | None:
    try:
        return parse_moment(at_ms, "ms", "UTC")
    except BadValueError:
        return None
