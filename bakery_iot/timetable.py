"""What beat sends, and how often. Rows that exist are left alone: the admin may have changed them."""

from typing import Any, NamedTuple

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from equipment.models import Gateway


class Entry(NamedTuple):
    task: str
    every_seconds: int = 0
    daily_at: tuple[int, int] | None = None  # hour and minute, UTC
    expires_seconds: int | None = None


# Sent to every gateway's own queue. It expires after one interval: a tick that is late says nothing.
TICK = Entry("telemetry.tasks.poll_due_equipment", every_seconds=1, expires_seconds=1)
TIMETABLE = {
    "Fetch the HACCP records that are due": Entry("equipment.tasks.start_due_imports", every_seconds=300),
    "Look at lines, silences and delays": Entry("alerts.tasks.look_around", every_seconds=5, expires_seconds=5),
    "Send the messages that wait": Entry("alerts.tasks.send_notifications", every_seconds=30, expires_seconds=30),
    "Drop the ticks that no poll worker took": Entry("bakery_iot.tasks.drop_stale_ticks", every_seconds=600),
    "Make the coming partitions, forget what is too old": Entry("telemetry.tasks.maintain_storage", daily_at=(2, 40)),
    "Export and delete what was asked for": Entry(
        "bakery_iot.tasks.run_data_jobs", every_seconds=60, expires_seconds=60
    ),
    "Forget old sessions and expired tokens": Entry("bakery_iot.tasks.clear_expired", daily_at=(3, 10)),
}


def seed_timetable() -> None:
    """Add what is missing, also the tick of a new gateway."""
    for gateway in Gateway.objects.all():
        _seed(f"Tick of {gateway.queue}", TICK, queue=gateway.queue)
    for name, entry in TIMETABLE.items():
        _seed(name, entry)


def _seed(name: str, entry: Entry, **options: Any) -> None:
    if PeriodicTask.objects.filter(name=name).exists():
        return
    if entry.daily_at:
        hour, minute = entry.daily_at
        options["crontab"], _ = CrontabSchedule.objects.get_or_create(hour=str(hour), minute=str(minute))
    else:
        options["interval"], _ = IntervalSchedule.objects.get_or_create(
            every=entry.every_seconds, period=IntervalSchedule.SECONDS
        )
    PeriodicTask.objects.get_or_create(
        name=name, defaults={"task": entry.task, "expire_seconds": entry.expires_seconds, **options}
    )
