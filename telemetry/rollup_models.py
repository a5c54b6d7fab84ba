"""Rollups: what the readings of a minute, a quarter of an hour, an hour or a day come to.

Written only by `telemetry.store`, in the statement that stores the readings. The columns follow METRICS: a metric added
there needs `makemigrations` and `manage.py rebuild_rollups`.
"""

from collections.abc import Iterator
from typing import Any

from django.db import models

from equipment.models import Equipment
from telemetry.columns import OPERATIONAL_STATUSES, STATES, Real, state_field
from telemetry.metrics import METRICS, Kind

NUMBERS = tuple(metric for metric in METRICS if metric.kind in (Kind.REAL, Kind.DOUBLE, Kind.SMALLINT))
# Of these the newest reading's is kept: a mean of states or of objects says nothing.
STATES_AND_OBJECTS = tuple(metric for metric in METRICS if metric not in NUMBERS)


def status_column(word: str) -> str:
    return f"{word}_readings"


class Rollup(models.Model):
    """One machine's readings in one bucket; a metric without a value in it has NULL in all its columns.

    Of each number: `_count`, `_sum` (in thousandths: whole numbers come to the same in any order), `_min`, `_max`, and
    `_last`, the value of the bucket's newest reading, as are the states and objects. `<status>_readings` counts the
    readings of each operational status.
    """

    pk = models.CompositePrimaryKey("equipment_id", "bucket")
    equipment = models.ForeignKey(
        Equipment, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    bucket = models.DateTimeField()
    readings = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.equipment_id} from {self.bucket}"


def _columns() -> Iterator[tuple[str, "models.Field[Any, Any]"]]:
    for metric in NUMBERS:
        value = {Kind.REAL: Real, Kind.DOUBLE: models.FloatField, Kind.SMALLINT: models.SmallIntegerField}[metric.kind]
        yield f"{metric.field}_count", models.IntegerField(null=True)
        yield f"{metric.field}_sum", models.BigIntegerField(null=True)
        for part in ("min", "max", "last"):
            yield f"{metric.field}_{part}", value(null=True)
    for metric in STATES_AND_OBJECTS:
        state = metric.kind is Kind.STATE
        yield metric.field, state_field(STATES[metric.field]) if state else models.JSONField(null=True)
    for word in OPERATIONAL_STATUSES:
        yield status_column(word), models.IntegerField(null=True)


for _name, _field in _columns():
    Rollup.add_to_class(_name, _field)


class MinuteRollup(Rollup):
    """Only of machines that are read more often than once a minute."""

    class Meta:
        db_table = "equipment_minute_rollups"


class QuarterHourRollup(Rollup):
    class Meta:
        db_table = "equipment_quarter_hour_rollups"


class HourRollup(Rollup):
    class Meta:
        db_table = "equipment_hour_rollups"


class DayRollup(Rollup):
    """The day is the bakery's own, from midnight to midnight in its time zone."""

    class Meta:
        db_table = "equipment_day_rollups"
