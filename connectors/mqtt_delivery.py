"""Which machine a message is for, and when the broker may forget it.

A broker counts what we have not acknowledged over all machines of a connection, and sends what it kept for us before
all their lines are there: nothing may be lost then, and nothing may block for long.
"""

import asyncio
from datetime import UTC, datetime

from paho.mqtt.client import topic_matches_sub
from paho.mqtt.matcher import MQTTMatcher

from .mqtt_inbox import Delivery, Inbox, Message, Receipt
from .mqtt_link import Link

_PATIENCE_SECONDS = 30.0  # for a machine whose line is not there yet, or not again
_MOST_EARLY = 10_000
_MOST_TOPICS_KNOWN = 10_000


class Distributor:
    """The machines of one connection and their messages. `patient`: the broker keeps messages for us."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, patient: bool) -> None:
        self._loop = loop
        self._link: Link | None = None  # the one whose messages can be acknowledged
        self._inboxes: dict[str, Inbox] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._matcher = MQTTMatcher()  # type: ignore[no-untyped-call]
        self._takers: dict[str, tuple[Inbox, ...]] = {}  # what the matcher found, by topic
        # Of the first half minute, by topic: machines that share one come one after the other.
        self._early: dict[str, list[Message]] = {}
        self._early_count = 0
        self._homeless: dict[int, Message] = {}  # those of them that nobody has taken, by id()
        self._given_up: set[str] = set()
        self._ending = loop.call_later(_PATIENCE_SECONDS, self._end_patience) if patient else None
        self._done: list[Receipt] = []
        self._order = 0

    def list_inboxes(self) -> list[Inbox]:
        return list(self._inboxes.values())

    def begin_session(self, link: Link, known: bool) -> None:
        """`known`: the broker goes on with our last session, and sends again what we have not acknowledged."""
        self._link = link
        self._done.clear()
        if known:
            self._homeless.clear()
            self._early.clear()
            for inbox in self._inboxes.values():
                inbox.forget_repeated()

    def deliver(self, link: Link, delivery: Delivery) -> None:
        receipt = None
        if delivery.number is not None:
            self._order += 1
            receipt = Receipt(link, delivery.number, self._order, self._answer)
        message = _address(delivery, receipt)
        takers = self._list_takers(delivery.topic)
        for inbox in takers[1:]:
            inbox.put(message.for_another())
        if is_kept := self._ending is not None and receipt is not None and not delivery.retained:
            self._keep(message.for_another(), is_homeless=not takers)
        if takers:
            takers[0].put(message)
            return
        message.done()
        if not is_kept:
            self._give_up(message.topic, link)

    def _keep(self, message: Message, *, is_homeless: bool) -> None:
        """For machines whose lines are still to come; with nobody there yet it stays unacknowledged meanwhile."""
        if is_homeless:
            self._homeless[id(message)] = message
        elif message.receipt:
            message.receipt.release()
        if is_homeless or self._early_count < _MOST_EARLY:
            self._early_count += 1
            self._early.setdefault(message.topic, []).append(message)

    def _give_up(self, topic: str, link: Link) -> None:
        """Left over from a machine that has gone. Only its very topic can be given up, not what it once matched."""
        if topic and topic not in self._given_up and len(self._given_up) < _MOST_TOPICS_KNOWN:
            self._given_up.add(topic)
            link.give_up(topic)

    def _list_takers(self, topic: str) -> tuple[Inbox, ...]:
        found = self._takers.get(topic)
        if found is None:
            if len(self._takers) >= _MOST_TOPICS_KNOWN:
                self._takers.clear()
            lists = self._matcher.iter_match(topic) if topic else ()  # type: ignore[no-untyped-call]
            found = self._takers[topic] = tuple(dict.fromkeys(inbox for inboxes in lists for inbox in inboxes))
        return found

    def welcome(self, inbox: Inbox, link: Link) -> None:
        """Hand over what came for the machine before its line was there."""
        former = self._inboxes.get(inbox.machine)
        self._inboxes[inbox.machine] = inbox
        for topic in inbox.topics:
            self._matcher[topic] = [*self._find_inboxes(topic), inbox]
        self._takers.clear()
        if former:
            waiting = former.take_all()
            self._strike(former, link)
        else:
            waiting = self._find_early(inbox.topics)
        for message in waiting:
            if inbox in self._list_takers(message.topic):
                inbox.put(message)
            else:
                message.done()

    def _find_early(self, wanted: tuple[str, ...]) -> list[Message]:
        topics = {topic for topic in self._early for pattern in wanted if topic_matches_sub(pattern, topic)}
        early = [message for topic in topics for message in self._early[topic]]
        found = sorted((message.for_another() for message in early), key=lambda message: message.received_at)
        for message in early:
            if self._homeless.pop(id(message), None) and message.receipt:
                message.receipt.release()
        return found

    def see_off(self, inbox: Inbox, unfinished: list[Message], link: Link | None) -> None:
        """The machine's line is closed; another one may come."""
        self._acknowledge()  # perhaps there is no later turn of the loop
        inbox.stop_alarm()
        if self._inboxes.get(inbox.machine) is inbox:
            inbox.put_back(unfinished)
            self._leaving[inbox.machine] = self._loop.call_later(_PATIENCE_SECONDS, self._clear_out, inbox)

    def _clear_out(self, inbox: Inbox) -> None:
        if self._inboxes.get(inbox.machine) is inbox:
            del self._inboxes[inbox.machine]
        self._strike(inbox, self._link)
        for message in inbox.take_all():
            message.done()

    def _strike(self, inbox: Inbox, link: Link | None) -> None:
        """Off the list, and give up the topics that nobody else has."""
        if timer := self._leaving.pop(inbox.machine, None):
            timer.cancel()
        for topic in inbox.topics:
            others = [other for other in self._find_inboxes(topic) if other is not inbox]
            if others:
                self._matcher[topic] = others
            else:
                del self._matcher[topic]  # type: ignore[no-untyped-call]
                if link:
                    link.give_up(topic)
        self._takers.clear()

    def _find_inboxes(self, topic: str) -> list[Inbox]:
        try:
            found: list[Inbox] = self._matcher[topic]
        except KeyError:
            return []
        return found

    def _end_patience(self) -> None:
        self._ending = None
        self._early.clear()
        for message in self._homeless.values():
            message.done()
        self._homeless.clear()

    def _answer(self, receipt: Receipt) -> None:
        if receipt.link is not self._link:
            return  # of a connection that is gone: its numbers mean other messages now
        if not self._done:
            self._loop.call_soon(self._acknowledge)
        self._done.append(receipt)

    def _acknowledge(self) -> None:
        """All that this turn of the loop has brought, in the order in which it came (MQTT 3.1.1, 4.6)."""
        done, self._done = self._done, []
        done.sort(key=lambda receipt: receipt.order)
        if self._link and (numbers := [receipt.number for receipt in done if receipt.link is self._link]):
            self._link.acknowledge(numbers)

    def close(self) -> None:
        for timer in (self._ending, *self._leaving.values()):
            if timer:
                timer.cancel()


def _address(delivery: Delivery, receipt: Receipt | None) -> Message:
    if receipt:
        receipt.open += 1
    now = datetime.now(UTC)
    return Message(delivery.topic, delivery.payload, delivery.retained, delivery.repeated, now, receipt)
