"""What ends by itself: acknowledgements, quiet times, and the alerts of machines that are no longer read."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alerts import announcing
from alerts.kinds import AlertStatus, EventType, Severity
from alerts.models import Alert, AlertTimer
from alerts.opening import OPEN, record_event
from alerts.suppression import OUT_OF_PLAN, QuietTimes, Subject, is_suppressed

LONGEST_LOOK_BACK = timedelta(days=7)


def look_at_ends(now: datetime) -> None:
    with transaction.atomic():
        touched = {*_reopen_acknowledged(now), *_catch_up(now), *_close_of_gone_machines(now)}
        if touched:
            announcing.tell_after_commit(touched)


def _reopen_acknowledged(now: datetime) -> list[int]:
    """Somebody wanted to see to it, and it is still bad."""
    held = Alert.objects.filter(status=AlertStatus.ACKNOWLEDGED, acknowledged_until__lte=now, recovered_at=None)
    touched = []
    for alert in held:
        again = Alert.objects.filter(pk=alert.pk, status=AlertStatus.ACKNOWLEDGED, acknowledged_until__lte=now)
        if again.update(status=AlertStatus.ACTIVE, acknowledged_until=None, escalation_step=0):
            text = f"Acknowledged, but still bad: {alert.message}"
            record_event(alert, EventType.REOPENED, at=now, text=text, announce=not alert.suppressed_by)
            touched.append(alert.bakery_id)
    return touched


def _catch_up(now: datetime) -> list[int]:
    """The quiet time is over, and it is still bad: people are told now. Of a snoozed trifle, only the pages say so."""
    quiet = Alert.objects.filter(OPEN, recovered_at=None).exclude(suppressed_by="")
    alerts = list(quiet.select_related("bakery", "equipment"))
    times = QuietTimes.read({alert.bakery_id for alert in alerts}, now - LONGEST_LOOK_BACK)
    clearing = _find_clearing(alerts)
    touched = []
    for alert in alerts:
        if (alert.bakery_id, alert.equipment_id, alert.cause) in clearing or not _is_audible(alert, now, times):
            continue
        if Alert.objects.filter(OPEN, pk=alert.pk).exclude(suppressed_by="").update(suppressed_by=""):
            tells = alert.severity == Severity.CRITICAL or alert.suppressed_by == OUT_OF_PLAN
            record_event(alert, EventType.CAUGHT_UP, at=now, text=alert.message, announce=tells)
            touched.append(alert.bakery_id)
    return touched


def _find_clearing(alerts: Sequence[Alert]) -> set[tuple[int | None, int | None, str]]:
    """Bakery, machine and cause of what is well at this moment, and only waits for its clear delay."""
    here = Q(equipment__in=[alert.equipment_id for alert in alerts if alert.equipment_id])
    here |= Q(bakery__in=[alert.bakery_id for alert in alerts if not alert.equipment_id])
    timers = AlertTimer.objects.filter(here, state__cleared_since__gt=0).select_related("equipment")
    return {(t.equipment.bakery_id if t.equipment else t.bakery_id, t.equipment_id, t.cause) for t in timers}


def _is_audible(alert: Alert, now: datetime, times: QuietTimes) -> bool:
    """When the plan kept it quiet, its delay must pass once more: at opening time ovens are only being switched on."""
    subject = Subject(alert.bakery, alert.equipment, alert.alert_type, bool(alert.details.get("only_in_plan")))
    wait = timedelta(seconds=alert.details.get("on_delay_seconds", 0))
    moments = (now, now - wait) if alert.suppressed_by == OUT_OF_PLAN else (now,)
    return not any(is_suppressed(subject, moment, times) for moment in moments)


def _close_of_gone_machines(now: datetime) -> list[int]:
    gone = Alert.objects.filter(OPEN).filter(Q(equipment__iot_enabled=False) | ~Q(equipment__archived_at=None))
    touched = []
    for alert in gone.exclude(equipment=None):
        if Alert.objects.filter(OPEN, pk=alert.pk).update(
            status=AlertStatus.RESOLVED, resolved_at=now, escalate_at=None
        ):
            record_event(alert, EventType.RESOLVED, at=now, text="The machine is no longer read.")
            touched.append(alert.bakery_id)
    return touched
