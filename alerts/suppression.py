"""Is nobody to be told of this alert now? The one answer to that, on every path."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from alerts.compiling import to_stretches
from alerts.schedule import Stretch, is_in_plan, is_within
from alerts.schedule_models import MaintenanceWindow, OpeningHours, Snooze
from equipment.models import Bakery, Equipment

OUT_OF_PLAN = "Outside opening hours"


class QuietTimes(NamedTuple):
    """All that may keep the alerts of some bakeries quiet, read at once."""

    snoozes: list[Snooze]
    windows: list[MaintenanceWindow]
    hours: list[OpeningHours]

    @classmethod
    def read(cls, bakery_ids: Iterable[int], since: datetime) -> "QuietTimes":
        """In three queries. Snoozes that ended before `since` are left out."""
        here = Q(bakery__in=set(bakery_ids))
        return cls(
            list(Snooze.objects.filter(here, until__gt=since)),
            list(MaintenanceWindow.objects.filter(here)),
            list(OpeningHours.objects.filter(here)),
        )


class Subject(NamedTuple):
    """What is asked about: an alert of a machine, or of a bakery as a whole."""

    bakery: Bakery
    equipment: Equipment | None
    alert_type: str
    only_in_plan: bool = False

    def is_covered_by(self, row: Snooze | MaintenanceWindow | OpeningHours) -> bool:
        """Rows of the bakery as a whole cover each machine; those of a machine only itself."""
        machine_id = self.equipment.pk if self.equipment else None
        return row.bakery_id == self.bakery.pk and row.equipment_id in (None, machine_id)


def is_suppressed(subject: Subject, at: datetime, times: QuietTimes | None = None) -> str:
    """Why nobody is told at that moment: a snooze, a maintenance window, the plan. Empty: people are told."""
    times = times or QuietTimes.read([subject.bakery.pk], at)
    return _snooze(subject, at, times) or _window(subject, at, times) or _plan(subject, at, times)


def _snooze(subject: Subject, at: datetime, times: QuietTimes) -> str:
    for row in times.snoozes:
        is_meant = row.alert_type in ("", subject.alert_type) and row.created_at <= at < row.until
        if is_meant and subject.is_covered_by(row):
            return f"Snoozed until {row.until.astimezone(subject.bakery.time_zone):%a %H:%M}"
    return ""


def _window(subject: Subject, at: datetime, times: QuietTimes) -> str:
    for row in times.windows:
        once = row.starts_at and row.ends_at and row.starts_at <= at < row.ends_at
        if subject.is_covered_by(row) and (once or _is_weekly(row, subject.bakery, at)):
            return f"Maintenance: {row.reason}"
    return ""


def _is_weekly(row: MaintenanceWindow, bakery: Bakery, at: datetime) -> bool:
    if row.weekday is None or row.starts is None or row.ends is None:
        return False
    return is_within([Stretch(row.weekday, row.starts, row.ends)], bakery.time_zone, at)


def _plan(subject: Subject, at: datetime, times: QuietTimes) -> str:
    if not subject.only_in_plan:
        return ""
    rows = [row for row in times.hours if subject.is_covered_by(row)]
    plan = to_stretches([row for row in rows if row.equipment_id] or rows)
    return "" if is_in_plan(plan, subject.bakery.time_zone, at) else OUT_OF_PLAN
