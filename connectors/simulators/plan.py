"""What an oven does in a day, as data: programmes as a baker writes them down, and the clock they run by."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from connectors.reading import CycleStage, OperationalStatus

from .thermal import STEP_SECONDS, Demand

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Stage:
    stage: CycleStage
    minutes: float
    temperature: float
    steam: bool = False
    humid: float = 9


@dataclass(frozen=True)
class Programme:
    """One product's way through the oven. `weight_kg` is the dough of one load."""

    product: str
    stages: tuple[Stage, ...]
    weight_kg: float = 30

    @property
    def minutes(self) -> float:
        return sum(stage.minutes for stage in self.stages)

    @property
    def temperature(self) -> float:
        """Of the longest stage: what a baker calls the baking temperature."""
        return max(self.stages, key=lambda stage: stage.minutes).temperature


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the day in which nothing changes but the physics."""

    start: int  # seconds into the plan's day
    seconds: int
    status: OperationalStatus
    stage: CycleStage
    demand: Demand
    bake: int | None = None  # index into `DayPlan.bakes`, while it bakes
    fresh: bool = False  # the dough goes in at its beginning
    fan: float = 0

    @property
    def end(self) -> int:
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Bake:
    """One load, as a position in the plan's day."""

    programme: Programme
    start: int
    seconds: int

    @property
    def end(self) -> int:
        return self.start + self.seconds


@dataclass(frozen=True)
class DayPlan:
    """24 hours of an oven's life, repeated: so its state at any moment is known without its past."""

    segments: tuple[Segment, ...]
    bakes: tuple[Bake, ...]

    @cached_property
    def _starts(self) -> list[int]:
        return [segment.start for segment in self.segments]

    def segment_at(self, second: float) -> Segment:
        return self.segments[bisect_right(self._starts, second) - 1]


class DayClock(Protocol):
    """Places a moment in the plan's day; moments are seconds since 1970."""

    def locate(self, moment: float) -> tuple[int, float]:
        """(number of the day, seconds into it)."""

    def moment(self, day: int, second: float) -> float: ...


@dataclass(frozen=True)
class RollingDay:
    """Days of 24 hours, counted from an arbitrary moment."""

    anchor: float

    def locate(self, moment: float) -> tuple[int, float]:
        day, second = divmod(moment - self.anchor, DAY_SECONDS)
        return int(day), second

    def moment(self, day: int, second: float) -> float:
        return self.anchor + day * DAY_SECONDS + second


@dataclass(frozen=True)
class ShopDay:
    """Days that begin `lead_seconds` before the shop opens by its own wall clock.

    Days of 23 and 25 hours shorten or stretch the last part of the plan, when the oven is off and cold.
    """

    opens: time
    zone: ZoneInfo
    lead_seconds: int
    first_day: int  # by the calendar; days are counted from it

    def locate(self, moment: float) -> tuple[int, float]:
        day = datetime.fromtimestamp(moment, self.zone).toordinal() + 1
        while self._start(day) > moment:
            day -= 1
        return day - self.first_day, min(moment - self._start(day), DAY_SECONDS - STEP_SECONDS)

    def moment(self, day: int, second: float) -> float:
        return self._start(day + self.first_day) + second

    def _start(self, day: int) -> float:
        opening = datetime.combine(datetime.fromordinal(day), self.opens, self.zone)
        return opening.timestamp() - self.lead_seconds


def bakes_between(plan: DayPlan, clock: DayClock, start: float, end: float) -> Iterator[tuple[int, int, Bake]]:
    """(day, index, bake) of every load that was in the oven at some time between two moments."""
    for day in range(clock.locate(start)[0], clock.locate(end)[0] + 1):
        for index, bake in enumerate(plan.bakes):
            if clock.moment(day, bake.end) > start and clock.moment(day, bake.start) < end:
                yield day, index, bake


def shop_that_is_closed(moment: datetime, zone: ZoneInfo) -> time:
    """Opening time of the eight-hour shift that is furthest from now, so that its oven has had time to cool down."""
    hour = moment.astimezone(zone).hour
    shift = (hour - 5) % 24
    furthest = (shift // 8 + (1 if shift % 8 < 4 else 2)) % 3
    return time((5 + 8 * furthest) % 24)
