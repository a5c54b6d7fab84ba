"""A bakery and everything it has recorded, gone for good."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bakery_iot.data_rights.erase import erase_bakery
from bakery_iot.management.commands.export_bakery import find_bakery
from equipment.models import DataJob, DataJobKind


class Command(BaseCommand):
    help = "Deletes a bakery with all its machines, readings, batches and alerts. The audit trail is kept."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("bakery", help="its slug, as the admin shows it")
        parser.add_argument("--confirm", default="", help="the slug again: what is deleted cannot be brought back")

    def handle(self, *args: Any, **options: Any) -> None:
        bakery = find_bakery(options["bakery"])
        if options["confirm"] != bakery.slug:
            raise CommandError(
                f"This deletes {bakery.name} with everything it has recorded, and it cannot be brought back. "
                f"Export it first, then say it twice: delete_bakery {bakery.slug} --confirm {bakery.slug}"
            )
        now = timezone.now()
        job = DataJob.objects.create(kind=DataJobKind.ERASE, bakery=bakery, bakery_name=bakery.name, progressed_at=now)
        said = erase_bakery(bakery, None, self.show)
        DataJob.objects.filter(pk=job.pk).update(finished_at=timezone.now(), doing=said[:200])
        self.stdout.write(said)

    def show(self, done: int, steps: int, doing: str) -> None:
        self.stdout.write(f"{100 * done // steps:3d} %  {doing}")
