"""Each line at its own moment, and many openings one after the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from telemetry.due_lines import GRAIN_SECONDS, MOST_OPENINGS_AT_ONCE, OPENINGS_PER_SECOND, DueLines
from telemetry.line import Line
from telemetry.tests.test_line import make_line

LATE_SECONDS = 0.5  # a busy machine may pause us


class Started:
    """The lines as they are started, with the moment of each."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.moments: list[tuple[Line, float]] = []
        self.due_lines = DueLines(self.start)
        self._changed = asyncio.Event()

    def start(self, line: Line) -> None:
        self.moments.append((line, self.loop.time()))
        self._changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.moments) < count:
                self._changed.clear()
                await self._changed.wait()

    def add(self, after_seconds: float, *, is_open: bool = True) -> Line:
        line = make_line()
        line.connector = object() if is_open else None  # type: ignore[assignment]
        line.due = self.loop.time() + after_seconds
        self.due_lines.add(line)
        return line


@pytest_asyncio.fixture
async def started() -> AsyncIterator[Started]:
    started = Started()
    yield started
    started.due_lines.close()


async def test_a_line_is_started_at_its_moment_without_any_tick(started: Started) -> None:
    lines = [started.add(after) for after in (0.31, 0.02, 0.73, 0.15, 0.16)]
    await started.until(len(lines))
    assert [line for line, _ in started.moments] == sorted(lines, key=lambda line: line.due)
    late = [moment - line.due for line, moment in started.moments]
    assert all(0 <= seconds < GRAIN_SECONDS + LATE_SECONDS for seconds in late)
    assert sorted(late)[2] < 3 * GRAIN_SECONDS


async def test_an_earlier_line_does_not_wait_for_a_later_one(started: Started) -> None:
    started.add(3600)
    soon = started.add(0.05)
    await started.until(1)
    assert started.moments[0][0] is soon


async def test_a_line_whose_moment_has_moved_is_not_started_twice(started: Started) -> None:
    line = started.add(0.02)
    line.due += 0.1
    started.due_lines.add(line)
    last = started.add(0.3)
    await started.until(2)
    assert [begun for begun, _ in started.moments] == [line, last]


async def test_lines_are_opened_at_a_steady_pace_and_open_ones_do_not_wait_for_them(started: Started) -> None:
    closed = [started.add(0, is_open=False) for _ in range(150)]
    opened = started.add(0.05)
    await started.until(len(closed) + 1)
    begun = [(line, moment) for line, moment in started.moments if line is not opened]
    assert {line for line, _ in begun} == set(closed)
    first = begun[0][1]
    seconds = begun[-1][1] - first
    assert seconds >= (len(closed) - 2 * MOST_OPENINGS_AT_ONCE) / OPENINGS_PER_SECOND
    (when,) = [moment for line, moment in started.moments if line is opened]
    assert when - opened.due < GRAIN_SECONDS + LATE_SECONDS
    assert when < begun[-1][1]


async def test_nothing_is_started_after_the_end(started: Started) -> None:
    started.add(0.01)
    started.due_lines.close()
    started.due_lines.start_due()
    await asyncio.sleep(3 * GRAIN_SECONDS)
    assert started.moments == []
