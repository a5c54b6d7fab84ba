"""Fetches what a maker's cloud keeps about a machine, once a day: HACCP batches and cooking programmes.

The row is the queue: `RecordImport.due_at` says when to look again. A failure is kept there and in the connection log;
it never touches the machine's status, whose live values come another way.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors import ConfigurationError, ConnectorError
from connectors.records import CookingProgramme as FoundProgramme
from connectors.records import (
    HaccpBatch,
    RecordsFound,
    RecordSource,
    find_record_source,
    has_records,
    list_record_protocols,
)
from equipment.models import Bakery, ConnectionEventType, ConnectionLog, Equipment
from equipment.policy import address_policy
from equipment.record_models import CookingProgramme, HaccpRecord, RecordImport
from equipment.signals import connection_changed

FETCH_AT_HOUR = 2  # UTC: the cloud counts its days so, and the bakeries sleep
RETRY = timedelta(hours=1)
AT_ONCE = 3  # of a gateway, whose threads also wait for connection tests
_HACCP_COLUMNS = (
    "name",
    "group_name",
    "device_name",
    "started_at",
    "finished",
    "total_seconds",
    "core_temperature_reached",
    "temperature_unit",
    "software_versions",
    "document",
    "source_updated_at",
)
_PROGRAMME_COLUMNS = ("uuid", "name", "kind", "status", "group", "device_family", "document")
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What one fetch brought. Where `came` is true beside an `error`, only a part is missing."""

    came: bool = False
    new: int = 0
    changed: int = 0
    programmes: int | None = None
    error: ConnectorError | None = None


def find_source(equipment: Equipment) -> RecordSource | None:
    """What fetches the records of this machine; None without access, or while its settings are wrong."""
    if not has_records(equipment.iot_protocol):
        return None
    try:
        return find_record_source(equipment.iot_protocol, equipment.connector_config, policy=address_policy())
    except ConfigurationError:
        return None


def claim_due_imports(limit: int = AT_ONCE, now: datetime | None = None) -> Iterator[Equipment]:
    """Machines whose records are due, at most so many of a gateway; each is ours for an hour.

    By condition: of two that look at once only the one whose UPDATE touches the row may go on.
    """
    now = now or timezone.now()
    taken: dict[int, int] = {}
    machines = Equipment.objects.filter(iot_enabled=True, archived_at=None, iot_protocol__in=list_record_protocols())
    due = machines.exclude(record_import__due_at__gt=now).select_related("bakery__gateway")
    for equipment in due.order_by("pk"):
        gateway = equipment.bakery.gateway_id
        if taken.get(gateway, 0) >= limit or find_source(equipment) is None:
            continue
        RecordImport.objects.get_or_create(equipment=equipment, defaults={"due_at": now})
        mine = RecordImport.objects.filter(equipment=equipment, due_at__lte=now).update(due_at=now + RETRY)
        if mine:
            taken[gateway] = taken.get(gateway, 0) + 1
            yield equipment


def import_records(equipment: Equipment, now: datetime | None = None) -> ImportResult:
    """Fetch and keep what has changed since the last time. A failure is a result, and a sentence on the row.

    Safe to repeat. It has an event loop of its own: never call it from one.
    """
    now = now or timezone.now()
    state, _ = RecordImport.objects.get_or_create(equipment=equipment, defaults={"due_at": now})
    source = find_source(equipment)
    try:
        if source is None:
            raise ConfigurationError("Enter client_id and client_secret of an API client, and additional_config.haccp.")
        serial_number = equipment.serial_number.strip()
        found = asyncio.run(source.fetch(since=state.seen_until, serial_number=serial_number, now=now))
    except ConnectorError as error:
        _record_result(state, ImportResult(error=error), now)
        return ImportResult(error=error)
    with transaction.atomic():
        result = store_records(equipment, found, now)
        _record_result(state, result, now, found.seen_until)
    return result


def store_records(equipment: Equipment, found: RecordsFound, now: datetime) -> ImportResult:
    """Insert what is new, overwrite what has changed, leave the rest. Programmes that are gone are removed."""
    with transaction.atomic():
        # A batch is kept once in a bakery, and no constraint reaches over two tables: so one import at a time.
        Bakery.objects.select_for_update(no_key=True).get(pk=equipment.bakery_id)
        new, changed = _store_batches(equipment, found.batches, now)
        programmes = None if found.programmes is None else _store_programmes(equipment, found.programmes, now)
    return ImportResult(came=True, new=new, changed=changed, programmes=programmes, error=found.trouble)


