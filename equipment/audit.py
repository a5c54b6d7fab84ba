"""The audit trail: which tables it watches, and whose an entry is, also after the row it tells of is gone."""

import contextlib
from typing import Any

from auditlog.context import auditlog_value
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from equipment.models import ApiClient, Bakery, Batch, Equipment, Gateway
from equipment.selectors import bakeries_for


def watch(model: Any, **options: Any) -> None:
    """Have every change of these rows written down. `options` are auditlog's: mask_fields, exclude_fields, ..."""
    # auditlog asks the row for it by this name; the users' table is not ours, so a base class could not bring it.
    model.get_additional_data = describe_entry
    # What other tables say of the row is no change of it; the library would list it with every new one.
    others = [found.name for found in (*model._meta.related_objects, *model._meta.many_to_many)]
    auditlog.register(model, exclude_fields=[*options.pop("exclude_fields", ()), *others], **options)


def describe_entry(row: Model) -> dict[str, Any]:
    """What an entry keeps beside the change: the bakeries' keys, and the program if it was one."""
    actor = None
    with contextlib.suppress(LookupError):
        actor = auditlog_value.get().get("actor")
    client: ApiClient | None = getattr(actor, "api_client", None)
    return {"bakeries": _bakeries_of(row), **({"api_client": client.name} if client else {})}


def entries_for(user: Any) -> QuerySet[LogEntry]:
    """Superusers read everything, the others what was done to their own bakeries."""
    entries: QuerySet[LogEntry] = LogEntry.objects.select_related("content_type", "actor")
    if user.is_superuser:
        return entries
    own = bakeries_for(user)
    machines = Equipment.objects.filter(bakery__in=own)
    readable = Q(pk__in=[])
    for key in own.values_list("pk", flat=True):
        readable |= Q(additional_data__contains={"bakeries": [key]})
    # Entries from before they kept their bakeries.
    rows = ((Bakery, own), (Equipment, machines), (Batch, Batch.objects.filter(equipment__in=machines)))
    for kind, found in rows:
        content_type = ContentType.objects.get_for_model(kind)
        readable |= Q(additional_data=None, content_type=content_type, object_id__in=found.values("pk"))
    return entries.filter(readable)


def entries_of(bakery: Bakery) -> QuerySet[LogEntry]:
    """All that was done to one bakery and what belongs to it, oldest first."""
    here = Q(additional_data__contains={"bakeries": [bakery.pk]})
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(here).select_related("content_type", "actor")
    return entries.order_by("timestamp", "pk")


def _bakeries_of(row: Any) -> list[int]:
    if isinstance(row, Bakery):
        return [row.pk]
    if isinstance(row, ApiClient | Gateway):
        return sorted(row.bakeries.values_list("pk", flat=True))
    if isinstance(row, get_user_model()):
        return sorted(Bakery.objects.filter(memberships__user=row).values_list("pk", flat=True))
    bakery_id = getattr(row, "bakery_id", None) or getattr(getattr(row, "equipment", None), "bakery_id", None)
    return [bakery_id] if bakery_id else []
