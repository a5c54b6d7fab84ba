from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError

from connectors import OperationalStatus, Reading
from equipment.models import ConnectionLog, Equipment
from equipment.tests.factories import make_equipment
from telemetry import outbox as outbox_module
from telemetry.handover import parse_readings
from telemetry.models import SensorReading
from telemetry.outbox import Outbox
from telemetry.tasks import store_sensor_readings as store_task

NOW = datetime.now(UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge of the database: how psycopg looks when nobody answers."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(outbox_module, "store_sensor_readings", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)


def fill(outbox: Outbox, equipment: Equipment, count: int = 3) -> None:
    for number in range(count):
        reading = Reading(
            reading_time=NOW - timedelta(seconds=number),
            temperature=100.0 + number,
            operational_status=OperationalStatus.RUNNING,
            temperature_zones={"deck_1": 1.5, "deck_2": None},
        )
        outbox.add(equipment.pk, reading, NOW)


class Pusher:
    def __init__(self, *, repeats: bool) -> None:
        self.repeats = repeats

    def settle(self, readings: Sequence[Reading]) -> None:
        raise AssertionError("only on the collector's loop")


def push(outbox: Outbox, equipment: Equipment, pusher: Pusher, count: int = 3) -> None:
    for number in range(count):
        reading = Reading(reading_time=NOW + timedelta(seconds=number), temperature=100.0)
        outbox.add(equipment.pk, reading, NOW, pusher)


def refuse(text: str) -> None:
    raise BrokerError("no broker")


def lost_event(equipment: Equipment) -> ConnectionLog:
    return ConnectionLog(
        equipment=equipment, event_type="disconnected", event_time=NOW, connection_status="disconnected"
    )


def test_readings_and_events_are_written_together() -> None:
    oven = make_equipment()
    outbox = Outbox(refuse)
    fill(outbox, oven)
    outbox.events.append(lost_event(oven))
    assert outbox.flush()
    assert SensorReading.objects.filter(equipment=oven).count() == 3
    oven.refresh_from_db()
    assert oven.iot_connection_status == "disconnected"
    assert len(outbox) == 0


@pytest.mark.usefixtures("database_away")
def test_without_a_database_readings_go_to_the_broker_and_events_wait() -> None:
    oven, handed_over = make_equipment(), list[str]()
    outbox = Outbox(handed_over.append)
    fill(outbox, oven)
    outbox.events.append(lost_event(oven))
    assert outbox.flush()
    assert len(outbox.readings) == 0
    assert len(outbox.events) == 1
    (text,) = handed_over
    assert [item.reading.temperature for item in parse_readings(text)] == [100.0, 101.0, 102.0]


def test_what_the_broker_carries_is_stored_as_it_was() -> None:
    oven, handed_over = make_equipment(), list[str]()
    outbox = Outbox(handed_over.append)
    fill(outbox, oven, 2)
    original = list(outbox.readings)
    outbox._hand_over(original)
    assert parse_readings(handed_over[0]) == original
    assert store_task(handed_over[0]) == 2
    assert store_task(handed_over[0]) == 0  # delivered twice
    assert SensorReading.objects.filter(equipment=oven).count() == 2


def test_without_database_and_broker_they_wait_in_their_order(
    database_away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    oven = make_equipment()
    outbox = Outbox(refuse)
    fill(outbox, oven, 3)
    before = list(outbox.readings)
    assert not outbox.flush()
    assert list(outbox.readings) == before
    monkeypatch.undo()
    assert outbox.flush()
    assert SensorReading.objects.filter(equipment=oven).count() == 3


def test_the_loss_of_the_database_is_logged_once_and_its_return_too(
    database_away: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    oven = make_equipment()
    outbox = Outbox(lambda text: None)
    for _ in range(3):
        fill(outbox, oven)
        outbox.flush()
    monkeypatch.undo()
    fill(outbox, oven)
    outbox.flush()
    assert [record.message for record in caplog.records if record.name == "telemetry.outbox"] == [
        "The database is away, readings go to the broker: connection refused",
        "The database is back",
    ]


def test_a_batch_has_at_most_five_hundred_readings() -> None:
    oven = make_equipment()
    outbox = Outbox(refuse)
    fill(outbox, oven, 501)
    outbox.flush()
    assert len(outbox.readings) == 1


def test_an_event_that_the_database_refuses_costs_neither_readings_nor_other_events() -> None:
    oven, other = make_equipment(), make_equipment(name="other")
    outbox = Outbox(refuse)
    fill(outbox, oven)
    strange = lost_event(oven)
    strange.error_message = "there is no path /\0"
    outbox.events.extend([strange, lost_event(other)])
    assert outbox.flush()
    assert len(outbox) == 0
    assert SensorReading.objects.filter(equipment=oven).count() == 3
    assert [event.equipment for event in ConnectionLog.objects.all()] == [other]


def test_what_is_stored_is_settled_in_its_order_duplicates_too() -> None:
    oven = make_equipment()
    outbox = Outbox(refuse)
    for _ in range(2):
        push(outbox, oven, Pusher(repeats=True))
    came = [item.reading for item in outbox.unconfirmed]
    assert outbox.flush()
    assert [item.reading for item in outbox.settled] == came
    assert len(outbox) == 0


@pytest.mark.usefixtures("database_away")
def test_what_comes_again_waits_for_the_database_in_its_order_and_the_rest_is_handed_over() -> None:
    oven, handed_over = make_equipment(), list[str]()
    outbox = Outbox(handed_over.append)
    fill(outbox, oven)
    push(outbox, oven, Pusher(repeats=False), 2)
    push(outbox, oven, Pusher(repeats=True), 700)
    waiting = list(outbox.unconfirmed)
    for _ in range(3):
        assert outbox.flush()
    assert list(outbox.unconfirmed) == waiting
    assert len(outbox.readings) == 0
    assert sum(len(parse_readings(text)) for text in handed_over) == 5
    assert [item.origin.repeats for item in outbox.settled] == [False, False]


def test_what_is_given_up_no_longer_counts_for_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "CAPACITY", 4)
    outbox, oven = Outbox(refuse), Equipment(pk=1)
    push(outbox, oven, Pusher(repeats=False), 5)
    assert (len(outbox.readings), len(outbox.settled)) == (4, 1)
