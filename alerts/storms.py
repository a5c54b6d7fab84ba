"""One cause, one alert: a bakery whose line is down, or whose gateway reads nothing, does not ring once per machine."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Max, Q

from alerts.compiling import Watched, compile_bakery_rule
from alerts.kinds import AlertType
from alerts.opening import Change
from alerts.rule_models import AlertRule, AlertTimer
from alerts.rules import WELL, State, judge, step
from equipment.models import Bakery, Equipment, IoTConnectionStatus
from telemetry.models import LatestReading

FEWEST_MACHINES = 2
# All but one in five: a machine that is off on purpose must not hide that the line is down.
SHARE_OF_A_STORM = 0.8
STALLED_SECONDS = 180.0


class Storms(NamedTuple):
    """What has changed for bakeries as a whole, and which ones' machines are not to be judged one by one."""

    changes: list[Change]
    bakery_ids: frozenset[int]


def find_storms(watched: Iterable[Watched], now: float) -> Storms:
    by_bakery: dict[int, list[Equipment]] = defaultdict(list)
    for one in watched:
        by_bakery[one.equipment.bakery_id].append(one.equipment)
    rows = list(AlertRule.objects.filter(Q(equipment=None), Q(bakery=None) | Q(bakery__in=by_bakery)))
    timers = AlertTimer.objects.filter(bakery__in=by_bakery)
    states = {(timer.bakery_id, timer.cause): State.from_row(timer.state) for timer in timers}
    silent = _find_silence(now)
    changes, stormy = [], set()
    for pk, machines in by_bakery.items():
        bakery = machines[0].bakery
        observed = {
            AlertType.CONNECTION_LOST.value: float(is_line_down(machines)),
            AlertType.ACQUISITION_STALLED.value: _stalled(machines, silent.get(bakery.gateway_id)),
        }
        for cause, value in observed.items():
            before = states.get((pk, cause), WELL)
            change = _judge(bakery, cause, value, before, rows, now)
            changes += [change] if change else []
            is_open = change.after.is_open if change else before.is_open
            if is_open or value:
                stormy.add(pk)
    return Storms(changes, frozenset(stormy))


def is_line_down(machines: Sequence[Equipment]) -> bool:
    """Nearly all machines of a bakery are unreachable at once."""
    lost = sum(machine.iot_connection_status == IoTConnectionStatus.DISCONNECTED for machine in machines)
    return len(machines) >= FEWEST_MACHINES and lost >= max(FEWEST_MACHINES, SHARE_OF_A_STORM * len(machines))


def _find_silence(now: float) -> dict[int, float]:
    """For how many seconds each gateway has read nothing at all."""
    newest = LatestReading.objects.values_list("equipment__bakery__gateway").annotate(Max("received_at"))
    return {gateway_id: now - received_at.timestamp() for gateway_id, received_at in newest}


def _stalled(machines: Sequence[Equipment], silent_seconds: float | None) -> float:
    """The seconds without any reading, where readings are due; else 0."""
    is_due = [machine for machine in machines if machine.iot_connection_status == IoTConnectionStatus.CONNECTED]
    longest = max([STALLED_SECONDS, *(3.0 * machine.poll_interval_seconds for machine in is_due)])
    return silent_seconds if is_due and silent_seconds is not None and silent_seconds > longest else 0.0


def _judge(
    bakery: Bakery, cause: str, value: float, before: State, rows: Sequence[AlertRule], now: float
) -> Change | None:
    rule = compile_bakery_rule(bakery, cause, rows)
    if rule is None:
        return None
    after = step(rule, before, judge(rule, value, before.is_open), value, now, None)
    return None if after is before else Change(bakery, None, rule, before, after, now, value)
