"""Writes an oven's day part by part; everything lies on the grid of the physics."""

from collections.abc import Iterator, Sequence
from random import Random

from connectors.reading import CycleStage, OperationalStatus

from .plan import DAY_SECONDS, Bake, DayPlan, Programme, Segment
from .thermal import STEP_SECONDS, Demand, Zone


class DayWriter:
    """Writes a `DayPlan` part by part; everything lies on the grid of the physics."""

    def __init__(self, zones: Sequence[Zone], seed: int, convection: bool) -> None:
        self.second = 0
        self._zones = zones
        self._random = Random(seed)
        self._convection = convection
        self._segments: list[Segment] = []
        self._bakes: list[Bake] = []

    def off(self, minutes: float) -> None:
        self._add(minutes, OperationalStatus.OFF, CycleStage.NONE, Demand((None,) * len(self._zones)))

    def ready(self, minutes: float, temperature: float) -> None:
        """Keep warm for the next load. While it is too cold the oven itself says that it is heating."""
        self._add(minutes, OperationalStatus.IDLE, CycleStage.NONE, Demand(self._sets(temperature)), fan=30)

    def clean(self, minutes: float) -> None:
        self._add(5, OperationalStatus.COOLING, CycleStage.COOLING, Demand(self._sets(90), door_open=True), fan=100)
        demand = Demand(self._sets(90), humid=85)
        self._add(minutes - 5, OperationalStatus.CLEANING, CycleStage.CLEANING, demand, fan=50)

    def fault(self, minutes: float, temperature: float, power_limit: float) -> None:
        demand = Demand(self._sets(temperature), power_limit=power_limit)
        self._add(minutes, OperationalStatus.ERROR, CycleStage.NONE, demand, fan=30)

    def bake(self, programme: Programme) -> None:
        """Door open to load, the programme's stages, door open to unload."""
        first = self._sets(programme.stages[0].temperature)
        self._add(0.75, OperationalStatus.IDLE, CycleStage.NONE, Demand(first, door_open=True))
        index, start, soak = len(self._bakes), self.second, programme.minutes * 0.22
        for number, stage in enumerate(programme.stages):
            demand = Demand(self._sets(stage.temperature), False, stage.steam, stage.humid, True, soak)
            fan = 0 if stage.steam else 100
            self._add(stage.minutes, OperationalStatus.RUNNING, stage.stage, demand, index, number == 0, fan)
        self._bakes.append(Bake(programme, start, self.second - start))
        last = self._sets(programme.stages[-1].temperature)
        self._add(0.75, OperationalStatus.IDLE, CycleStage.FINISHED, Demand(last, door_open=True))

    def bake_in_turn(self, programmes: Iterator[Programme], until_second: int, pause: float = 8) -> None:
        """Load after load, with the pauses that people need; ends ready for the next one."""
        programme = next(programmes)
        while True:
            minutes = round(pause * self._random.uniform(0.75, 1.5) * 4) / 4
            needed = (minutes + programme.minutes + 2) * 60
            if self.second + needed > until_second:
                break
            self.ready(minutes, programme.stages[0].temperature)
            self.bake(programme)
            programme = next(programmes)
        self.ready((until_second - self.second) / 60, programme.stages[0].temperature)

    def plan(self) -> DayPlan:
        if self.second != DAY_SECONDS:
            raise ValueError(f"The day has {self.second} seconds instead of {DAY_SECONDS}.")
        return DayPlan(tuple(self._segments), tuple(self._bakes))

    def _sets(self, temperature: float) -> tuple[float | None, ...]:
        return tuple(temperature + zone.offset for zone in self._zones)

    def _add(
        self,
        minutes: float,
        status: OperationalStatus,
        stage: CycleStage,
        demand: Demand,
        bake: int | None = None,
        fresh: bool = False,
        fan: float = 0,
    ) -> None:
        seconds = round(minutes * 60 / STEP_SECONDS) * STEP_SECONDS
        fan = fan if self._convection else 0
        self._segments.append(Segment(self.second, seconds, status, stage, demand, bake, fresh, fan))
        self.second += seconds
