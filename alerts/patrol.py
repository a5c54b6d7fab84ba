"""What only the clock can tell: lines that are down, machines that fall silent, delays that are over.

Beat sends it every few seconds; a lock in the database lets one at a time through. All it knows is in rows.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from alerts import expiry
from alerts.compiling import Watched, compile_machines, with_plans
from alerts.conditions import CONDITIONS
from alerts.kinds import AlertType
from alerts.opening import Change, record_changes
from alerts.rule_models import AlertTimer
from alerts.rules import WELL, Rule, State, elapse, judge, step
from alerts.storms import find_storms
from equipment.models import Equipment, IoTConnectionStatus

PATROL_LOCK = 0x616C6572
AUTH = "auth"
MISSED_READS = 3
SHORTEST_SILENCE_SECONDS = 30.0
BY_CLOCK = (AlertType.CONNECTION_LOST, AlertType.NO_DATA, AlertType.AUTHENTICATION_FAILED)
UNBELIEVABLE = ("bad", "stale", "suspect")


def look_around(now: float | None = None) -> None:
    """Judge all that depends on the clock, at this moment (seconds since 1970)."""
    now = time.time() if now is None else now
    with transaction.atomic():
        if not _is_alone():
            return
        machines = list(
            with_plans(Equipment.objects.filter(iot_enabled=True)).select_related("latest_reading").order_by("pk")
        )
        watched = compile_machines(machines)
        states = read_timers(machines)
        storms = find_storms(watched, now)
        record_changes(storms.changes)
        changes = [
            change
            for one in watched
            if one.equipment.bakery_id not in storms.bakery_ids
            for change in (
                *judge_by_clock(one, states[one.equipment.pk], now),
                *find_overdue(one, states[one.equipment.pk], now),
            )
        ]
        record_changes(changes)
    expiry.look_at_ends(datetime.fromtimestamp(now, UTC))


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [PATROL_LOCK])
        return bool(cursor.fetchone()[0])


def read_timers(machines: Iterable[Equipment]) -> dict[int, dict[str, State]]:
    """Machine -> cause -> how far it is."""
    states: dict[int, dict[str, State]] = defaultdict(dict)
    for timer in AlertTimer.objects.filter(equipment__in=list(machines)):
        assert timer.equipment_id is not None
        states[timer.equipment_id][timer.cause] = State.from_row(timer.state)
    return states


def judge_by_clock(one: Watched, states: dict[str, State], now: float) -> list[Change]:
    """Steps of the rules about a machine's line and its silence."""
    changes = []
    for rule in one.rules:
        if rule.alert_type not in BY_CLOCK:
            continue
        value = _observe(rule, one.equipment, now)
        before = states.get(rule.cause, WELL)
        # A status holds until it changes, so there are no gaps between two looks at it.
        after = before if value is None else step(rule, before, judge(rule, value, before.is_open), value, now, None)
        if after is not before:
            shown = silent_seconds(one.equipment, now) if rule.alert_type == AlertType.NO_DATA else value
            changes.append(Change(one.equipment.bakery, one.equipment, rule, before, after, now, shown))
    return changes


def _observe(rule: Rule, machine: Equipment, now: float) -> float | None:
    """1.0 for bad, 0.0 for good, None where nothing can be said: a line that is down says nothing of the values."""
    status, refused = machine.iot_connection_status, machine.iot_connection_error_code == AUTH
    if rule.alert_type == AlertType.NO_DATA:
        is_connected = status == IoTConnectionStatus.CONNECTED
        return float(_is_silent(machine, now)) if is_connected else None
    if status == IoTConnectionStatus.UNKNOWN:
        return None
    if rule.alert_type == AlertType.AUTHENTICATION_FAILED:
        return float(status != IoTConnectionStatus.CONNECTED and refused)
    return float(is_lost(machine))


def is_lost(machine: Equipment) -> bool:
    """Not reachable, for another reason than a refused password."""
    lost = (IoTConnectionStatus.DISCONNECTED, IoTConnectionStatus.ERROR)
    return machine.iot_connection_status in lost and machine.iot_connection_error_code != AUTH


def _is_silent(machine: Equipment, now: float) -> bool:
    latest: Any = getattr(machine, "latest_reading", None)
    if latest is None or silent_seconds(machine, now) > _longest_silence(machine):
        return True
    return bool(latest.quality) and latest.quality.get("temperature") in UNBELIEVABLE


def _longest_silence(machine: Equipment) -> float:
    return max(SHORTEST_SILENCE_SECONDS, MISSED_READS * machine.poll_interval_seconds)


def silent_seconds(machine: Equipment, now: float) -> float:
    latest: Any = getattr(machine, "latest_reading", None)
    since = latest.received_at if latest else machine.iot_last_connected or machine.created_at or timezone.now()
    return max(0.0, now - since.timestamp())


def find_overdue(one: Watched, states: dict[str, State], now: float) -> list[Change]:
    """Rules about readings whose delay is over, though the next reading is still to come."""
    latest: Any = getattr(one.equipment, "latest_reading", None)
    if latest is None:
        return []
    seen_at = latest.received_at.timestamp()
    waiting: Sequence[Rule] = [rule for rule in one.rules if rule.cause in states and rule.alert_type in CONDITIONS]
    steps = [(rule, states[rule.cause], elapse(rule, states[rule.cause], now, seen_at)) for rule in waiting]
    return [
        Change(one.equipment.bakery, one.equipment, rule, before, after, now, before.worst)
        for rule, before, after in steps
        if after is not before
    ]
