"""One simulated oven: its state is a function of the clock and its seed, so that a restart continues the same bake.

The plan repeats every day and physics forgets within hours, so one day is integrated once and then looked up. Only a
fault that somebody sets at run time makes an oven leave that day; it is integrated on from there until it is back.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from .plan import DAY_SECONDS, Bake, DayClock, DayPlan, Segment, bakes_between
from .thermal import STEP_SECONDS, Body, Demand, Slot, advance, initial_state, put_in_load

_STEPS = DAY_SECONDS // STEP_SECONDS
_WARM_UP_STEPS = 5 * 3600 // STEP_SECONDS  # after this the day's beginning no longer depends on how it was guessed


class PhysicalFault(StrEnum):
    DOOR_OPEN = "door_open"
    BURNER_FAULT = "burner_fault"
    SENSOR_BREAK = "sensor_break"


@dataclass(frozen=True, slots=True)
class Load:
    """One load as the shop's books would have it."""

    product: str
    number: str
    started_at: datetime
    ended_at: datetime
    target_temperature: float
    minutes: int
    weight_kg: float


@dataclass(frozen=True, slots=True)
class OvenState:
    """All of an oven at one moment, before any sensor has measured it."""

    moment: float
    values: list[float]
    segment: Segment
    progress: float  # 0..1 of the bake
    load: Load | None
    fault: PhysicalFault | None


class DayTable:
    """One day of an oven's state, step by step, with the meters counting from zero."""

    def __init__(self, body: Body, plan: DayPlan) -> None:
        self.base = 3 * len(body.zones)
        start = _STEPS - _WARM_UP_STEPS
        guess = plan.segment_at(start * STEP_SECONDS).demand.sets[0]
        state = initial_state(body, body.ambient if guess is None else guess)
        for _ in _live(body, plan, state, start * STEP_SECONDS):
            pass
        state[self.base + Slot.ENERGY] = state[self.base + Slot.HOURS] = 0.0
        self.width = len(state)
        self._rows = array("d", state)
        for _ in _live(body, plan, state, 0):
            self._rows.extend(state)
        self.energy = state[self.base + Slot.ENERGY]
        self.hours = state[self.base + Slot.HOURS]

    def at(self, day: int, second: float) -> list[float]:
        """The state, with meters that run on from day to day."""
        step, rest = divmod(second, STEP_SECONDS)
        place = int(step) * self.width
        before = self._rows[place : place + self.width]
        after = self._rows[place + self.width : place + 2 * self.width]
        state = _between(before, after, rest / STEP_SECONDS)
        state[self.base + Slot.ENERGY] += day * self.energy
        state[self.base + Slot.HOURS] += day * self.hours
        return state


def step_once(body: Body, state: list[float], segment: Segment, second: int, demand: Demand | None = None) -> None:
    if segment.fresh and segment.start == second:
        put_in_load(state, len(body.zones))
    advance(body, state, demand or segment.demand)


def _live(body: Body, plan: DayPlan, state: list[float], begin: int) -> Iterator[None]:
    """Carry the state through the rest of the day; yields after every step."""
    for segment in plan.segments:
        for second in range(max(segment.start, begin), segment.end, STEP_SECONDS):
            step_once(body, state, segment, second)
            yield


@lru_cache(maxsize=64)
def _day_table(body: Body, plan: DayPlan) -> DayTable:
    return DayTable(body, plan)


def _between(before: "array[float] | list[float]", after: "array[float] | list[float]", share: float) -> list[float]:
    return [old + (new - old) * share for old, new in zip(before, after, strict=True)]


