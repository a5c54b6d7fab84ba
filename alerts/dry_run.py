"""What a rule would have done: the readings of the last days, put through the very same rules.

Nothing is written. The values are taken from the readings once; delay and deadband are then tried on them cheaply.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from alerts.compiling import Watched
from alerts.conditions import CONDITIONS, Surroundings, follow_heating
from alerts.plausible import NOTHING, find_suspects
from alerts.rules import WELL, Rule, judge, step
from alerts.schedule import is_in_plan
from connectors import Reading
from telemetry.metrics import METRICS, Kind
from telemetry.models import STATES, SensorReading

# 30 days at half a minute, in some two seconds. What lies before, of machines read more often, is left out and said so.
MOST_READINGS = 90_000
# What is bad for less long went by itself before anybody could have come.
WORTH_COMING_SECONDS = 900.0
DELAYS = (60.0, 120.0, 300.0, 600.0, 900.0, 1_200.0, 1_800.0)
DEADBANDS = (1.0, 2.0)
CHART_POINTS = 400
FIELDS = tuple(metric for metric in METRICS if metric.field != "quality")


class Observation(NamedTuple):
    at: float
    value: float
    state: str  # the machine's operational status


class Episode(NamedTuple):
    """One alert that would have been. `ended_at` is None where it would still be open."""

    opened_at: float
    ended_at: float | None
    worst: float | None
    state: str
    is_quiet: bool  # outside the plan: recorded, and nobody told


class Advice(NamedTuple):
    on_delay: float
    deadband: float
    firings: int  # how often it would have fired then


class DryRun(NamedTuple):
    observations: list[Observation]
    episodes: list[Episode]
    by_state: list[tuple[str, int]]
    advice: Advice | None
    is_cut: bool


def replay(watched: Watched, rule: Rule, days: int, now: datetime) -> DryRun:
    """The last days of one machine through one rule of it, about its readings."""
    rows = SensorReading.objects.filter(
        equipment_id=watched.equipment.pk, reading_time__gt=now - timedelta(days=days), reading_time__lte=now
    )
    newest = list(
        rows.order_by("-reading_time").values_list("reading_time", *(m.field for m in FIELDS))[:MOST_READINGS]
    )
    observations = list(observe(watched, rule, (to_reading(row) for row in reversed(newest))))
    episodes = find_episodes(watched, rule, observations)
    by_state = Counter(episode.state for episode in episodes).most_common()
    advice = advise(watched, rule, observations, episodes)
    return DryRun(observations, episodes, by_state, advice, len(newest) == MOST_READINGS)


def to_reading(row: Sequence[Any]) -> Reading:
    """A stored row as the machine had said it."""
    values: dict[str, Any] = {}
    for metric, value in zip(FIELDS, row[1:], strict=True):
        if value is None:
            continue
        values[metric.field] = STATES[metric.field][value] if metric.kind is Kind.STATE else value
    return Reading(reading_time=row[0], **values)


def observe(watched: Watched, rule: Rule, readings: Iterator[Reading]) -> Iterator[Observation]:
    """What each reading says of the rule; those that cannot be true say nothing."""
    condition = CONDITIONS[rule.alert_type]
    heating, memory, kind = None, NOTHING, watched.equipment.type
    for reading in readings:
        at = reading.reading_time.timestamp()
        suspects, memory = find_suspects(reading, kind, memory, at)
        if suspects:
            continue
        heating = follow_heating(reading, heating, at)
        value = condition(reading, Surroundings(kind, heating, None, at), rule.metric)
        if value is not None:
            yield Observation(at, value, str(reading.operational_status or "unknown"))


def find_episodes(watched: Watched, rule: Rule, observations: Sequence[Observation]) -> list[Episode]:
    zone = watched.equipment.bakery.time_zone
    state, seen_at, episodes = WELL, None, []
    for at, value, status in observations:
        before = state
        state = step(rule, state, judge(rule, value, state.is_open), value, at, seen_at)
        seen_at = at
        if state.is_open and not before.is_open:
            moment = datetime.fromtimestamp(at, UTC)
            is_quiet = rule.only_in_plan and not is_in_plan(watched.plan, zone, moment)
            episodes.append(Episode(at, None, state.worst, status, is_quiet))
        elif state.is_open:
            episodes[-1] = episodes[-1]._replace(worst=state.worst)
        elif before.is_open:
            episodes[-1] = episodes[-1]._replace(ended_at=at)
    return episodes


def advise(
    watched: Watched, rule: Rule, observations: Sequence[Observation], episodes: Sequence[Episode]
) -> Advice | None:
    """The least patience that leaves what lasted long enough for somebody to come. None where there is no noise."""
    lasting = sum(_lasted(rule, episode) for episode in episodes)
    if lasting == len(episodes):
        return None
    tries = [
        (max(rule.on_delay, delay), rule.deadband * factor)
        for delay in (rule.on_delay, *(delay for delay in DELAYS if delay > rule.on_delay))
        for factor in DEADBANDS
    ]
    for on_delay, deadband in tries:
        patient = replace(rule, on_delay=on_delay, deadband=deadband)
        count = len(find_episodes(watched, patient, observations))
        if count <= lasting:
            return Advice(on_delay, deadband, count)
    return None


def _lasted(rule: Rule, episode: Episode) -> bool:
    if episode.ended_at is None:
        return True
    return episode.ended_at - episode.opened_at + rule.on_delay - rule.clear_delay >= WORTH_COMING_SECONDS


def thin_out(observations: Sequence[Observation]) -> list[tuple[float, float]]:
    """For a chart: of each stretch the value furthest from 0, so that no peak is lost."""
    width = max(1, len(observations) // CHART_POINTS)
    stretches = (observations[start : start + width] for start in range(0, len(observations), width))
    return [(stretch[0].at, max((one.value for one in stretch), key=abs)) for stretch in stretches]
