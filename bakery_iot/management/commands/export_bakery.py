"""Everything of a bakery into a zip file of open formats."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bakery_iot.data_rights.export import write_export
from equipment.models import Bakery


class Command(BaseCommand):
    help = "Writes everything of a bakery into a zip file: readings as CSV, all else as NDJSON, a README inside."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bakery", help="its slug, as the admin shows it")
        parser.add_argument("--to", type=Path, help="the file; without it, SLUG.zip here")

    def handle(self, *args: Any, **options: Any) -> None:
        bakery = find_bakery(options["bakery"])
        path: Path = options["to"] or Path(f"{bakery.slug}.zip")
        if path.exists():
            raise CommandError(f"{path} exists already. Name another file with --to.")
        unfinished = path.with_name(f"{path.name}.part")
        with unfinished.open("wb") as file:
            write_export(bakery, file, self.show)
        unfinished.rename(path)
        self.stdout.write(f"{path}: {path.stat().st_size:,} bytes")

    def show(self, done: int, steps: int, doing: str) -> None:
        self.stdout.write(f"{100 * done // steps:3d} %  {doing}")


def find_bakery(slug: str) -> Bakery:
    try:
        return Bakery.objects.get(slug=slug)
    except Bakery.DoesNotExist:
        known = ", ".join(Bakery.objects.values_list("slug", flat=True)) or "none"
        raise CommandError(f"There is no bakery {slug!r}. There are: {known}.") from None
