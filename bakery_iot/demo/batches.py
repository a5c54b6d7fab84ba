"""The batches of the simulated ovens: what the shop's till or ERP would tell us about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from connectors.simulators.oven import Load
from equipment.batches import end_batch, start_batch
from equipment.models import Batch, Equipment

from .machines import DemoMachine


def record_batches(machines: Sequence[DemoMachine], since: datetime, now: datetime) -> None:
    """Have the batches agree with what was baked since then: those that are over end, the running ones begin."""
    loads = {machine.equipment.pk: machine.oven.loads_between(since, now) for machine in machines}
    _end_batches(machines, now)
    kept = set(
        Batch.objects.filter(equipment__in=loads, started_at__gte=since - timedelta(hours=2)).values_list(
            "equipment_id", "external_id"
        )
    )
    past = []
    for machine in machines:
        for load in loads[machine.equipment.pk]:
            if (machine.equipment.pk, _external_id(load)) in kept:
                continue
            if load.ended_at <= now:
                past.append(_make_batch(machine.equipment, load))
            else:
                start_batch(machine.equipment, load.product, load.started_at, **_details(load))
    # Hundreds at the first start, and nobody is watching these: no signal for each.
    Batch.objects.bulk_create(past, ignore_conflicts=True)


def _end_batches(machines: Sequence[DemoMachine], now: datetime) -> None:
    """Only our own: a batch that somebody has started by hand has no external id of this kind."""
    mine = Batch.objects.filter(
        equipment__in=[machine.equipment.pk for machine in machines], ended_at=None, external_id__startswith="sim-"
    )
    for batch in mine:
        end = batch.started_at + timedelta(minutes=batch.expected_minutes or 0)
        if end <= now:
            end_batch(batch, end)


def _external_id(load: Load) -> str:
    return f"sim-{load.started_at:%Y%m%d%H%M%S}"


def _details(load: Load) -> dict[str, object]:
    return {
        "number": load.number,
        "target_temperature": load.target_temperature,
        "expected_minutes": load.minutes,
        "external_id": _external_id(load),
    }


def _make_batch(equipment: Equipment, load: Load) -> Batch:
    return Batch(
        equipment=equipment,
        product=load.product,
        started_at=load.started_at,
        ended_at=load.ended_at,
        **_details(load),
    )
