"""`migrate` and `create_demo` in one process: loading Django is most of what either costs at a second start."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from bakery_iot.management.commands import create_demo


class Command(BaseCommand):
    help = "Bring the tables up to date, then the demo bakeries. Takes the options of create_demo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        create_demo.Command().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        names = ("write", "url", "simulator_port", "tokens")
        call_command("create_demo", skip_checks=True, **{name: options[name] for name in names})
