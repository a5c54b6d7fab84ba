"""Says whether beat sends what is due. Beat has no port to ask, but writes down every three minutes what it sent."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

LONGEST_SILENCE = timedelta(minutes=10)


class Command(BaseCommand):
    help = "Fails when a task that is due every few seconds has not been sent for ten minutes."

    def handle(self, *args: Any, **options: Any) -> None:
        ticks = PeriodicTask.objects.filter(enabled=True, interval__period="seconds")
        due_since = timezone.now() - LONGEST_SILENCE
        # A tick that was added or changed a moment ago has not been sent yet.
        silent = ticks.exclude(last_run_at__gt=due_since).exclude(date_changed__gt=due_since)
        if names := ", ".join(silent.values_list("name", flat=True)):
            raise CommandError(f"Not sent for ten minutes: {names}. Is beat running? Its log says why not.")
        self.stdout.write("Everything that is due is being sent.")
