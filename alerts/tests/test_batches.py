"""However a machine's readings are gathered, they are judged the same: one batch, one by one, or anything between."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alerts.rules import State
from alerts.tests.kitchen import START
from alerts.watch import Watch
from connectors import Reading
from connectors.reading import CycleStage, OperationalStatus
from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.services import EquipmentReading

SECONDS = st.sampled_from([1, 20, 60, 200, 400, 4_000])
readings = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([20.0, 150.0, 199.0, 205.0, 260.0, 3276.7, -300.0]),
        "operational_status": st.sampled_from([OperationalStatus.RUNNING, OperationalStatus.ERROR]),
        "cycle_stage": st.sampled_from([CycleStage.BAKING, CycleStage.PREHEATING]),
    }
)


def judged(batches: list[list[EquipmentReading]]) -> tuple[dict[str, State], list[tuple[str, State, float]], list[str]]:
    """The timers at the end, every step on the way there, and which values were not believed."""
    watch = Watch(now=START.timestamp)
    changes, suspects = [], []
    for batch in batches:
        findings = watch.judge(batch)
        changes += [(change.rule.cause, change.after, change.at) for change in findings.changes]
        suspects += [f"{moment} {fields}" for _, moment, fields in findings.suspects]
    states = {pk: memory.states for pk, memory in watch._machines.items()}
    return next(iter(states.values()), {}), changes, suspects


def arrived(oven: Equipment, steps: list[tuple[int, dict[str, object]]]) -> list[EquipmentReading]:
    at, items = datetime.fromtimestamp(START.timestamp(), UTC), []
    for pause, values in steps:
        at += timedelta(seconds=pause)
        reading = Reading(reading_time=at, target_temperature=200.0, **values)  # type: ignore[arg-type]
        items.append(EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=at))
    return items


class TestBatches(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(SECONDS, readings), min_size=1, max_size=40), st.lists(st.integers(1, 9), max_size=20))
    def test_one_batch_one_by_one_or_anything_between_is_the_same(
        self, steps: list[tuple[int, dict[str, object]]], sizes: list[int]
    ) -> None:
        items = arrived(make_equipment(make_bakery()), steps)
        some, begin = [], 0
        for size in [*sizes, len(items)]:
            some.append(items[begin : begin + size])
            begin += size
        whole = judged([items])
        assert judged([[item] for item in items]) == whole
        assert judged([batch for batch in some if batch]) == whole
        assert judged([items[::-1]]) == whole
