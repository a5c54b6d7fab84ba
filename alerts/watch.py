"""Judges readings as they are stored, without a query for each: rules and timers are kept in this process.

Timers are written when they change, and read by whoever starts or finds that another process has changed them. No
value from the past is ever asked for: all that is remembered of a machine fits in `Memory`. Only who starts asks when a
machine with a running timer was last heard, so that the time in which nobody watched is a gap, if it was one.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max

from alerts import plausible
from alerts.compiling import Watched, compile_machines, with_plans
from alerts.conditions import CONDITIONS, Heating, Surroundings, follow_heating
from alerts.faults import describe_fault
from alerts.kinds import AlertType
from alerts.opening import Change
from alerts.plausible import find_suspects
from alerts.rule_models import AlertRule, AlertTimer
from alerts.rules import WELL, Rule, State, judge, step
from alerts.schedule import find_next_start
from equipment.models import Equipment
from telemetry.models import SensorReading
from telemetry.services import EquipmentReading

# What was sent this long ago comes from a machine's or a gateway's memory: it is kept, but it is no news.
LATE_SECONDS = 120.0
LOOK_FOR_CHANGED_RULES_SECONDS = 5.0
# By another process, or by a person who resolved an alert. A broker's batches come sixteen times a second.
LOOK_FOR_CHANGED_TIMERS_SECONDS = 1.0
# Opening hours, types and intervals change seldom.
FORGET_MACHINES_SECONDS = 60.0
# Two clocks of one installation agree better than this, and a change is committed sooner after its moment.
OVERLAP = timedelta(seconds=10)
SUSPECT = AlertType.SENSOR_SUSPECT.value


@dataclass(slots=True)
class Memory:
    """Of one machine: when it was last heard, by rule how far it is, and what the values before were like."""

    watched: Watched
    compiled_at: float
    opens_at: float | None = None
    seen_at: float | None = None
    states: dict[str, State] = field(default_factory=dict)
    temperature: plausible.Memory = plausible.NOTHING
    heating: Heating | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a batch has changed, and which stored fields are not to be believed."""

    changes: list[Change]
    suspects: list[tuple[int, datetime, tuple[str, ...]]]


