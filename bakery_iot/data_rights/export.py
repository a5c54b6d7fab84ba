"""Everything of a bakery as one zip of open formats, written part by part: a chain's readings fit in no memory."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

import orjson
from django.db.models import BinaryField, F
from django.utils.text import slugify
from fernet_fields import EncryptedField

from bakery_iot.audit_export import describe
from bakery_iot.data_rights.tables import Table, list_tables
from equipment.audit import entries_of
from equipment.fields import mask
from equipment.models import Bakery, Equipment
from equipment.selectors import members_of
from equipment.spreadsheets import defuse
from telemetry.live import as_shown
from telemetry.metrics import METRICS
from telemetry.models import SensorReading

READINGS_AT_ONCE = 5_000
ROWS_AT_ONCE = 2_000
Progress = Callable[[int, int, str], None]  # steps done, steps in all, what is being done now

README = """{name}: everything that bakery_iot has stored of it

readings/     what each machine measured: a CSV file for each, with the units in docs/ of the software: °C, %, kWh, kg,
              minutes. Times are UTC. What was not measured is empty.
tables/       every other table, a JSON object in each line (NDJSON). Passwords and keys are not in it.
people.ndjson the members, by the numbers that the tables use.
audit.ndjson  who changed which setting, when, from what to what.
"""


def write_export(bakery: Bakery, file: IO[bytes], progress: Progress) -> None:
    """Write the zip. The file need not be seekable. Raises what the database raises; then start from the beginning."""
    tables, machines = list_tables(), list(Equipment.objects.filter(bakery=bakery).order_by("pk"))
    steps, done = len(tables) + len(machines) + 2, 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("README.txt", README.format(name=bakery.name))
        _write_lines(zipped, "people.ndjson", _people(bakery))
        progress(1, steps, "Members")
        _write_lines(zipped, "audit.ndjson", (describe(entry) for entry in entries_of(bakery).iterator(ROWS_AT_ONCE)))
        for done, table in enumerate(tables, start=2):
            progress(done, steps, f"Table {table.name}")
            _write_lines(zipped, f"tables/{table.name}.ndjson", _rows(table, bakery))
        for number, machine in enumerate(machines, start=done + 1):
            progress(number, steps, f"Readings of {machine.name}")
            with zipped.open(
                f"readings/{slugify(machine.name) or 'machine'}-{machine.pk}.csv", "w", force_zip64=True
            ) as out:
                _write_readings(machine, out, partial(progress, number, steps))
    progress(steps, steps, "Done")


def _write_lines(zipped: zipfile.ZipFile, name: str, rows: Iterator[Any]) -> None:
    with zipped.open(name, "w", force_zip64=True) as out:
        for row in rows:
            out.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))


def _people(bakery: Bakery) -> Iterator[dict[str, Any]]:
    for user in members_of(bakery):
        roles = sorted(user.groups.values_list("name", flat=True))
        yield {
            "id": user.pk,
            "username": user.username,
            "name": user.get_full_name(),
            "email": user.email,
            "roles": roles,
        }


def _rows(table: Table, bakery: Bakery) -> Iterator[dict[str, Any]]:
    """Secrets are not even read."""
    fields = [field for field in table.model._meta.concrete_fields if not isinstance(field, BinaryField)]
    secret = {field.attname: mask("") for field in fields if isinstance(field, EncryptedField)}
    shown = [field.attname for field in fields if field.attname not in secret]
    for row in table.rows(bakery.pk).values(*shown).iterator(ROWS_AT_ONCE):
        yield {**row, **secret}


def _write_readings(machine: Equipment, out: IO[bytes], tell: Callable[[str], None]) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    line = csv.writer(text).writerow
    line(["reading_time", "received_at", *(metric.field for metric in METRICS)])
    written = 0
    for rows in _pages_of(machine):
        for moment, received, *values in rows:
            shown = (as_shown(metric.field, metric.kind, value) for metric, value in zip(METRICS, values, strict=True))
            line([moment.isoformat(), received.isoformat(), *map(_as_cell, shown)])
        written += len(rows)
        tell(f"Readings of {machine.name}: {written:,}")
    text.flush()
    text.detach()


def _as_cell(value: Any) -> str:
    if isinstance(value, dict):
        return orjson.dumps(value).decode() if value else ""
    return defuse(value)


def _pages_of(machine: Equipment) -> Iterator[list[Any]]:
    """By the key, from page to page: each is one short query, and what comes meanwhile is no trouble."""
    columns = ("reading_time", "received_at", *(metric.field for metric in METRICS))
    rows = SensorReading.objects.filter(equipment=machine).order_by(F("reading_time").asc()).values_list(*columns)
    page = list(rows[:READINGS_AT_ONCE])
    while page:
        yield page
        page = list(rows.filter(reading_time__gt=page[-1][0])[:READINGS_AT_ONCE])
