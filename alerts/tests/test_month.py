"""A month of bakeries at an accelerated clock: what people would have been told, and what they would not.

Pure: the readings go through the very functions of the poll worker and of the patrol, with their states in memory.
Set BAKERIES to 50 for the whole chain; it then takes some minutes.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.compiling import Watched, compile_rules
from alerts.opening import Change
from alerts.patrol import find_overdue, judge_by_clock
from alerts.rules import State
from alerts.schedule import Stretch, is_in_plan
from alerts.watch import Findings, Memory, judge_reading
from connectors import Reading
from connectors.reading import CycleStage, OperationalStatus
from equipment.models import Bakery, Equipment
from telemetry.models import LatestReading
from telemetry.services import EquipmentReading

logger = logging.getLogger(__name__)

BAKERIES = int(os.environ.get("BAKERIES", "2"))
OVENS_OF_A_BAKERY = 3
MADRID = ZoneInfo("Europe/Madrid")
FIRST = datetime(2026, 10, 5, tzinfo=UTC)  # the clocks change on the 25th
DAYS = 30
STEP = timedelta(minutes=1)
PLAN = tuple(Stretch(day, time(3), time(13)) for day in range(6))
DROPS = 40
NOON = timedelta(hours=8)
BAD, COLD, LOST = "equipment_error", "temperature_deviation", "connection_lost"
DELAYS = {BAD: 10.0, COLD: 300.0, LOST: 300.0}
MOST_LATE_SECONDS = 5.0


@dataclass
class Oven:
    """One simulated machine, and what of it people were told."""

    number: int
    memory: Memory
    lost: list[tuple[datetime, datetime]] = field(default_factory=list)
    faults: dict[str, datetime] = field(default_factory=dict)
    flaps: bool = False
    told: list[Change] = field(default_factory=list)

    @property
    def machine(self) -> Equipment:
        return self.memory.watched.equipment


def make_ovens() -> list[Oven]:
    ovens = []
    for number in range(BAKERIES * OVENS_OF_A_BAKERY):
        bakery = Bakery(pk=number // OVENS_OF_A_BAKERY + 1, name="Bakery", slug="bakery", time_zone=MADRID)
        machine = Equipment(pk=number + 1, name="Oven", bakery=bakery, poll_interval_seconds=60, created_at=FIRST)
        machine._state.fields_cache["latest_reading"] = None  # there is none yet, and no database to ask
        ovens.append(Oven(number, Memory(Watched(machine, compile_rules(machine, []), PLAN), 0.0)))
    for drop in range(DROPS):
        start = FIRST + timedelta(days=drop % DAYS) + NOON + timedelta(minutes=7 * drop)
        ovens[drop % len(ovens)].lost.append((start, start + timedelta(minutes=1 + drop % 4)))
    for number, (cause, day) in enumerate(((BAD, 3), (COLD, 21), (LOST, 23))):
        ovens[number].faults[cause] = FIRST + timedelta(days=day) + NOON
    lost_at = ovens[2].faults[LOST]
    ovens[2].lost.append((lost_at, lost_at + timedelta(minutes=30)))
    ovens[3].flaps = True
    return ovens


def say(oven: Oven, at: datetime) -> Reading | None:
    """None at night and while the line is lost."""
    local = at.astimezone(MADRID)
    if not time(2, 30) <= local.time() < time(13) or local.weekday() == 6:
        return None
    if any(start <= at < end for start, end in oven.lost):
        return None
    minutes = local.hour * 60 + local.minute - 150
    target, stage, status = 220.0, CycleStage.BAKING, OperationalStatus.RUNNING
    value = 218.0 + (at.minute * 7) % 5
    if minutes < 30:
        value, stage, status = 20.0 + 6.7 * minutes, CycleStage.PREHEATING, OperationalStatus.PREHEATING
    elif oven.flaps and at.minute % 14 < 7:
        value = 198.0
    began = oven.faults.get(COLD)
    if began and began <= at < began + timedelta(minutes=30):
        value = 170.0
    broke = oven.faults.get(BAD)
    if broke and broke <= at < broke + timedelta(minutes=20):
        status = OperationalStatus.ERROR
    return Reading(
        reading_time=at, temperature=value, target_temperature=target, cycle_stage=stage, operational_status=status
    )


def live_through(oven: Oven) -> None:
    machine, memory = oven.machine, oven.memory
    for minute in range(DAYS * 24 * 60):
        at = FIRST + minute * STEP
        reading = say(oven, at)
        machine.iot_connection_status = "connected" if reading else "disconnected"
        findings = Findings([], [])
        if reading:
            judge_reading(memory, EquipmentReading(equipment_id=machine.pk, reading=reading, received_at=at), findings)
            machine.latest_reading = LatestReading(equipment=machine, reading_time=at, received_at=at)
        listen(oven, findings.changes)
        for seconds in patrols(memory.states):
            look(oven, at.timestamp() + seconds)


def patrols(states: dict[str, State]) -> Iterator[int]:
    """Every five seconds in truth; here only when something is pending may the looks between matter."""
    yield 0
    if any(state.breached_since is not None and not state.is_open for state in states.values()):
        yield from range(5, 60, 5)


def look(oven: Oven, now: float) -> None:
    watched, states = oven.memory.watched, oven.memory.states
    changes = [*judge_by_clock(watched, states, now), *find_overdue(watched, states, now)]
    for change in changes:
        states[change.rule.cause] = change.after
    listen(oven, changes)


def listen(oven: Oven, changes: list[Change]) -> None:
    """People are told when an alert opens and when it resolves, within the plan."""
    oven.told += [
        change
        for change in changes
        if change.before.is_open != change.after.is_open
        and (not change.rule.only_in_plan or is_in_plan(PLAN, MADRID, change.moment))
        and (change.after.is_open or is_told_of(oven, change))
    ]


def is_told_of(oven: Oven, change: Change) -> bool:
    """Only who heard that it began hears that it is over."""
    told = [one.after.is_open for one in oven.told if one.rule == change.rule]
    return bool(told) and told[-1]


def test_a_month_tells_of_each_fault_in_time_and_of_little_else() -> None:
    ovens = make_ovens()
    for oven in ovens:
        live_through(oven)
    noise: Counter[tuple[int, int]] = Counter()
    for oven in ovens:
        for change in oven.told:
            began = oven.faults.get(change.rule.cause)
            if not began or not began <= change.moment <= began + timedelta(hours=2):
                noise[oven.machine.bakery_id, (change.moment - FIRST).days] += 1
        for cause, began in oven.faults.items():
            opened = [
                one.at for one in oven.told if one.rule.cause == cause and one.after.is_open and one.moment >= began
            ]
            assert opened, f"nobody was told of {cause}"
            assert min(opened) - began.timestamp() <= DELAYS[cause] + MOST_LATE_SECONDS, cause
    worst = max(noise.values(), default=0)
    logger.info(
        "%d ovens, %d days: %d messages of noise, %d a day at most", len(ovens), DAYS, sum(noise.values()), worst
    )
    assert worst <= 2, noise
