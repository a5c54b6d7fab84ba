"""Which tables hold rows of a bakery, found by their keys, so that a new table is never forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model, Q, QuerySet

from equipment.models import Bakery, DataJob, DataPart
from telemetry.models import SensorReading

# Readings go their own way; the jobs stay, as the record of what was done.
APART: tuple[type[Model], ...] = (SensorReading, DataJob, DataPart)


@dataclass(frozen=True)
class Table:
    """A table, and the ways from its rows to their bakery as Django writes them: `alert__equipment__bakery`."""

    model: type[Model]
    ways: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    def rows(self, bakery_id: int) -> QuerySet[Any]:
        wanted = Q()
        for way in self.ways:
            wanted |= Q(**{way: bakery_id})
        rows: QuerySet[Any] = self.model._base_manager.filter(wanted)
        if len(self.ways) > 1:  # a row that is reached twice is still one
            rows = self.model._base_manager.filter(pk__in=rows.values("pk"))
        return rows.order_by()


def list_tables() -> list[Table]:
    """The bakery's own first, and then all whose rows belong to one, directly or by another table's row."""
    ways: dict[type[Model], tuple[str, ...]] = {Bakery: ("pk",)}
    growing = True
    while growing:
        growing = False
        for model in apps.get_models(include_auto_created=True):
            if model not in ways and model not in APART and (found := tuple(_find_ways(model, ways))):
                ways[model] = found
                growing = True
    return [Table(model, found) for model, found in ways.items()]


def _find_ways(model: type[Model], known: dict[type[Model], tuple[str, ...]]) -> Iterator[str]:
    keys = [field for field in model._meta.fields if isinstance(field, ForeignKey) and field.related_model in known]
    # A key that is always there says it all; of those that may be empty each can be the one that is set.
    sure = [field for field in keys if not field.null]
    for field in sure[:1] or keys:
        for way in known[field.related_model]:
            yield field.name if way == "pk" else f"{field.name}__{way}"