class Oven:
    """Ask it with `state_at`; moments are seconds since 1970 and should not run backwards while a fault is set."""

    def __init__(
        self, body: Body, plan: DayPlan, clock: DayClock, *, meter_kwh: float = 0, first_load: int = 1
    ) -> None:
        self.body = body
        self.plan = plan
        self.clock = clock
        self._meter_kwh = meter_kwh
        self._first_load = first_load
        self._fault: PhysicalFault | None = None
        self._branch: _Branch | None = None
        self._extra_kwh = 0.0  # what past faults have added to the meter

    @cached_property
    def _table(self) -> DayTable:
        return _day_table(self.body, self.plan)

    @property
    def fault(self) -> PhysicalFault | None:
        return self._fault

    def set_fault(self, fault: PhysicalFault | None, moment: float) -> None:
        """Break or repair it now."""
        self._current_values(moment)
        self._fault = fault
        if self._branch is None and fault in (PhysicalFault.DOOR_OPEN, PhysicalFault.BURNER_FAULT):
            self._branch = _Branch(self, moment)

    def state_at(self, moment: float) -> OvenState:
        day, second = self.clock.locate(moment)
        segment = self.plan.segment_at(second)
        progress, load = 0.0, None
        if segment.bake is not None:
            bake = self.plan.bakes[segment.bake]
            progress = (second - bake.start) / bake.seconds
            load = self._load(day, segment.bake, bake)
        return OvenState(moment, self._current_values(moment), segment, progress, load, self._fault)

    def loads_between(self, start: float, end: float) -> list[Load]:
        """Every load that was in the oven at some time between two moments, oldest first."""
        return [self._load(*found) for found in bakes_between(self.plan, self.clock, start, end)]

    def planned_values(self, moment: float) -> list[float]:
        """The state of an oven in which nothing has ever been broken on purpose."""
        values = self._table.at(*self.clock.locate(moment))
        values[3 * len(self.body.zones) + Slot.ENERGY] += self._meter_kwh + self._extra_kwh
        return values

    def demand_at(self, moment: float) -> tuple[Segment, int, Demand]:
        """(segment, second of the day, what is asked of the oven with its present fault)."""
        second = int(self.clock.locate(moment)[1])
        segment = self.plan.segment_at(second)
        plain = segment.demand
        door_open = plain.door_open or self._fault is PhysicalFault.DOOR_OPEN
        limit = 0.0 if self._fault is PhysicalFault.BURNER_FAULT else plain.power_limit
        demand = Demand(plain.sets, door_open, plain.steam, plain.humid, plain.loaded, plain.soak_minutes, limit)
        return segment, second, demand

    def _current_values(self, moment: float) -> list[float]:
        if self._branch is None:
            return self.planned_values(moment)
        values = self._branch.at(moment)
        if self._fault in (None, PhysicalFault.SENSOR_BREAK) and self._branch.is_back(moment):
            energy = 3 * len(self.body.zones) + Slot.ENERGY
            self._extra_kwh += values[energy] - self.planned_values(moment)[energy]
            self._branch = None
        return values

    def _load(self, day: int, index: int, bake: Bake) -> Load:
        number = self._first_load + day * len(self.plan.bakes) + index
        return Load(
            product=bake.programme.product,
            number=str(number % 10_000),
            started_at=datetime.fromtimestamp(self.clock.moment(day, bake.start), UTC),
            ended_at=datetime.fromtimestamp(self.clock.moment(day, bake.end), UTC),
            target_temperature=bake.programme.temperature,
            minutes=round(bake.programme.minutes),
            weight_kg=bake.programme.weight_kg,
        )


class _Branch:
    """Life after something was broken: integrated step by step on the same grid."""

    def __init__(self, oven: Oven, moment: float) -> None:
        self._oven = oven
        self._time = moment - oven.clock.locate(moment)[1] % STEP_SECONDS
        self._before = oven.planned_values(self._time)
        self._after = self._before
        self._advance()

    def at(self, moment: float) -> list[float]:
        while moment >= self._time + STEP_SECONDS:
            self._time += STEP_SECONDS
            self._advance()
        share = max(moment - self._time, 0) / STEP_SECONDS
        return _between(self._before, self._after, share)

    def is_back(self, moment: float) -> bool:
        """Whether nothing that can be measured still tells of the fault."""
        count = 2 * len(self._oven.body.zones)
        planned = self._oven.planned_values(moment)
        now = self.at(moment)
        slots = [*range(count), *(count * 3 // 2 + slot for slot in (Slot.LOAD, Slot.CORE, Slot.HUMIDITY))]
        return all(abs(now[slot] - planned[slot]) < 0.3 for slot in slots)

    def _advance(self) -> None:
        self._before = self._after
        state = list(self._before)
        segment, second, demand = self._oven.demand_at(self._time)
        step_once(self._oven.body, state, segment, second - second % STEP_SECONDS, demand)
        self._after = state
