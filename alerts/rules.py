"""How one cause of one machine goes from well to alarm and back. Pure: rule, state, value and clock in, new state out.

Moments are seconds since 1970, as floats: this runs for every reading. A state is only replaced when it says something
new, so that `is` tells whether a row must be written. What is bad is decided in `alerts.conditions`.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

# A recovery that did not last doubles the next hold, up to 32 times the clear delay and never beyond four hours.
MOST_DOUBLINGS = 5
LONGEST_HOLD_SECONDS = 4 * 3_600.0
# Shorter than a night: ovens that are switched off each evening do not flap.
FLAP_MEMORY_SECONDS = 6 * 3_600.0
SHORTEST_HOLD_SECONDS = 30.0
# A value that grows worse bit by bit is not written at every bit.
NOTEWORTHY = 0.02


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it holds for one machine, all inheritance done. Delays are in seconds, limits in the value's unit."""

    cause: str
    alert_type: str
    severity: str
    metric: str = ""
    upper: float | None = None
    lower: float | None = None
    deadband: float = 0.0
    on_delay: float = 0.0
    clear_delay: float = 0.0
    only_in_plan: bool = False
    is_food_safety: bool = False
    escalate_after: float = 0.0
    # Two observations further apart say nothing of the time between them.
    longest_gap: float = 300.0


class Verdict(Enum):
    GOOD = "good"
    BAD = "bad"
    BETWEEN = "between"  # inside the limit, but not by the deadband: everything stays as it is


class State(NamedTuple):
    """How far one rule is with one machine. `worst` is the value furthest from good since it began.

    `flaps` counts the recoveries that did not last, and those that were announced.
    """

    breached_since: float | None = None
    cleared_since: float | None = None
    is_open: bool = False
    flaps: int = 0
    flapped_at: float = 0.0
    worst: float | None = None

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "State":
        """Keys of other releases are left out."""
        return cls(**{key: row[key] for key in cls._fields if key in row})


WELL = State()


def judge(rule: Rule, value: float, is_open: bool) -> Verdict:
    """An open alert needs the value inside its limits by the deadband; a closed one opens at the limit itself.

    Without limits the value is a plain yes or no: more than 0 is bad.
    """
    if rule.upper is None and rule.lower is None:
        return Verdict.BAD if value > 0 else Verdict.GOOD
    over = rule.upper is not None and value > rule.upper
    under = rule.lower is not None and value < rule.lower
    if over or under:
        return Verdict.BAD
    if not is_open:
        return Verdict.GOOD
    near_upper = rule.upper is not None and value > rule.upper - rule.deadband
    near_lower = rule.lower is not None and value < rule.lower + rule.deadband
    return Verdict.BETWEEN if near_upper or near_lower else Verdict.GOOD


def hold_seconds(rule: Rule, state: State) -> float:
    """How long it must be well before it is called well: longer each time that did not last."""
    if not state.flaps:
        return rule.clear_delay
    grown = max(rule.clear_delay, SHORTEST_HOLD_SECONDS) * 2.0 ** min(state.flaps, MOST_DOUBLINGS)
    return max(rule.clear_delay, min(grown, LONGEST_HOLD_SECONDS))


def step(rule: Rule, state: State, verdict: Verdict, value: float | None, at: float, seen_at: float | None) -> State:
    """The state after one observation. `seen_at` is when the one before was made; one that is older changes nothing.

    After a gap both delays begin anew: nobody knows what was between, so it neither opens nor resolves anything.
    """
    if seen_at is not None and at <= seen_at:
        return state
    if seen_at is not None and at - seen_at > rule.longest_gap:
        state = _after_gap(state)
    if verdict is Verdict.BAD:
        return _bad(rule, state, value, at)
    if verdict is Verdict.BETWEEN:
        return state if state.cleared_since is None else state._replace(cleared_since=None)
    return _good(rule, state, at)


def elapse(rule: Rule, state: State, now: float, seen_at: float) -> State:
    """The state when a moment has passed without an observation: a delay may be over, but nothing ever resolves."""
    if state.is_open or state.breached_since is None or now - seen_at > rule.longest_gap:
        return state
    return state._replace(is_open=True) if now - state.breached_since >= rule.on_delay else state


def _after_gap(state: State) -> State:
    if state.is_open:
        return state if state.cleared_since is None else state._replace(cleared_since=None)
    return state if state.breached_since is None else state._replace(breached_since=None)


def _bad(rule: Rule, state: State, value: float | None, at: float) -> State:
    since = at if state.breached_since is None else state.breached_since
    worst = worse(rule, state.worst, value)
    flaps, flapped_at = state.flaps, state.flapped_at
    if state.is_open and state.cleared_since is not None:
        flaps, flapped_at = flaps + 1, at
    is_open = state.is_open or at - since >= rule.on_delay
    if is_open and not state.is_open and flapped_at and at - flapped_at > FLAP_MEMORY_SECONDS:
        flaps, flapped_at = 0, 0.0
    new = State(since, None, is_open, flaps, flapped_at, worst)
    return state if new == state else new


def _good(rule: Rule, state: State, at: float) -> State:
    if not state.is_open:
        return state if state.breached_since is None else state._replace(breached_since=None, worst=None)
    since = at if state.cleared_since is None else state.cleared_since
    if at - since >= hold_seconds(rule, state):
        return State(flaps=state.flaps + 1, flapped_at=at)
    return state if state.cleared_since is not None else state._replace(cleared_since=at)


def worse(rule: Rule, known: float | None, value: float | None) -> float | None:
    """The one of both that lies further beyond its limit, by 2 % at least; without limits the larger."""
    if known is None or value is None:
        return value if known is None else known
    if abs(value - known) <= NOTEWORTHY * abs(known):
        return known
    return value if _excess(rule, value) > _excess(rule, known) else known


def _excess(rule: Rule, value: float) -> float:
    if rule.upper is None and rule.lower is None:
        return value
    over = value - rule.upper if rule.upper is not None else float("-inf")
    under = rule.lower - value if rule.lower is not None else float("-inf")
    return max(over, under)
