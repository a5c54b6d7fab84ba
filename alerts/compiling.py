"""The rules as they hold for one machine: the defaults, then the chain's rows, the bakery's, and its own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Prefetch, Q

from alerts.defaults import DEFAULTS, OF_BAKERIES
from alerts.kinds import AlertType, Severity
from alerts.rule_models import AlertRule
from alerts.rules import Rule
from alerts.schedule import Stretch
from alerts.schedule_models import OpeningHours
from equipment.models import Bakery, Equipment

# The columns of a rule that may be left to the next wider one, and what they are called once compiled.
INHERITED = {
    "severity": "severity",
    "upper": "upper",
    "lower": "lower",
    "deadband": "deadband",
    "on_delay_seconds": "on_delay",
    "clear_delay_seconds": "clear_delay",
    "only_in_plan": "only_in_plan",
    "is_food_safety": "is_food_safety",
    "escalate_after_seconds": "escalate_after",
}
# Three reads may fail before what lies between two readings counts as unknown.
MISSED_READS_OF_A_GAP = 4
SHORTEST_GAP_SECONDS = 60.0


class Watched(NamedTuple):
    """A machine with all that judging it needs, free of the ORM."""

    equipment: Equipment
    rules: tuple[Rule, ...]
    plan: tuple[Stretch, ...]


def compile_machines(machines: Iterable[Equipment]) -> list[Watched]:
    """In four queries with those of `with_plans`, from which the machines come, however many there are."""
    found = list(machines)
    rows = list(
        AlertRule.objects.filter(
            Q(equipment__in=found) | Q(bakery__in={machine.bakery_id for machine in found}) | of_chain()
        )
    )
    return [Watched(machine, compile_rules(machine, rows), plan_of(machine)) for machine in found]


def of_chain() -> Q:
    return Q(bakery=None, equipment=None)


def with_plans(machines: Any) -> Any:
    """The machines with what `compile_machines` and `plan_of` read, and without what would have to be decrypted."""
    hours = Prefetch("bakery__opening_hours", queryset=OpeningHours.objects.all(), to_attr="all_hours")
    found = machines.filter(archived_at=None).prefetch_related("bakery", hours)  # one bakery for all its machines
    return found.defer("iot_credentials", "iot_config")


def plan_of(machine: Equipment) -> tuple[Stretch, ...]:
    """The machine's own plan, where it has one, else its bakery's hours."""
    rows: list[OpeningHours] = machine.bakery.all_hours  # type: ignore[attr-defined]
    own = [row for row in rows if row.equipment_id == machine.pk]
    return to_stretches(own or [row for row in rows if row.equipment_id is None])


def to_stretches(rows: Iterable[OpeningHours]) -> tuple[Stretch, ...]:
    return tuple(Stretch(row.weekday, row.starts, row.ends) for row in rows)


def compile_rules(machine: Equipment, rows: Sequence[AlertRule]) -> tuple[Rule, ...]:
    """What is switched on for this machine. `rows` may hold those of other machines too."""
    gap = max(SHORTEST_GAP_SECONDS, MISSED_READS_OF_A_GAP * machine.poll_interval_seconds)
    own = sorted((row for row in rows if _is_for(row, machine)), key=_width)
    return _override_defaults(machine.type, gap, own) if own else _compile_defaults(machine.type, gap)


@lru_cache(maxsize=1024)
def _compile_defaults(machine_type: str, gap: float) -> tuple[Rule, ...]:
    """Of most machines. The same for all: a thousand times the same would not fit into the processor's cache."""
    return _override_defaults(machine_type, gap, ())


def _override_defaults(machine_type: str, gap: float, rows: Iterable[AlertRule]) -> tuple[Rule, ...]:
    known = {rule.cause: rule for rule in DEFAULTS[machine_type]}
    off: set[str] = set()
    for row in rows:
        cause = cause_of(row)
        known[cause] = override(known.get(cause) or _blank(row), row)
        if row.enabled is not None:
            (off.discard if row.enabled else off.add)(cause)
    return _share(tuple(replace(rule, longest_gap=gap) for cause, rule in known.items() if cause not in off))


@lru_cache(maxsize=1024)
def _share(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Machines for which the same was written down have the same, too."""
    return rules


def compile_bakery_rule(bakery: Bakery, cause: str, rows: Sequence[AlertRule]) -> Rule | None:
    """A rule that watches a bakery as a whole. None where it is switched off."""
    rule, enabled = OF_BAKERIES[cause], True
    for row in sorted(rows, key=_width):
        if row.equipment_id or row.bakery_id not in (None, bakery.pk) or cause_of(row) != cause:
            continue
        rule = override(rule, row)
        enabled = enabled if row.enabled is None else row.enabled
    return rule if enabled else None


def override(rule: Rule, row: AlertRule) -> Rule:
    said = {name: getattr(row, column) for column, name in INHERITED.items()}
    return replace(rule, **{name: value for name, value in said.items() if value not in (None, "")})


def cause_of(row: AlertRule) -> str:
    return f"{row.alert_type}:{row.metric}" if row.metric else row.alert_type


def _blank(row: AlertRule) -> Rule:
    """A kind that no default watches for this type of machine: patient until the row says otherwise."""
    return Rule(cause_of(row), row.alert_type, Severity.WARNING.value, row.metric, on_delay=60.0, clear_delay=60.0)


def _is_for(row: AlertRule, machine: Equipment) -> bool:
    if row.alert_type in (AlertType.ACQUISITION_STALLED, AlertType.GATEWAY_OVERLOADED):
        return False
    if row.equipment_id:
        return row.equipment_id == machine.pk
    return row.bakery_id in (None, machine.bakery_id)


def _width(row: AlertRule) -> int:
    """The chain first, the machine last: the later one wins."""
    return 2 if row.equipment_id else 1 if row.bakery_id else 0