class Watch:
    """One per process. Not for several threads at once: the caller holds a lock."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._machines: dict[int, Memory] = {}
        self._rules_version: Any = None
        self._looked_at = 0.0
        self._synced_at: float | None = None
        self._taken: dict[int, datetime] = {}  # timers that the last look has found, and when they had changed

    def judge(self, batch: Sequence[EquipmentReading]) -> Findings:
        """The changes in the order of the readings. They hold in this process at once: write them, or `forget`."""
        batch = sorted(batch, key=lambda item: item.reading.reading_time)
        strangers = self._load({item.equipment_id for item in batch})
        self._recall_when_heard(strangers, batch)
        findings = Findings([], [])
        for item in batch:
            if memory := self._machines.get(item.equipment_id):
                judge_reading(memory, item, findings)
        return findings

    def forget(self, equipment_ids: Iterable[int]) -> None:
        """What was found could not be written: it is read again next time."""
        for equipment_id in equipment_ids:
            self._machines.pop(equipment_id, None)

    def _load(self, equipment_ids: set[int]) -> set[int]:
        """Those that were not known before."""
        now = self._now()
        if now - self._looked_at >= LOOK_FOR_CHANGED_RULES_SECONDS:
            self._looked_at = now
            self._look_for_changed_rules()
        known = self._machines
        strangers = equipment_ids - known.keys()
        old = {pk for pk in equipment_ids if pk in known and now - known[pk].compiled_at > FORGET_MACHINES_SECONDS}
        missing = strangers | old
        if missing:
            self._compile(missing, now)
        self._take_over_timers()
        return strangers & known.keys()

    def _look_for_changed_rules(self) -> None:
        version = AlertRule.objects.aggregate(Count("pk"), Max("changed_at"))
        if version != self._rules_version:
            self._rules_version = version
            for memory in self._machines.values():
                memory.compiled_at = 0.0

    def _compile(self, equipment_ids: set[int], now: float) -> None:
        machines = with_plans(Equipment.objects.filter(pk__in=equipment_ids))
        found = {watched.equipment.pk: watched for watched in compile_machines(machines)}
        for pk in equipment_ids - found.keys():
            self._machines.pop(pk, None)  # archived, or gone
        strangers = found.keys() - self._machines.keys()
        for pk, watched in found.items():
            opens = find_next_start(watched.plan, watched.equipment.bakery.time_zone, datetime.fromtimestamp(now, UTC))
            memory = self._machines.setdefault(pk, Memory(watched, now))
            memory.watched, memory.compiled_at = watched, now
            memory.opens_at = opens.timestamp() if opens else None
        for timer in AlertTimer.objects.filter(equipment__in=strangers):
            self._take_over(timer)

    def _recall_when_heard(self, strangers: set[int], batch: Sequence[EquipmentReading]) -> None:
        """When a machine with a running timer was heard before this batch, which is sorted, and stored already."""
        running = {pk for pk in strangers if any(one.breached_since for one in self._machines[pk].states.values())}
        first: dict[int, datetime] = {}
        for item in batch if running else ():
            if item.equipment_id in running:
                first.setdefault(item.equipment_id, item.reading.reading_time)
        for pk, moment in first.items():
            since = moment - timedelta(seconds=1 + max(rule.longest_gap for rule in self._machines[pk].watched.rules))
            before = SensorReading.objects.filter(equipment_id=pk, reading_time__gte=since, reading_time__lt=moment)
            heard: datetime | None = before.aggregate(Max("reading_time"))["reading_time__max"]
            self._machines[pk].seen_at = (heard or since).timestamp()

    def _take_over_timers(self) -> None:
        """Of all machines, as few change within seconds: to name those of the batch would cost more.

        Where many have, as when a fleet is switched on, each is still read once and not with every look.
        """
        since, now = self._synced_at, self._now()
        if since is not None and now - since < LOOK_FOR_CHANGED_TIMERS_SECONDS:
            return
        self._synced_at = now
        if since is None:
            return
        timers = AlertTimer.objects.exclude(equipment=None)
        moment = datetime.fromtimestamp(since, UTC) - OVERLAP
        changed = dict(timers.filter(changed_at__gt=moment).values_list("pk", "changed_at"))
        news = [pk for pk, moment in changed.items() if self._taken.get(pk) != moment]
        self._taken = changed
        for timer in timers.filter(pk__in=news) if news else ():
            self._take_over(timer)

    def _take_over(self, timer: AlertTimer) -> None:
        memory = self._machines.get(timer.equipment_id or 0)
        if memory:
            memory.states[timer.cause] = State.from_row(timer.state)


def judge_reading(memory: Memory, item: EquipmentReading, findings: Findings) -> None:
    """Put one reading through all rules of its machine. A late one, and one older than the last, changes nothing."""
    reading = item.reading
    at = min(reading.reading_time, item.received_at).timestamp()
    before = memory.seen_at
    if (before is not None and at <= before) or item.received_at.timestamp() - at > LATE_SECONDS:
        return
    machine = memory.watched.equipment
    suspects, memory.temperature = find_suspects(reading, machine.type, memory.temperature, at)
    if suspects:
        findings.suspects.append((item.equipment_id, reading.reading_time, suspects))
    else:
        memory.heating = follow_heating(reading, memory.heating, at)
    around = Surroundings(machine.type, memory.heating, memory.opens_at, at)
    for rule in memory.watched.rules:
        value = _value_of(rule, reading, around, suspects)
        if value is not None:
            _advance(memory, rule, value, at, findings, suspects, reading)
    memory.seen_at = at


def _value_of(rule: Rule, reading: Any, around: Surroundings, suspects: tuple[str, ...]) -> float | None:
    if rule.alert_type == SUSPECT:
        return 1.0 if suspects else 0.0
    condition = CONDITIONS.get(rule.alert_type)
    if condition is None or (suspects and _rests_on(rule, suspects)):
        return None
    return condition(reading, around, rule.metric)


def _rests_on(rule: Rule, suspects: tuple[str, ...]) -> bool:
    """Whether the rule would take a value for true that is not."""
    if rule.alert_type == AlertType.LIMIT:
        return rule.metric in suspects
    return "temperature" in suspects and rule.alert_type in (AlertType.TEMPERATURE_DEVIATION, AlertType.NOT_READY)


def _advance(
    memory: Memory, rule: Rule, value: float, at: float, findings: Findings, suspects: tuple[str, ...], reading: Any
) -> None:
    before = memory.states.get(rule.cause, WELL)
    after = step(rule, before, judge(rule, value, before.is_open), value, at, memory.seen_at)
    if after is before:
        return
    memory.states[rule.cause] = after
    machine = memory.watched.equipment
    text = " and ".join(suspects) if rule.alert_type == SUSPECT else _own_words(rule, reading, machine)
    findings.changes.append(Change(machine.bakery, machine, rule, before, after, at, value, text))


def _own_words(rule: Rule, reading: Any, machine: Equipment) -> str:
    return describe_fault(reading, machine) if rule.alert_type == AlertType.EQUIPMENT_ERROR else ""
