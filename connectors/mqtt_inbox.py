"""Messages on their way from the broker to a machine's line, and back as an acknowledgement."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from .bell import Bell
from .errors import ConnectorError

_MOST_UNANSWERED = 10_000  # messages that nobody repeats, should a line not keep up


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came. `number` is what the broker calls it until it is acknowledged; None needs no answer."""

    topic: str
    payload: bytes
    retained: bool
    repeated: bool
    number: int | None


class Receipt:
    """What we owe the broker for a message: one answer, once all machines that it is for are done with it.

    `link` is the connection it came by: only there the broker's number means this message.
    """

    __slots__ = ("link", "number", "open", "order", "_answer")

    def __init__(self, link: object, number: int, order: int, answer: Callable[["Receipt"], None]) -> None:
        self.link, self.number, self.order = link, number, order
        self.open = 0
        self._answer = answer

    def release(self) -> None:
        self.open -= 1
        if self.open == 0:
            self._answer(self)


@dataclass(slots=True, eq=False)
class Message:
    """One message for one machine."""

    topic: str
    payload: bytes
    retained: bool
    repeated: bool
    received_at: datetime
    receipt: Receipt | None
    is_done: bool = False
    followers: "list[Message] | None" = None  # the same again, to be answered with this one

    def for_another(self) -> "Message":
        """The same message for one more machine."""
        if self.receipt and self.receipt.open:
            self.receipt.open += 1
            receipt: Receipt | None = self.receipt
        else:
            receipt = None
        return Message(self.topic, self.payload, self.retained, self.repeated, self.received_at, receipt)

    def done(self) -> None:
        """This machine needs it no more: it is stored, or gave nothing to store."""
        if self.is_done:
            return
        self.is_done, self.payload = True, b""
        if self.receipt:
            self.receipt.release()
        for follower in self.followers or ():
            follower.done()
        self.followers = None

    def follow(self, first: "Message") -> None:
        """Be done when the first one is."""
        if first.is_done:
            self.done()
        else:
            first.followers = first.followers or []
            first.followers.append(self)


class Inbox:
    """The messages for one machine, and how its connection is."""

    def __init__(self, machine: str, topics: Iterable[str], qos: int) -> None:
        self.machine = machine
        self.topics = tuple(dict.fromkeys(topics))
        self.qos = qos
        self.trouble: ConnectorError | None = None  # the broker is away; it comes back by itself
        self.refusal: ConnectorError | None = None  # it will not: trying on would be wrong
        self.session = 0  # how often the connection was made; in between, messages may have passed unheard
        self._messages: deque[Message] = deque()
        self._bell = Bell()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    def put(self, message: Message) -> None:
        if message.receipt is None and len(self._messages) >= _MOST_UNANSWERED:
            return
        self._messages.append(message)
        self._bell.ring()

    def put_back(self, messages: Iterable[Message]) -> None:
        """Taken, and not finished: they come first again."""
        self._messages.extendleft(reversed([message for message in messages if not message.is_done]))

    def take(self) -> Message | None:
        return self._messages.popleft() if self._messages else None

    def take_all(self) -> list[Message]:
        messages = list(self._messages)
        self._messages.clear()
        return messages

    def forget_repeated(self) -> None:
        """The session goes on: what we have not acknowledged is on its way again."""
        self._messages = deque(message for message in self._messages if message.receipt is None)

    def stir(self) -> None:
        self._bell.ring()

    async def wait(self, until: float | None) -> None:
        """Until something is new, or the loop's clock shows this time. It may also come back for nothing.

        An alarm that was set for an earlier time is left: to move it with every message would cost more than one
        that rings for nothing now and then.
        """
        if self._messages:
            return
        if until is not None and until < self._alarm_at:
            self._set_alarm(until)
        try:
            await self._bell.wait()
        except BaseException:
            self.stop_alarm()
            raise

    def _set_alarm(self, until: float) -> None:
        self.stop_alarm()
        self._alarm, self._alarm_at = asyncio.get_running_loop().call_at(until, self._ring_alarm), until

    def _ring_alarm(self) -> None:
        self.stop_alarm()
        self._bell.ring()

    def stop_alarm(self) -> None:
        """Nobody waits any more."""
        if self._alarm:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, math.inf