def _store_batches(equipment: Equipment, batches: Sequence[HaccpBatch], now: datetime) -> tuple[int, int]:
    wanted = {(b.serial_number or equipment.serial_number.strip(), b.batch_id): _values_of(b) for b in batches}
    known = _find_known(equipment, [batch.batch_id for batch in batches])
    new = [
        HaccpRecord(
            equipment=equipment, serial_number=key[0], external_id=key[1], first_seen_at=now, updated_at=now, **values
        )
        for key, values in wanted.items()
        if key not in known
    ]
    changed = [row for key, row in known.items() if key in wanted and _take_over(row, equipment, wanted[key], now)]
    HaccpRecord.objects.bulk_create(new, batch_size=_ROWS_AT_ONCE)
    HaccpRecord.objects.bulk_update(changed, ["equipment", *_HACCP_COLUMNS, "updated_at"], batch_size=_ROWS_AT_ONCE)
    return len(new), len(changed)


def _values_of(batch: HaccpBatch) -> dict[str, Any]:
    return {
        "name": batch.name,
        "group_name": batch.group_name,
        "device_name": batch.device_name,
        "started_at": batch.started_at,
        "finished": batch.finished,
        "total_seconds": batch.total_seconds,
        "core_temperature_reached": batch.core_temperature_reached,
        "temperature_unit": batch.temperature_unit,
        "software_versions": dict(batch.software_versions),
        "document": dict(batch.document),
        "source_updated_at": batch.updated_at,
    }


def _find_known(equipment: Equipment, batch_ids: Sequence[str]) -> dict[tuple[str, str], HaccpRecord]:
    """The bakery's rows of these batches: the machine may have been archived and entered anew."""
    rows = HaccpRecord.objects.filter(equipment__bakery=equipment.bakery_id, external_id__in=batch_ids)
    known: dict[tuple[str, str], HaccpRecord] = {}
    for row in rows.select_related("equipment").order_by("pk"):
        key = (row.serial_number, row.external_id)
        if key not in known or row.equipment_id == equipment.pk:
            known[key] = row
    return known


def _take_over(row: HaccpRecord, equipment: Equipment, values: Mapping[str, Any], now: datetime) -> bool:
    """Put the values into the row. False if it holds them already."""
    orphaned = row.equipment.archived_at is not None and row.equipment_id != equipment.pk
    if not orphaned and all(getattr(row, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    if orphaned:
        row.equipment = equipment
    row.updated_at = now
    return True


def _store_programmes(equipment: Equipment, programmes: Sequence[FoundProgramme], now: datetime) -> int:
    known = {row.external_id: row for row in equipment.cooking_programmes.all()}
    new, changed = [], []
    for programme in programmes:
        values = {name: getattr(programme, name) for name in _PROGRAMME_COLUMNS} | {
            "document": dict(programme.document)
        }
        row = known.pop(programme.programme_id, None)
        if row is None:
            own = {"equipment": equipment, "external_id": programme.programme_id, "first_seen_at": now}
            new.append(CookingProgramme(**own, updated_at=now, **values))
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.updated_at = now
            changed.append(row)
    CookingProgramme.objects.bulk_create(new, batch_size=_ROWS_AT_ONCE)
    CookingProgramme.objects.bulk_update(changed, [*_PROGRAMME_COLUMNS, "updated_at"], batch_size=_ROWS_AT_ONCE)
    equipment.cooking_programmes.filter(pk__in=[row.pk for row in known.values()]).delete()
    return len(programmes)


def _record_result(
    state: RecordImport, result: ImportResult, now: datetime, seen_until: datetime | None = None
) -> None:
    """Keep how it went, and log what is different from the last time: that it broke, and that it works again."""
    error = result.error
    before = state.error_message if state.tried_at else None
    came = result.came
    state.tried_at, state.due_at = now, _next_moment(None if came else error, now)
    state.error_message, state.error_code = (str(error), error.code) if error else ("", "")
    state.seen_until = seen_until or state.seen_until
    if came:
        state.succeeded_at = now
    with transaction.atomic():
        state.save()
        if state.error_message != before:
            _log(state, result, now)


def _next_moment(error: ConnectorError | None, now: datetime) -> datetime:
    """Tomorrow, or in an hour if trying again may help; a refused secret is not tried again and again."""
    if error and error.retry:
        return now + max(RETRY, timedelta(seconds=error.retry_after or 0))
    hour = now.replace(hour=FETCH_AT_HOUR, minute=0, second=0, microsecond=0)
    return hour if hour > now else hour + timedelta(days=1)


def _log(state: RecordImport, result: ImportResult, now: datetime) -> None:
    equipment = state.equipment
    event = ConnectionLog(
        equipment=equipment,
        event_type=ConnectionEventType.RECORDS,
        event_time=now,
        connection_status=equipment.iot_connection_status,
        error_message=state.error_message,
        error_code=state.error_code,
        data_points_received=result.new + result.changed,
    )
    event.save()
    transaction.on_commit(
        lambda: connection_changed.send(sender=Equipment, equipment_ids=[equipment.pk], events=[event])
    )
