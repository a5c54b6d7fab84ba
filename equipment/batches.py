"""What is done to batches: by people, by pages and by an ERP that has its own id for each of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from equipment.models import Batch, Equipment
from equipment.signals import connection_changed


class BatchExistsError(Exception):
    """The machine has a batch with this `external_id` already."""


def start_batch(equipment: Equipment, product: str, started_at: datetime, **details: Any) -> Batch:
    """Raises `BatchExistsError` where the details hold an `external_id` that is taken."""
    try:
        with transaction.atomic():
            batch = Batch.objects.create(equipment=equipment, product=product, started_at=started_at, **details)
    except IntegrityError:
        raise BatchExistsError from None
    _tell(equipment.pk)
    return batch


def end_batch(batch: Batch, ended_at: datetime) -> None:
    """By condition: two clients may say so at once, and the first one is right."""
    if Batch.objects.filter(pk=batch.pk, ended_at=None).update(ended_at=ended_at):
        batch.ended_at = ended_at
        _tell(batch.equipment_id)


def change_batch(batch: Batch, values: Mapping[str, Any]) -> Batch:
    """Write these columns and no others. Raises `BatchExistsError` where an `external_id` is taken."""
    for name, value in values.items():
        setattr(batch, name, value)
    try:
        with transaction.atomic():
            batch.save(update_fields=list(values))
    except IntegrityError:
        raise BatchExistsError from None
    _tell(batch.equipment_id)
    return batch


def find_external_batch(equipment: Equipment, external_id: str) -> Batch | None:
    return Batch.objects.filter(equipment=equipment, external_id=external_id).first()


def _tell(equipment_id: int) -> None:
    transaction.on_commit(lambda: connection_changed.send(sender=Equipment, equipment_ids=[equipment_id], events=[]))
