"""One machine's messages as news: readings, what is wrong with a message, and whether the machine is there at all.

A machine counts as lost when it says so, or its last will does, or when it is silent for too long; never because a
socket is open or closed.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from .errors import ConnectorError, ResponseError, UnreachableError
from .mqtt_feeds import Feed, Item
from .mqtt_formats import decode_value
from .mqtt_inbox import Inbox, Message
from .mqtt_settings import MqttOptions
from .reading import Reading

# Of those without a time of their own, beside what is not confirmed: confirmations can be lost with a connection. What
# has a time is known to the database, and so not remembered longer: a thousand machines must fit into the cache.
_RECENT = 20


class Listener:
    """Call `step` when the inbox stirs and at the `deadline`, `judge` after it. `now` is any one clock's seconds."""

    def __init__(
        self, inbox: Inbox, feed: Feed, options: MqttOptions, *, availability: str | None, where: str, confirms: bool
    ) -> None:
        self.feed = feed
        self._inbox, self._options, self._availability, self._where = inbox, options, availability, where
        self._confirms, self._silence = confirms, options.silence_seconds
        self._session = 0
        self._last_life = 0.0
        self._said: str | None = None  # what was told last, until the machine speaks again
        self._held: list[Message] = []
        self._pending: dict[int, tuple[Reading, list[Message]]] = {}
        self._recent: OrderedDict[int, tuple[bool, Message]] = OrderedDict()

    def step(self, now: float) -> Iterator[Item]:
        """All that has come. Raises what makes listening senseless."""
        if self._inbox.refusal:
            raise self._inbox.refusal
        if self._inbox.session != self._session:
            self._session, self._last_life = self._inbox.session, now
            self.feed.begin(now)
        while message := self._inbox.take():
            yield from self._take(message, now)
        yield from self._hand_over(self.feed.tick(now))

    def judge(self, now: float) -> Iterator[ConnectorError]:
        """What there is to say about its silence."""
        if trouble := self._inbox.trouble:
            self._last_life = now  # nobody can be heard now
            yield from self._say("broker", trouble)
        elif (end := self._end_of_patience()) is not None and now >= end:
            yield from self._say(
                "silence",
                UnreachableError(
                    f"Nothing has come on {self._where} for {self._silence:g} s. Check that the "
                    "machine is switched on and connected to the broker; if it sends less often, set a longer interval."
                ),
            )

    def deadline(self) -> float | None:
        due, silent = self.feed.deadline, None if self._inbox.trouble else self._end_of_patience()
        return silent if due is None else due if silent is None else min(due, silent)

    def confirm(self, readings: Sequence[Reading]) -> None:
        """These are stored: their messages are no longer needed."""
        for reading in readings:
            known, messages = self._pending.pop(id(reading), (None, []))
            if known is reading:
                _finish(messages)

    def take_unfinished(self) -> list[Message]:
        """What is not confirmed, in the order in which it came."""
        pending, held = self._pending, self._held
        self._pending, self._held = {}, []
        return [message for _, messages in pending.values() for message in messages] + held

    def _end_of_patience(self) -> float | None:
        if self._silence is None or self._said in ("silence", "offline"):
            return None
        return self._last_life + self._silence

    def _say(self, what: str, error: ConnectorError) -> Iterator[ConnectorError]:
        if self._said != what:
            self._said = what
            yield error

    def _take(self, message: Message, now: float) -> Iterator[Item]:
        if message.topic == self._availability:
            yield from self._note_availability(message.payload, now)
            message.done()
            return
        if self._is_known(message):
            return
        self._held.append(message)
        items = self.feed.take(message, now)
        if not message.retained and (self.feed.holds or any(not _is_farewell(item) for item in items)):
            self._last_life = now
        yield from self._hand_over(items)
        if not self.feed.holds:
            _finish(self._held)
            self._held.clear()

    def _note_availability(self, payload: bytes, now: float) -> Iterator[Item]:
        try:
            found = decode_value(payload)
        except ResponseError:
            return
        word = found.get("state") if isinstance(found, dict) else found
        if word == self._options.payload_not_available:
            yield from self._say(
                "offline",
                UnreachableError(
                    f"The broker says that the machine is not there ({self._availability}). Check that it is switched "
                    "on and in the network.",
                    code="offline",
                ),
            )
        elif word == self._options.payload_available and self._said == "offline":
            self._said, self._last_life = None, now

    def _is_known(self, message: Message) -> bool:
        """The same again: with a time of its own it says nothing new; without one only if the broker says so."""
        if message.receipt is None:
            return False  # nobody repeats it
        timed, first = self._recent.get(_key(message), (False, None))
        if first is None or not (timed or message.repeated):
            return False
        message.follow(first)
        return True

    def _hand_over(self, items: Iterable[Item]) -> Iterator[Item]:
        """Bind the messages to the reading they made before anybody sees it."""
        items = list(items)
        readings = [item for item in items if isinstance(item, Reading)]
        if readings:
            self._bind(readings)
        for item in items:
            if isinstance(item, Reading):
                self._said = None
            elif _is_farewell(item):
                self._said = "offline"
            yield item

    def _bind(self, readings: list[Reading]) -> None:
        """To the last one, as it is stored last."""
        held, self._held = self._held, []
        for message in held:
            self._recent[_key(message)] = (readings[-1].reading_time != message.received_at, message)
        self._forget_known()
        if self._confirms:
            self._pending[id(readings[-1])] = (readings[-1], held)
        else:
            _finish(held)

    def _forget_known(self) -> None:
        while self._recent:
            timed, message = next(iter(self._recent.values()))
            if not message.is_done or not (timed or len(self._recent) > _RECENT):
                return
            self._recent.popitem(last=False)


def _finish(messages: Iterable[Message]) -> None:
    for message in messages:
        message.done()


def _is_farewell(item: Item) -> bool:
    return isinstance(item, UnreachableError)


def _key(message: Message) -> int:
    return hash((message.topic, message.payload))
