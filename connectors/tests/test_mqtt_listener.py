"""One machine's messages as news, by a clock of our own and without a broker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import AuthenticationError, ConnectorError, Reading, ResponseError, UnreachableError
from connectors.mqtt_inbox import Inbox, Message, Receipt
from connectors.mqtt_listener import Listener

from .test_mqtt_cases import feed_for, options_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALIVE = "oven/status"


class Line:
    """A listener and its inbox; `answered` are the numbers of the messages that the broker was told to forget."""

    def __init__(self, *, confirms: bool = True, **options: Any) -> None:
        settings = options_of(**{"topic": "oven/data", "interval": 10, "availability_topic": ALIVE, **options})
        self.inbox = Inbox("oven-7", ("oven/data", ALIVE), 1)
        self.inbox.session = 1
        self.answered: list[int] = []
        self.listener = Listener(
            self.inbox, feed_for(settings), settings, availability=ALIVE, where="oven/data at b", confirms=confirms
        )

    def put(self, payload: Any, number: int = 1, *, topic: str = "oven/data", **more: Any) -> Message:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        receipt = Receipt(None, number, number, lambda receipt: self.answered.append(receipt.number))
        receipt.open = 1
        known = {"retained": False, "repeated": False, "received_at": NOON, **more}
        message = Message(topic, data, receipt=receipt, **known)
        self.inbox.put(message)
        return message

    def hear(self, now: float = 0) -> list[Reading | ConnectorError]:
        return [*self.listener.step(now), *self.listener.judge(now)]

    def readings(self, now: float = 0) -> list[Reading]:
        return [item for item in self.hear(now) if isinstance(item, Reading)]


def timed(temperature: float, second: int = 0) -> dict[str, Any]:
    return {"temperature": temperature, "timestamp": (NOON - timedelta(minutes=1, seconds=-second)).isoformat()}


def test_a_message_is_answered_when_its_reading_is_confirmed_and_not_before() -> None:
    line = Line()
    for number in (1, 2, 3):
        line.put(timed(number, number), number)
    readings = line.readings()
    assert line.answered == []
    line.listener.confirm(readings[:2])
    assert line.answered == [1, 2]
    line.listener.confirm(readings)
    line.listener.confirm([Reading(reading_time=NOON)])
    assert line.answered == [1, 2, 3]


def test_where_nobody_confirms_messages_are_answered_at_once() -> None:
    line = Line(confirms=False)
    line.put(timed(1))
    assert len(line.readings()) == 1
    assert line.answered == [1]


def test_what_gives_no_reading_is_answered_at_once_and_told() -> None:
    line = Line(device_id="a", device_path="id")
    line.put(b"{oops", 1)
    line.put({"id": "b"}, 2)
    line.put(b"online", 3, topic=ALIVE)
    line.put(b"{oops", 4, topic=ALIVE)
    (error,) = line.hear()
    assert isinstance(error, ResponseError)
    assert line.answered == [1, 2, 3, 4]


def test_values_one_by_one_are_answered_with_the_reading_they_make() -> None:
    line = Line(topic="oven/#", format="raw", availability_topic=None)
    line.hear(0)
    line.put(b"180", 1, topic="oven/temperature")
    line.put(b"61", 2, topic="oven/humidity")
    assert line.hear(1) == []
    assert line.answered == []
    assert line.listener.deadline() == pytest.approx(1.05)
    (reading,) = line.readings(1.1)
    line.listener.confirm([reading])
    assert line.answered == [1, 2]


def test_the_same_message_again_is_no_second_reading_and_is_answered_with_the_first() -> None:
    line = Line()
    line.put(timed(1), 1)
    (reading,) = line.readings()
    line.put(timed(1), 2)
    assert line.readings() == []
    assert line.answered == []
    line.listener.confirm([reading])
    assert line.answered == [1, 2]
    line.put(timed(1), 3, repeated=True)
    assert line.readings() == []
    assert line.answered == [1, 2, 3]


def test_without_a_time_the_same_value_is_new_unless_the_broker_repeats_it() -> None:
    line = Line()
    line.put({"temperature": 1}, 1)
    line.put({"temperature": 1}, 2)
    readings = line.readings()
    assert len(readings) == 2
    line.listener.confirm(readings)
    line.put({"temperature": 1}, 3, repeated=True)
    assert line.readings() == []
    assert line.answered == [1, 2, 3]


def test_what_is_not_confirmed_is_remembered_however_much_it_is() -> None:
    line = Line()
    for number in range(300):
        line.put(timed(number, number % 59), number)
    assert len(line.readings()) == 300
    for number in range(300):
        line.put(timed(number, number % 59), 1000 + number, repeated=True)
    assert line.readings() == []


def test_what_is_not_confirmed_is_given_back_in_its_order() -> None:
    line = Line()
    for number in (1, 2, 3):
        line.put(timed(number, number), number)
    readings = line.readings()
    line.listener.confirm(readings[1:2])
    unfinished = line.listener.take_unfinished()
    assert [message.receipt.number for message in unfinished if message.receipt] == [1, 3]
    line.inbox.put_back(unfinished)
    assert len(Line().readings()) == 0
    assert line.inbox.take() is unfinished[0]


def test_silence_is_told_once_and_the_next_message_ends_it() -> None:
    line = Line()
    line.put(timed(1))
    assert line.readings(100)
    assert line.listener.deadline() == 130
    assert line.hear(129) == []
    (news,) = line.hear(130)
    assert isinstance(news, UnreachableError)
    assert (news.code, "oven/data at b" in str(news), "30 s" in str(news)) == ("timeout", True, True)
    assert line.hear(200) == []
    assert line.listener.deadline() is None
    line.put(timed(2, 5), 2)
    assert line.readings(210)
    assert isinstance(line.hear(240)[0], UnreachableError), "and the next silence is told again"


def test_a_machine_that_never_spoke_is_given_the_same_time() -> None:
    line = Line()
    assert line.hear(100) == []
    assert line.hear(129) == []
    assert isinstance(line.hear(130)[0], UnreachableError)


def test_a_retained_message_is_no_sign_of_life_and_nonsense_is_one() -> None:
    line = Line()
    line.hear(100)
    line.put({"temperature": 1}, 1, retained=True)
    line.put(timed(1, 50), 2, retained=True)
    assert len(line.readings(120)) == 1, "only the one that has a time"
    line.put(b"nonsense", 3)
    line.hear(125)
    assert line.hear(130) == []
    assert isinstance(line.hear(155)[0], UnreachableError)


def test_a_last_will_is_told_at_once_and_silence_adds_nothing() -> None:
    line = Line()
    line.put(timed(1), 1)
    line.hear(0)
    line.put(b"offline", 2, topic=ALIVE)
    (news,) = line.hear(1)
    assert isinstance(news, UnreachableError)
    assert news.code == "offline"
    line.put(b"offline", 3, topic=ALIVE)
    assert line.hear(100) == []
    line.put(timed(2, 3), 4)
    assert line.readings(101)
    line.put({"state": "offline"}, 5, topic=ALIVE)
    assert len(line.hear(102)) == 1


def test_a_machine_that_signs_on_again_is_given_time_to_speak() -> None:
    line = Line()
    line.hear(0)
    line.put(b"offline", 1, topic=ALIVE, retained=True)
    assert len(line.hear(1)) == 1
    line.put(b"online", 2, topic=ALIVE)
    line.put(b"something else", 3, topic=ALIVE)
    assert line.hear(50) == []
    assert line.listener.deadline() == 80
    assert len(line.hear(80)) == 1


def test_while_the_broker_is_away_nobody_can_be_silent() -> None:
    line = Line()
    line.hear(0)
    line.inbox.trouble = UnreachableError("The broker is away.", code="refused")
    assert line.hear(5) == [line.inbox.trouble]
    line.inbox.trouble = UnreachableError("The broker is away.", code="timeout")
    assert line.hear(100) == [], "told once"
    line.inbox.trouble, line.inbox.session = None, 2
    assert line.hear(110) == []
    assert line.listener.deadline() == 140
    line.put(timed(1))
    assert line.readings(111)


def test_what_cannot_be_healed_ends_the_listening() -> None:
    line = Line()
    line.inbox.refusal = AuthenticationError("no")
    with pytest.raises(AuthenticationError):
        line.hear()


def test_messages_for_several_machines_are_answered_when_all_are_done() -> None:
    line = Line()
    message = line.put(timed(1), 7)
    other = message.for_another()
    line.listener.confirm(line.readings())
    assert line.answered == []
    other.done()
    other.done()
    assert line.answered == [7]
    assert message.for_another().receipt is None, "nobody waits for it any more"
