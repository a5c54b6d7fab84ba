"""`manage.py follow_demo`: stands in for the shops' ERP, and tells us when a simulated batch begins and ends."""

import signal
import threading
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.utils import timezone

from bakery_iot.demo.batches import record_batches
from bakery_iot.demo.machines import find_machines
from connectors.simulators.__main__ import DEFAULT_FILE
from connectors.simulators.fleet import FLEET
from connectors.simulators.installation import Installation

PACE_SECONDS = 3
BATCHES_SINCE = timedelta(hours=2)


class Command(BaseCommand):
    help = "Begin and end the batches of the simulated ovens as they happen, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tokens", type=Path, default=DEFAULT_FILE, help="the file the simulated ovens use")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        installation = Installation.open(options["tokens"], [spec.key for spec in FLEET])
        while not stopping.is_set():
            try:
                now = timezone.now()
                record_batches(find_machines(installation), now - BATCHES_SINCE, now)
            except OperationalError as error:
                self.stderr.write(f"The database is away, trying again: {error}")
                connection.close()
            stopping.wait(PACE_SECONDS)
