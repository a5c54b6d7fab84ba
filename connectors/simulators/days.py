"""The working days that the demo's ovens have."""

from collections.abc import Sequence
from itertools import cycle
from typing import Protocol

from .day_writer import DayWriter
from .plan import DAY_SECONDS, DayPlan, Programme
from .thermal import Body

HEAT_UP_MINUTES = 40
_COLD_MINUTES = 240


class DaySpec(Protocol):
    """What a day depends on."""

    @property
    def body(self) -> Body: ...
    @property
    def programmes(self) -> Sequence[Programme]: ...
    @property
    def seed(self) -> int: ...


def _writer(spec: DaySpec) -> DayWriter:
    return DayWriter(spec.body.zones, spec.seed, convection=not spec.body.zones[0].name.startswith("deck"))


def bakes_all_day(spec: DaySpec) -> DayPlan:
    writer, programmes = _writer(spec), cycle(spec.programmes)
    writer.bake_in_turn(programmes, DAY_SECONDS)
    return writer.plan()


def is_cleaned_twice(spec: DaySpec) -> DayPlan:
    writer, programmes = _writer(spec), cycle(spec.programmes)
    for half in (1, 2):
        writer.bake_in_turn(programmes, half * DAY_SECONDS // 2 - 45 * 60)
        writer.clean(45)
    return writer.plan()


def heats_up_thrice(spec: DaySpec) -> DayPlan:
    """Baking in between, and cold in between: an oven for the peaks."""
    writer, programmes = _writer(spec), cycle(spec.programmes)
    for third in (1, 2, 3):
        writer.off(_COLD_MINUTES)
        writer.ready(HEAT_UP_MINUTES, spec.programmes[0].stages[0].temperature)
        writer.bake_in_turn(programmes, third * DAY_SECONDS // 3)
    return writer.plan()


def keeps_shop_hours(spec: DaySpec) -> DayPlan:
    """Hot when the shop opens, off when it closes eight hours later."""
    writer = _writer(spec)
    writer.ready(HEAT_UP_MINUTES, spec.programmes[0].stages[0].temperature)
    writer.bake_in_turn(cycle(spec.programmes), (HEAT_UP_MINUTES + 8 * 60) * 60)
    writer.off((DAY_SECONDS - writer.second) / 60)
    return writer.plan()


def has_lost_its_burner(spec: DaySpec) -> DayPlan:
    """The burner keeps failing: the oven stays warm and never gets hot enough."""
    writer = _writer(spec)
    writer.fault(DAY_SECONDS / 60, spec.programmes[0].temperature, power_limit=0.12)
    return writer.plan()
