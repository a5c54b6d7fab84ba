"""Turns what the rules found into alerts: opens them, counts them, lets them resolve. Timers and alerts move together.

Two workers may find the same: the constraint on open alerts and conditional updates let only one of them tell.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from alerts import announcing
from alerts.kinds import AlertStatus, EventType
from alerts.models import Alert, AlertEvent
from alerts.rule_models import AlertTimer
from alerts.rules import Rule, State, worse
from alerts.suppression import QuietTimes, Subject, is_suppressed
from alerts.words import Trouble, describe, minutes
from equipment.models import Bakery, Equipment

OPEN = Q(status__in=[AlertStatus.ACTIVE, AlertStatus.ACKNOWLEDGED])


class Change(NamedTuple):
    """One rule's step for a machine, or for a bakery as a whole. `at` is in seconds since 1970."""

    bakery: Bakery
    equipment: Equipment | None
    rule: Rule
    before: State
    after: State
    at: float
    value: float | None = None
    text: str = ""

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


def record_changes(changes: Sequence[Change]) -> None:
    """Keep the timers, and open, count and resolve what they say, in one transaction. People are told after it."""
    if not changes:
        return
    with transaction.atomic():
        _save_timers(changes)
        touched = _apply(changes)
        if touched:
            announcing.tell_after_commit(touched)


def _save_timers(changes: Sequence[Change]) -> None:
    """Only the last of each: a batch may hold several steps of one rule."""
    last = {
        (change.equipment and change.equipment.pk, change.bakery.pk, change.rule.cause): change for change in changes
    }
    now = timezone.now()
    rows = [
        AlertTimer(
            equipment=change.equipment,
            bakery=None if change.equipment else change.bakery,
            cause=change.rule.cause,
            state=change.after._asdict(),
            changed_at=now,
        )
        for _, change in sorted(last.items(), key=lambda item: (item[0][0] or 0, item[0][1], item[0][2]))
    ]
    AlertTimer.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["equipment", "bakery", "cause"],
        update_fields=["state", "changed_at"],
    )


def _apply(changes: Sequence[Change]) -> set[int]:
    """In their order; gives the bakeries whose alerts have changed."""
    touched: set[int] = set()
    for opens, group in groupby(changes, key=lambda change: change.after.is_open and not change.before.is_open):
        run = list(group)
        touched |= open_alerts(run) if opens else {change.bakery.pk for change in run if _go_on(change)}
    return touched


def _go_on(change: Change) -> bool:
    """A step of an alert that is open, if it is one. True where people are to see something of it."""
    before, after = change.before, change.after
    if before.is_open and not after.is_open:
        return recover_alert(change)
    if after.is_open and after.flaps > before.flaps:
        return count_interruption(change)
    return after.is_open and after.worst != before.worst and note_worst(change)


def open_alerts(changes: Sequence[Change]) -> set[int]:
    """Gives the bakeries in which this call opened one, or found one waiting for a person's word and began it anew.

    Together: a power cut opens one for each machine of a chain.
    """
    times = QuietTimes.read([change.bakery.pk for change in changes], min(change.moment for change in changes))
    alerts = [_make_alert(change, times) for change in changes]
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    created = Alert.objects.in_bulk([alert.uuid for alert in alerts], field_name="uuid")
    events = [event for alert in created.values() for event in _first_events(alert)]
    AlertEvent.objects.bulk_create(events)
    return {
        change.bakery.pk
        for change, alert in zip(changes, alerts, strict=True)
        if alert.uuid in created or _begin_again(change)
    }


def _make_alert(change: Change, times: QuietTimes) -> Alert:
    rule, bakery, equipment = change.rule, change.bakery, change.equipment
    quiet = is_suppressed(Subject(bakery, equipment, rule.alert_type, rule.only_in_plan), change.moment, times)
    name = equipment.name if equipment else bakery.name
    return Alert(
        bakery=bakery,
        equipment=equipment,
        alert_type=rule.alert_type,
        cause=rule.cause,
        severity=rule.severity,
        is_food_safety=rule.is_food_safety,
        message=describe(Trouble(name, rule, change.value, change.text)),
        details=_details(change),
        worst_value=change.after.worst,
        opened_at=change.moment,
        suppressed_by=quiet,
        escalate_at=_escalate_at(change, bool(quiet)),
    )


