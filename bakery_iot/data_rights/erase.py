"""Deletes a bakery with its machines, also the archived, and everything they have told. The audit trail is kept."""

from collections.abc import Callable
from functools import partial

from auditlog.context import set_actor
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from bakery_iot.data_rights.export import Progress
from bakery_iot.data_rights.tables import list_tables
from equipment.models import Bakery, Equipment
from equipment.signals import connection_changed
from telemetry.models import SensorReading
from telemetry.partitions import WEEK, week_of


def erase_bakery(bakery: Bakery, actor: object, progress: Progress) -> str:
    """Returns a sentence of what is gone. Safe to start again after it was broken off.

    The readings go first, week by week: each statement touches one partition, and holds up nobody for long.
    """
    machines = list(Equipment.objects.filter(bakery=bakery).values_list("pk", "name"))
    _stop_reading(bakery, [key for key, _ in machines])
    steps, readings = len(machines) + 1, 0
    for done, (key, name) in enumerate(machines):
        progress(done, steps, f"Readings of {name}")
        readings += _delete_readings(key, partial(progress, done, steps, f"Readings of {name}"))
    progress(len(machines), steps, "Machines, batches, alerts and settings")
    rows = _delete_tables(bakery, actor)
    # What a poll worker still had in its hands when the line was taken down.
    readings += sum(_delete_readings(key) for key, _ in machines)
    progress(steps, steps, "Done")
    return f"Deleted: {len(machines)} machines, {readings:,} readings and {rows:,} other rows."


def _stop_reading(bakery: Bakery, machines: list[int]) -> None:
    with transaction.atomic():
        Equipment.objects.filter(bakery=bakery).update(
            iot_enabled=False, archived_at=Coalesce("archived_at", Now()), config_version=F("config_version") + 1
        )
        transaction.on_commit(lambda: connection_changed.send(sender=Equipment, equipment_ids=machines, events=()))


def _delete_readings(machine: int, tell: Callable[[], None] = lambda: None) -> int:
    rows, deleted = SensorReading.objects.filter(equipment=machine), 0
    while first := rows.order_by("reading_time").values_list("reading_time", flat=True).first():
        week = week_of(first)
        deleted += rows.filter(reading_time__gte=week, reading_time__lt=week + WEEK)._raw_delete("default")
        tell()
    return deleted


def _delete_tables(bakery: Bakery, actor: object) -> int:
    """In one transaction: the keys between the tables are looked at when it ends, so their order is all the same.

    Past the audit trail, which would repeat every row; the bakery's own deletion is in it.
    """
    deleted = 0
    with transaction.atomic(), set_actor(actor), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for table in reversed(list_tables()):
            if table.model is not Bakery:
                deleted += table.rows(bakery.pk)._raw_delete("default")
        bakery.delete()
    return deleted + 1
