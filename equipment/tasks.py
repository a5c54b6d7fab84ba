"""The connection test, on the gateway's queue: only there can the machine be reached."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

from celery import shared_task

from connectors import AddressPolicy, create_connector
from equipment.fields import decrypt_json


def no_line(equipment_id: int) -> AbstractContextManager[None]:
    return nullcontext()


# The poll worker puts its collector's `parked` here: some machines serve a single client, so their line must be
# down while the test speaks. This app may not import the collector, which lives above it.
park_line: Callable[[int], AbstractContextManager[None]] = no_line


@shared_task(ignore_result=False)
def run_connection_test(equipment_id: int, uuid: str, sealed_settings: str, policy: dict[str, bool]) -> dict[str, Any]:
    """Connect, read once and hang up. Returns a `ConnectionTest` as a dict.

    The settings come sealed by `encrypt_json`: the broker is no place for passwords.
    """
    settings = decrypt_json(sealed_settings)
    connector = create_connector(settings["protocol"], uuid, settings["config"], policy=AddressPolicy(**policy))
    with park_line(equipment_id):
        return asdict(asyncio.run(connector.test_connection()))
