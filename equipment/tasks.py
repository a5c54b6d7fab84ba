"""What runs on the gateway's queue, since only there can the machine be reached: connection test and records."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import Any

from celery import shared_task

from connectors import AddressPolicy, create_connector
from connectors.details import plain_details
from equipment.fields import decrypt_json
from equipment.identity import get_identity
from equipment.models import Equipment
from equipment.records import claim_due_imports, import_records

IMPORT_EXPIRES_SECONDS = 3600


def no_line(equipment_id: int) -> AbstractContextManager[None]:
    return nullcontext()


# The poll worker puts its collector's `parked` here: some machines serve a single client, so their line must be
# down while the test speaks. This app may not import the collector, which lives above it.
park_line: Callable[[int], AbstractContextManager[None]] = no_line


@shared_task(ignore_result=False)
def run_connection_test(
    equipment_id: int | None, uuid: str, sealed_settings: str, policy: dict[str, bool], gateway: str
) -> dict[str, Any]:
    """Connect, read once and hang up. Returns a `ConnectionTest` as a dict.

    The settings come sealed by `encrypt_json`: the broker is no place for passwords. A machine that is not saved yet
    has no number, and no line that would have to be parked.
    """
    settings = decrypt_json(sealed_settings)
    connector = create_connector(
        settings["protocol"],
        uuid,
        settings["config"],
        policy=AddressPolicy(**policy),
        identity=get_identity().at_gateway(gateway),
    )
    with park_line(equipment_id) if equipment_id else nullcontext():
        result = asyncio.run(connector.test_connection())
    return asdict(replace(result, details=plain_details(result.details)))


@shared_task
def start_due_imports() -> None:
    """Have the records fetched that are due. One that no gateway takes up within the hour is due again."""
    for equipment in claim_due_imports():
        start_import(equipment)


def start_import(equipment: Equipment) -> None:
    """Have the machine's gateway fetch its records now. Raises kombu's and Redis's errors."""
    queue = equipment.bakery.gateway.queue
    import_machine_records.apply_async((equipment.pk,), queue=queue, expires=IMPORT_EXPIRES_SECONDS, retry=False)


@shared_task
def import_machine_records(equipment_id: int) -> None:
    """In a thread of its own, with its own event loop: the collector does not notice."""
    equipment = Equipment.objects.filter(pk=equipment_id, archived_at=None).first()
    if equipment is not None:
        import_records(equipment)
