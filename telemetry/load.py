"""What a collector has done and how late it was: counted as it goes, looked at every few seconds.

Nothing here may cost more than a count: it is called for every reading.
"""

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

# A line is late by what lies between its place in the interval and the moment its machine is asked.
LATENESS_BOUNDS_SECONDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Counts:
    """Since the collector's start. `lateness` has one more entry than there are bounds, for what is beyond."""

    polls: int = 0
    readings: int = 0
    missed: int = 0  # moments of a line's interval that passed while it was still busy with an earlier one
    lateness_seconds: float = 0.0
    lateness: list[int] = field(default_factory=lambda: [0] * (len(LATENESS_BOUNDS_SECONDS) + 1))
    failures: Counter[str] = field(default_factory=Counter)  # by the error's code

    def copy(self) -> "Counts":
        return Counts(
            self.polls, self.readings, self.missed, self.lateness_seconds, list(self.lateness), Counter(self.failures)
        )


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """The last few seconds of a collector."""

    readings_per_second: float
    lateness_p99_seconds: float | None  # an upper bound; None if nothing was polled
    missed_percentage: float
    busy_percentage: float  # of one processor, by the loop's own thread


class Load:
    """Lives on the collector's loop."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._before, self._clock, self._processor = Counts(), time.monotonic(), 0.0

    def note_poll(self, late_seconds: float) -> None:
        counts = self.counts
        counts.polls += 1
        counts.lateness_seconds += late_seconds
        counts.lateness[bisect_left(LATENESS_BOUNDS_SECONDS, late_seconds)] += 1

    def note_reading(self) -> None:
        self.counts.readings += 1

    def note_missed(self, moments: int) -> None:
        self.counts.missed += moments

    def note_failure(self, code: str) -> None:
        self.counts.failures[code] += 1

    def measure(self) -> LoadFigures:
        """Since the last call. On the loop's own thread, whose processor time is counted."""
        now, processor = time.monotonic(), time.thread_time()
        seconds = max(now - self._clock, 1e-6)
        after, before = self.counts.copy(), self._before
        polls, missed = after.polls - before.polls, after.missed - before.missed
        figures = LoadFigures(
            readings_per_second=(after.readings - before.readings) / seconds,
            lateness_p99_seconds=find_percentile(
                [late - earlier for late, earlier in zip(after.lateness, before.lateness, strict=True)], 0.99
            ),
            missed_percentage=100.0 * missed / (polls + missed) if missed else 0.0,
            busy_percentage=100.0 * (processor - self._processor) / seconds,
        )
        self._before, self._clock, self._processor = after, now, processor
        return figures


def find_percentile(lateness: list[int], share: float) -> float | None:
    """The bound below which this share lies; ten minutes for what is beyond the last bound."""
    wanted, seen = share * sum(lateness), 0
    if not wanted:
        return None
    for bound, count in zip((*LATENESS_BOUNDS_SECONDS, 600.0), lateness, strict=True):
        seen += count
        if seen >= wanted:
            return bound
    raise AssertionError("unreachable")
