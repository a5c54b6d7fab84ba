"""From one machine's messages to its readings, for each kind of message. Pure: no socket, no clock of their own.

What is retained was said before we listened: with a time it counts for that time, without one it is only the last
value known, and never a reading of now.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from paho.mqtt.client import topic_matches_sub

from .errors import ConnectorError, ResponseError
from .findings import find_in
from .last_values import LastValues, Path, mark_all
from .mapping import parse_document
from .mqtt_formats import Sample, decode_object, decode_senml, decode_struct, decode_value
from .mqtt_settings import MqttOptions
from .reading import Reading
from .values import BadValueError, check_moment, clean_text, parse_moment, word_of

BURST_SECONDS = 0.05  # values of one moment come in several messages
_LONGEST_BURST_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
_OTHERS_KEPT = 5

Item = Reading | ConnectorError


class Message(Protocol):
    """One message as a feed sees it."""

    @property
    def topic(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retained(self) -> bool: ...
    @property
    def received_at(self) -> datetime: ...


class Feed(ABC):
    """`take` every message of the machine, and `tick` at the `deadline`; times are seconds of any one clock."""

    deadline: float | None = None
    holds = False  # a message that was taken is not in a reading yet

    def __init__(self, options: MqttOptions, device_id: str) -> None:
        self.options = options
        self.takes_last_known = False  # also what is retained and older than we believe
        self.others: set[str] = set()  # machines that share the topic
        self._device_id = device_id

    @abstractmethod
    def take(self, message: Message, now: float) -> list[Item]:
        """The readings that are complete with this message, or what is wrong with it."""

    def tick(self, now: float) -> list[Item]:
        """What is due."""
        return []

    def begin(self, now: float) -> None:
        """From now on every message is heard; before, some may have passed."""
        self.others.clear()

    @abstractmethod
    def document(self) -> Any:
        """What came last, for the person who writes a mapping."""

    def _is_ours(self, document: Any) -> bool:
        if self.options.device_path is None:
            return True
        try:
            found = word_of(find_in(document, self.options.device_path))
        except BadValueError:
            return False
        if found != self._device_id and len(self.others) < _OTHERS_KEPT:
            self.others.add(found)
        return found == self._device_id

    def _max_age(self) -> timedelta | None:
        seconds = self.options.silence_seconds
        return timedelta(seconds=seconds) if seconds else None


class DocumentFeed(Feed):
    """Each message holds all there is to say about its moment."""

    def __init__(self, options: MqttOptions, device_id: str) -> None:
        super().__init__(options, device_id)
        self._newest: datetime | None = None
        self._document: Any = None

    def document(self) -> Any:
        return self._document

    def take(self, message: Message, now: float) -> list[Item]:
        try:
            return list(self._read(message))
        except ResponseError as error:
            return [error]

    def _read(self, message: Message) -> Iterator[Item]:
        for sample in self._decode(message):
            if not self._is_ours(sample.document):
                continue
            self._document = sample.document
            reading, timed = parse_sample(sample, self.options, received_at=message.received_at)
            if message.retained:
                yield from self._last_known(reading, message.received_at, timed=timed)
            else:
                self._newest = max(self._newest or reading.reading_time, reading.reading_time)
                yield reading

    def _decode(self, message: Message) -> Sequence[Sample]:
        if self.options.format == "senml":
            return decode_senml(message.payload, self.options.device_id, received_at=message.received_at)
        if self.options.format == "struct" and self.options.struct:
            return [Sample(None, decode_struct(message.payload, self.options.struct))]
        return [Sample(None, decode_object(message.payload))]

    def _last_known(self, reading: Reading, now: datetime, *, timed: bool) -> Iterator[Reading]:
        max_age = self._max_age()
        old = not timed or bool(max_age and now - reading.reading_time > max_age)
        if self._newest and (not timed or reading.reading_time <= self._newest):
            return  # a new subscription brings it again
        if not old:
            self._newest = reading.reading_time
            yield reading
        elif self.takes_last_known:
            yield mark_all(reading, "stale")


def parse_sample(sample: Sample, options: MqttOptions, *, received_at: datetime) -> tuple[Reading, bool]:
    """The reading in one sample, and whether its time is the machine's. ResponseError if it holds none."""
    moment, doubt = check_moment(sample.at, received_at)
    reading = parse_document(sample.document, options.mapping, received_at=moment, root=options.root)
    if doubt:
        reading = replace(reading, quality={**reading.quality, "reading_time": doubt})
    return reading, reading.reading_time is not received_at