def _first_events(alert: Alert) -> Iterator[AlertEvent]:
    at, quiet = alert.opened_at, alert.suppressed_by
    text = f"{alert.message} ({quiet})" if quiet else alert.message
    yield AlertEvent(alert=alert, event=EventType.OPENED, at=at, text=text, announce=not quiet)
    if quiet:
        yield AlertEvent(alert=alert, event=EventType.SUPPRESSED, at=at, text=quiet)


def _begin_again(change: Change) -> bool:
    """The alert is open: by another worker, which has told people, or well again and waiting for a person's word."""
    alert = find_open(change)
    if alert is None:
        return False
    waiting = Alert.objects.filter(OPEN, pk=alert.pk).exclude(recovered_at=None)
    if not waiting.update(recovered_at=None, status=AlertStatus.ACTIVE, occurrences=F("occurrences") + 1):
        return False
    record_event(alert, EventType.REOPENED, at=change.moment, text=alert.message, announce=not alert.suppressed_by)
    return True


def _details(change: Change) -> dict[str, Any]:
    rule = change.rule
    known = {"metric": rule.metric, "upper": rule.upper, "lower": rule.lower, "value": change.value}
    patience = {"on_delay_seconds": rule.on_delay, "only_in_plan": rule.only_in_plan}
    patience |= {"escalate_after_seconds": rule.escalate_after} if rule.escalate_after else {}
    since = change.after.breached_since
    began = {"began_at": datetime.fromtimestamp(since, UTC).isoformat()} if since else {}
    return {**{key: value for key, value in known.items() if value not in (None, "")}, **patience, **began}


def _escalate_at(change: Change, is_quiet: bool) -> datetime | None:
    if is_quiet or not change.rule.escalate_after:
        return None
    return change.moment + timedelta(seconds=change.rule.escalate_after)


def recover_alert(change: Change) -> bool:
    """It is well again by itself. One marked food-safety stays open until somebody says what was done about it."""
    alert = find_open(change)
    if alert is None:
        return False
    now = change.moment
    if alert.is_food_safety:
        changed = Alert.objects.filter(OPEN, pk=alert.pk, recovered_at=None).update(recovered_at=now)
        text = "Well again. It closes once somebody says what was done with the goods."
        return bool(changed) and record_event(alert, EventType.NOTE, at=now, text=text) is not None
    changed = Alert.objects.filter(OPEN, pk=alert.pk).update(
        status=AlertStatus.RESOLVED, resolved_at=now, escalate_at=None
    )
    if not changed:
        return False
    text = f"Resolved by itself after {minutes((now - alert.opened_at).total_seconds())}"
    interruptions = alert.occurrences - 1
    if interruptions:
        text += f", {interruptions} {'interruption' if interruptions == 1 else 'interruptions'}"
    record_event(alert, EventType.RESOLVED, at=now, text=text, announce=not alert.suppressed_by)
    return True


def count_interruption(change: Change) -> bool:
    """It was well for a moment, and is bad again: the same alert, counted once more, and nobody is told."""
    alert = find_open(change)
    if alert is None:
        return False
    Alert.objects.filter(OPEN, pk=alert.pk).update(
        occurrences=F("occurrences") + 1,
        worst_value=worse(change.rule, alert.worst_value, change.value),
        recovered_at=None,
    )
    record_event(alert, EventType.INTERRUPTED, at=change.moment, text="It was well for a moment, and began again.")
    return True


def note_worst(change: Change) -> bool:
    worst = change.after.worst
    return bool(Alert.objects.filter(OPEN, _same_cause(change)).exclude(worst_value=worst).update(worst_value=worst))


def find_open(change: Change) -> Alert | None:
    return Alert.objects.filter(OPEN, _same_cause(change)).first()


def _same_cause(change: Change) -> Q:
    return Q(bakery=change.bakery, equipment=change.equipment, cause=change.rule.cause)


def record_event(
    alert: Alert,
    event: EventType,
    *,
    at: datetime | None = None,
    actor: Any = None,
    text: str = "",
    announce: bool = False,
) -> AlertEvent:
    """One line of the alert's history. `announce` leaves it for `send_notifications`."""
    return AlertEvent.objects.create(
        alert=alert, event=event, at=at or timezone.now(), actor=actor, text=text, announce=announce
    )
