"""One cause, one alert: a bakery whose line is down, or whose gateway reads nothing, does not ring once per machine."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import Q

from alerts.compiling import Watched, compile_bakery_rule
from alerts.kinds import AlertType
from alerts.opening import Change
from alerts.rule_models import AlertRule, AlertTimer
from alerts.rules import WELL, State, judge, step
from equipment.models import Bakery, Equipment, IoTConnectionStatus
from telemetry.gateways import TroubleKind, list_gateway_troubles

FEWEST_MACHINES = 2
# All but one in five: a machine that is off on purpose must not hide that the line is down.
SHARE_OF_A_STORM = 0.8


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
    troubles: dict[int, dict[TroubleKind, float]] = defaultdict(dict)
    for trouble in list_gateway_troubles(datetime.fromtimestamp(now, UTC)):
        troubles[trouble.gateway_id][trouble.kind] = trouble.value
    changes, stormy = [], set()
    for pk, machines in by_bakery.items():
        bakery = machines[0].bakery
        for cause, value in _observe(machines, troubles.get(bakery.gateway_id, {})).items():
            before = states.get((pk, cause), WELL)
            change = _judge(bakery, cause, value, before, rows, now)
            changes += [change] if change else []
            is_open = change.after.is_open if change else before.is_open
            # A gateway that is late still reads: its machines are judged as ever.
            if (is_open or value) and cause != AlertType.GATEWAY_OVERLOADED:
                stormy.add(pk)
    return Storms(changes, frozenset(stormy))


def is_line_down(machines: Sequence[Equipment]) -> bool:
    """Nearly all machines of a bakery are unreachable at once."""
    lost = sum(machine.iot_connection_status == IoTConnectionStatus.DISCONNECTED for machine in machines)
    return len(machines) >= FEWEST_MACHINES and lost >= max(FEWEST_MACHINES, SHARE_OF_A_STORM * len(machines))


def _observe(machines: Sequence[Equipment], troubles: Mapping[TroubleKind, float]) -> dict[str, float]:
    """Of a bakery as a whole: by cause, what counts as bad above 0."""
    is_read = any(machine.iot_connection_status == IoTConnectionStatus.CONNECTED for machine in machines)
    return {
        AlertType.CONNECTION_LOST.value: float(is_line_down(machines)),
        AlertType.ACQUISITION_STALLED.value: troubles.get(TroubleKind.STALLED, 0.0) if is_read else 0.0,
        AlertType.GATEWAY_OVERLOADED.value: troubles.get(TroubleKind.OVERLOADED, 0.0),
    }


def _judge(
    bakery: Bakery, cause: str, value: float, before: State, rows: Sequence[AlertRule], now: float
) -> Change | None:
    rule = compile_bakery_rule(bakery, cause, rows)
    if rule is None:
        return None
    after = step(rule, before, judge(rule, value, before.is_open), value, now, None)
    return None if after is before else Change(bakery, None, rule, before, after, now, value)