class MergedFeed(Feed):
    """Values come one by one, or part by part: the last ones are kept side by side, and a burst makes one reading."""

    def __init__(self, options: MqttOptions, device_id: str, topics: Sequence[tuple[str | None, str]]) -> None:
        super().__init__(options, device_id)
        self._topics = topics
        self._last = LastValues(options.mapping, options.root, self._max_age(), texts=options.format == "raw")
        self._at: datetime | None = None  # of the newest value in this burst
        self._timed = False
        self._longest: float | None = None
        self._whole_from: float | None = None  # a burst that begins before may have begun before we listened
        self._patience = min(options.interval, _LONGEST_WAIT_SECONDS)

    def begin(self, now: float) -> None:
        super().begin(now)
        self._whole_from = now + BURST_SECONDS

    def document(self) -> Any:
        return self._last.document()

    def take(self, message: Message, now: float) -> list[Item]:
        try:
            value = decode_value(message.payload) if self.options.format == "raw" else decode_object(message.payload)
        except ResponseError as error:
            return [error]
        if isinstance(value, dict | list) and not self._is_ours(value):
            return []
        moment = self._find_moment(value)
        at, _ = check_moment(moment, message.received_at)
        timed = at is not message.received_at
        old = message.retained and (not timed or self._is_old(at, message.received_at))
        known_at, doubt = (None if old and not timed else at), ("stale" if old else None)
        paths = [self._part(value, path) for path in self._paths(message.topic)]
        new = [self._last.put(path, value, known_at, doubt) for path in paths]
        if any(new) and (self.takes_last_known or not old):
            self._timed = self._timed or timed
            self._hold(at, now, is_live=not message.retained)
        return []

    def _find_moment(self, value: Any) -> datetime | None:
        spec = self.options.mapping.timestamp
        if spec is None or not isinstance(value, dict):
            return None
        try:
            return parse_moment(find_in(value, spec.path), spec.unit, spec.timezone)
        except BadValueError:
            return None

    def _is_old(self, at: datetime, now: datetime) -> bool:
        max_age = self._max_age()
        return bool(max_age and now - at > max_age)

    def _hold(self, at: datetime, now: float, *, is_live: bool) -> None:
        self._at, self.holds = at if self._at is None else max(self._at, at), True
        if is_live and self._whole_from is not None:
            if now < self._whole_from:  # the first half of it is missing: wait for the next one
                self._whole_from = now + BURST_SECONDS
                self.deadline = self.deadline or now + self._patience
                return
            self._whole_from = None
        self._longest = self._longest or now + _LONGEST_BURST_SECONDS
        self.deadline = min(now + BURST_SECONDS, self._longest)

    def _paths(self, topic: str) -> Iterator[Path]:
        """Where in the document a topic's value has its place: what the wildcards stand for, else its last level."""
        levels = topic.split("/")
        for name, wanted in self._topics:
            if not topic_matches_sub(wanted, topic):
                continue
            fixed = next((at for at, level in enumerate(wanted.split("/")) if level in ("+", "#")), None)
            below = () if fixed is None else tuple(levels[fixed:])
            if name is not None:
                yield (name, *below)
            else:
                yield below or (levels[-1],)

    def _part(self, value: Any, path: Path) -> Path:
        if self.options.part_path is None:
            return path
        try:
            part = word_of(find_in(value, self.options.part_path))
        except BadValueError:
            part = ""
        return (part,) if not self.options.topics else (*path, part)

    def tick(self, now: float) -> list[Item]:
        if self.deadline is None or now < self.deadline or self._at is None:
            return []
        at, timed = self._at, self._timed
        self._at = self._longest = self.deadline = None
        self._timed = self.holds = False
        try:
            return [self._last.read(at, timed=timed)]
        except ResponseError as error:
            return [error]


def describe_others(names: set[str]) -> str:
    return ", ".join(sorted(clean_text(name) for name in names))
