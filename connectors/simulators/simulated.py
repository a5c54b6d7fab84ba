"""A row of the fleet's table come to life: it starts in the middle of its day, whatever the time is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.reading import CycleStage, OperationalStatus, Reading

from .days import HEAT_UP_MINUTES
from .fleet import OvenSpec
from .oven import Load, Oven
from .plan import DayClock, DayPlan, RollingDay, ShopDay, shop_that_is_closed
from .sensors import measure
from .thermal import STEP_SECONDS

_WELL_INTO_THE_DAY = 2 * 3600
_SHORTEST_PAUSE = 180  # seconds; loading takes less


class SimulatedOven:
    """Ask with `read`. The same epoch gives the same life, also after a restart."""

    def __init__(self, spec: OvenSpec, epoch: datetime) -> None:
        self.spec = spec
        plan = spec.day(spec)
        clock = _day_clock(spec, plan, epoch)
        meter_kwh, first_load = 4000 + spec.seed % 90_000, 1000 + spec.seed % 5000
        self.oven = Oven(spec.body, plan, clock, meter_kwh=meter_kwh, first_load=first_load)

    def read(self, moment: datetime) -> Reading:
        return measure(self.spec.body, self.oven.state_at(moment.timestamp()), self.spec.seed)

    def loads_between(self, start: datetime, end: datetime) -> list[Load]:
        """Every load that was in the oven at some time between two moments, oldest first."""
        return self.oven.loads_between(start.timestamp(), end.timestamp())


def _day_clock(spec: OvenSpec, plan: DayPlan, epoch: datetime) -> DayClock:
    if spec.keeps_hours:
        zone = ZoneInfo(spec.bakery.time_zone)
        return ShopDay(shop_that_is_closed(epoch, zone), zone, HEAT_UP_MINUTES * 60, epoch.astimezone(zone).toordinal())
    start = epoch.astimezone(UTC).timestamp() // STEP_SECONDS * STEP_SECONDS
    return RollingDay(start - _start_second(spec, plan))


def _start_second(spec: OvenSpec, plan: DayPlan) -> int:
    """Where in its day the oven is when the demo begins."""
    if spec.start.status is OperationalStatus.RUNNING:
        places = [(bake.start, bake.seconds) for bake in plan.bakes]
    else:
        places = [
            (segment.start, segment.seconds)
            for segment in plan.segments
            if segment.status is spec.start.status
            and segment.stage is not CycleStage.FINISHED
            and segment.seconds >= _SHORTEST_PAUSE
        ]
    begin, seconds = next((place for place in places if place[0] >= _WELL_INTO_THE_DAY), places[0])
    return int(begin + spec.start.part * seconds) // STEP_SECONDS * STEP_SECONDS
