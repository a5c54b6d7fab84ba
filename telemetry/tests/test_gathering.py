"""When the outbox is written. `flush` is what the database would do; the outbox is real."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import Reading
from equipment.models import ConnectionLog
from telemetry import gathering
from telemetry.gathering import HURRY_UNCONFIRMED, Gatherer
from telemetry.outbox import BATCH_SIZE, Outbox

NOW = datetime.now(UTC)


class Repeating:
    repeats = True

    def settle(self, readings: Sequence[Reading]) -> None:
        raise AssertionError("this is the collector's")


class Desk:
    """A gatherer whose database can be away."""

    def __init__(self) -> None:
        self.outbox = Outbox(None)
        self.gatherer = Gatherer(self.outbox, self.flush)
        self.batches: list[int] = []
        self.broker_takes = True
        self.written = asyncio.Condition()

    async def flush(self) -> bool:
        went = self.write()
        async with self.written:
            self.written.notify_all()
        return went

    def write(self) -> bool:
        if not self.outbox.database_away:
            self.batches.append(len(self.outbox))
            self.outbox.unconfirmed.clear()
            self.outbox.events.clear()
        else:
            self.batches.append(0)
        if self.outbox.database_away and not self.broker_takes:
            return not self.outbox.readings
        for _ in range(min(BATCH_SIZE, len(self.outbox.readings))):
            self.outbox.readings.popleft()
        return True

    def add(self, count: int, origin: Any = None, *, pushed: bool = False) -> None:
        for _ in range(count):
            self.outbox.add(1, Reading(reading_time=NOW), NOW, origin)
            self.gatherer.note_arrival(pushed=pushed)

    async def until_written(self, times: int) -> None:
        async with asyncio.timeout(20), self.written:
            await self.written.wait_for(lambda: len(self.batches) >= times)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(desk.gatherer.run())
    yield desk
    desk.gatherer.stop()
    desk.gatherer.close()
    async with asyncio.timeout(20):
        await task


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is urgent is written within the time of a test."""
    monkeypatch.setattr(gathering, "GATHER_SECONDS", 60.0)


async def test_what_arrives_within_a_moment_is_written_at_once() -> None:
    async with running(Desk()) as desk:
        desk.add(3)
        await asyncio.sleep(0)
        desk.add(4)
        await desk.until_written(1)
        assert desk.batches == [7]


@pytest.mark.usefixtures("patient")
async def test_what_was_pushed_waits_for_less_and_takes_what_was_polled_along() -> None:
    async with running(Desk()) as desk:
        desk.add(3)
        await asyncio.sleep(0.05)
        assert desk.batches == []
        desk.add(1, pushed=True)
        await desk.until_written(1)
        desk.add(2, pushed=True)
        desk.add(2)
        await desk.until_written(2)
        assert desk.batches == [4, 4]


@pytest.mark.usefixtures("patient")
async def test_a_full_batch_does_not_wait() -> None:
    async with running(Desk()) as desk:
        desk.add(BATCH_SIZE)
        await desk.until_written(1)


@pytest.mark.usefixtures("patient")
async def test_a_broker_whose_window_fills_does_not_wait() -> None:
    async with running(Desk()) as desk:
        desk.add(HURRY_UNCONFIRMED - 1, Repeating())
        await asyncio.sleep(0.1)
        assert desk.batches == []
        desk.add(1, Repeating())
        await desk.until_written(1)
        assert desk.batches == [HURRY_UNCONFIRMED]
        desk.add(HURRY_UNCONFIRMED, Repeating())
        await desk.until_written(2)


@pytest.mark.usefixtures("patient")
async def test_a_stop_writes_what_is_there_and_ends() -> None:
    desk = Desk()
    async with running(desk):
        desk.add(3)
        await asyncio.sleep(0.05)
        assert desk.batches == []
    assert desk.batches == [3]


@pytest.mark.usefixtures("patient")
async def test_without_a_database_full_batches_still_go_to_celery() -> None:
    desk = Desk()
    desk.outbox.database_away = True
    async with running(desk):
        desk.add(3 * BATCH_SIZE)
        await desk.until_written(3)


async def test_without_database_and_celery_it_is_tried_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    gather = Gatherer._gather

    async def note(gatherer: Gatherer, wait: float, stuck: bool) -> None:
        waits.append(wait)
        await gather(gatherer, 0, stuck)

    monkeypatch.setattr(Gatherer, "_gather", note)
    monkeypatch.setattr(gathering, "GATHER_SECONDS", 0.01)
    desk = Desk()
    desk.outbox.database_away, desk.broker_takes = True, False
    async with running(desk):
        desk.add(2 * BATCH_SIZE)
        await desk.until_written(15)
        assert waits[:4] == pytest.approx([0.0, 0.01, 0.03, 0.07])
        assert max(waits) == gathering.LONGEST_WAIT_SECONDS
    assert len(desk.outbox.readings) == 2 * BATCH_SIZE


async def test_at_a_stop_what_has_to_wait_for_the_database_ends_it() -> None:
    """Also a connection event alone: the stop must not try for ever."""
    desk = Desk()
    desk.outbox.database_away = True
    async with running(desk):
        desk.outbox.events.append(ConnectionLog())
        desk.add(BATCH_SIZE + 1)
    assert len(desk.outbox.readings) == 0
    assert len(desk.outbox.events) == 1


class Broker:
    """Sends as long as fewer than `window` messages are unconfirmed."""

    def __init__(self, desk: Desk, window: int) -> None:
        self.desk, self.window = desk, window

    async def send_forever(self) -> None:
        while True:
            if len(self.desk.outbox.unconfirmed) < self.window:
                self.desk.add(1, Repeating())
            await asyncio.sleep(0.0001)


@pytest.mark.parametrize(("window", "expected"), [(20, 10), (120, 60), (2000, 200)])
async def test_a_broker_that_lets_more_be_under_way_is_written_in_larger_batches(
    monkeypatch: pytest.MonkeyPatch, window: int, expected: int
) -> None:
    monkeypatch.setattr(gathering, "GATHER_SECONDS", 60.0)
    monkeypatch.setattr(gathering, "LOOK_FOR_MORE_SECONDS", 0.0)
    monkeypatch.setattr(gathering, "LONGEST_LOOK_SECONDS", 60.0)
    monkeypatch.setattr(gathering, "PAUSE_SECONDS", 0.2)  # a busy machine pauses us too
    desk = Desk()
    async with running(desk):
        sending = asyncio.create_task(Broker(desk, window).send_forever())
        await desk.until_written(1)
        monkeypatch.setattr(desk.gatherer, "_look_for_more_at", float("inf"))
        known = len(desk.batches)
        await desk.until_written(known + 3)
        sending.cancel()
        assert desk.gatherer._hurry == expected
