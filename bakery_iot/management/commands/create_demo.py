"""`manage.py create_demo`: three bakeries, twelve simulated ovens, four users, the last day's readings and batches.

It may be run again: what is there stays, and the batches are brought up to now.
"""

import json
from argparse import ArgumentParser
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bakery_iot.demo.batches import record_batches
from bakery_iot.demo.history import store_history
from bakery_iot.demo.machines import create_bakeries, create_machines
from bakery_iot.demo.people import create_people
from connectors import ConfigurationError
from connectors.simulators.__main__ import DEFAULT_FILE, DEFAULT_PORT
from connectors.simulators.fleet import FLEET
from connectors.simulators.installation import Installation, write_private_json
from connectors.simulators.site import SimulatedSite


class Command(BaseCommand):
    help = "Make the demo bakeries, their simulated ovens and users. Run it again to bring them up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", type=Path, default=Path("var/demo.json"), help="where the sign-ins are written")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="address of the web pages, for that file")
        parser.add_argument("--simulator-port", type=int, default=DEFAULT_PORT)
        parser.add_argument("--history-hours", type=int, default=24, help="of computed readings for new ovens; 0: none")
        parser.add_argument("--tokens", type=Path, default=DEFAULT_FILE, help="the file the simulated ovens use")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["write"]
        try:
            installation = Installation.open(options["tokens"], [spec.key for spec in FLEET])
            bakeries = create_bakeries()
            users = create_people(bakeries.values(), _known_users(path))
            # Before anything slow: a password that was made and not written down is lost.
            write_private_json(path, {"url": options["url"], "users": users})
            machines = create_machines(
                bakeries, installation, SimulatedSite(installation=installation, port=options["simulator_port"])
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except ConfigurationError as error:
            raise CommandError(f"The ovens cannot be connected: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}. Choose another path.") from error
        now = timezone.now()
        since = now - timedelta(hours=options["history_hours"])
        stored = store_history(machines, since, now)
        record_batches(machines, since, now)
        self.stdout.write(
            f"{len(bakeries)} bakeries, {len(machines)} ovens, {len(users)} users in {path}, {stored} readings added."
        )


def _known_users(path: Path) -> dict[str, Any]:
    """What an earlier run wrote. A file that is missing or damaged is as good as none."""
    with suppress(OSError, ValueError, AttributeError):
        users = json.loads(path.read_text()).get("users")
        return users if isinstance(users, dict) else {}
    return {}
