"""For any series of values: when an alert may open, and when it may clear."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import WELL, Rule, State, elapse, hold_seconds, judge, step

RULE = Rule(
    "limit:temperature", "limit", "warning", "temperature", upper=100.0, deadband=5.0, on_delay=60.0, clear_delay=120.0
)
values = st.floats(min_value=0, max_value=200, allow_nan=False)
pauses = st.floats(min_value=0.5, max_value=90)
series = st.lists(st.tuples(pauses, values), min_size=1, max_size=80)


def follow(rule: Rule, points: list[tuple[float, float]]) -> list[tuple[float, float, State]]:
    """The moment, the value and the state after each of (pause before it, value)."""
    at, seen_at, state, trail = 1_000_000.0, None, WELL, []
    for pause, value in points:
        at += pause
        state = step(rule, state, judge(rule, value, state.is_open), value, at, seen_at)
        seen_at = at
        trail.append((at, value, state))
    return trail


def count_openings(trail: list[tuple[float, float, State]]) -> int:
    opened = [state.is_open for *_, state in trail]
    return sum(now and not before for before, now in zip([False, *opened], opened, strict=False))


@given(series)
def test_no_alert_opens_before_its_delay(points: list[tuple[float, float]]) -> None:
    trail, bad_since, was_open = follow(RULE, points), None, False
    for at, value, state in trail:
        bad_since = (bad_since or at) if value > 100 else None
        if state.is_open and not was_open:
            assert bad_since is not None and at - bad_since >= RULE.on_delay
        was_open = state.is_open


@given(series)
def test_what_was_bad_for_the_delay_is_open(points: list[tuple[float, float]]) -> None:
    bad_since = None
    for at, value, state in follow(RULE, points):
        bad_since = (bad_since or at) if value > 100 else None
        if bad_since is not None and at - bad_since >= RULE.on_delay:
            assert state.is_open


@given(series)
def test_no_alert_clears_before_its_delay(points: list[tuple[float, float]]) -> None:
    good_since, was_open = None, False
    for at, value, state in follow(RULE, points):
        good_since = (good_since or at) if value <= 95 else None
        if was_open and not state.is_open:
            assert good_since is not None and at - good_since >= RULE.clear_delay
        was_open = state.is_open


@given(st.lists(st.tuples(st.floats(1, 55), st.sampled_from([94.0, 99.0, 101.0, 140.0])), min_size=2, max_size=80))
def test_a_value_about_its_limit_opens_one_alert_at_most(points: list[tuple[float, float]]) -> None:
    """As long as it is never well for the whole clear delay."""
    steady = [(pause, 101.0 if index % 2 else value) for index, (pause, value) in enumerate(points)]
    assert count_openings(follow(RULE, steady)) <= 1


def test_a_slow_flapper_is_held_longer_each_time() -> None:
    day = [(30.0, 140.0 if (index // 10) % 2 else 20.0) for index in range(2_880)]
    assert 1 <= count_openings(follow(RULE, day)) <= 3


@given(series, st.floats(min_value=RULE.longest_gap + 1, max_value=1e6), values)
def test_a_gap_neither_resolves_nor_opens(points: list[tuple[float, float]], gap: float, value: float) -> None:
    trail = follow(RULE, [*points, (gap, value)])
    before = trail[-2][2]
    assert trail[-1][2].is_open == before.is_open


@given(series, values, st.floats(min_value=0, max_value=1e5))
def test_a_late_reading_changes_nothing(points: list[tuple[float, float]], value: float, late: float) -> None:
    at, _, state = follow(RULE, points)[-1]
    assert step(RULE, state, judge(RULE, value, state.is_open), value, at - late, at) is state


@given(series, st.floats(min_value=0, max_value=1e6))
def test_time_alone_never_resolves(points: list[tuple[float, float]], later: float) -> None:
    at, _, state = follow(RULE, points)[-1]
    assert elapse(RULE, state, at + later, at).is_open >= state.is_open


def test_time_alone_opens_what_is_still_being_heard() -> None:
    state = State(breached_since=0.0)
    assert not elapse(RULE, state, 59.0, 30.0).is_open
    assert elapse(RULE, state, 60.0, 30.0).is_open
    assert not elapse(RULE, state, 1_000.0, 30.0).is_open, "the machine has fallen silent: nobody knows"


@given(series)
def test_a_state_from_its_row_goes_on_as_if_nothing_had_happened(points: list[tuple[float, float]]) -> None:
    at, seen_at, state = 1_000_000.0, None, WELL
    for (pause, value), (_, _, expected) in zip(points, follow(RULE, points), strict=True):
        at += pause
        state = State.from_row({**state._asdict(), "of_another_release": 1})
        state = step(RULE, state, judge(RULE, value, state.is_open), value, at, seen_at)
        seen_at = at
        assert state == expected


def test_what_says_nothing_new_is_the_same_state() -> None:
    state = step(RULE, WELL, judge(RULE, 20.0, False), 20.0, 1.0, None)
    assert state is WELL


def test_the_hold_grows_and_has_an_end() -> None:
    holds = [hold_seconds(RULE, State(flaps=flaps)) for flaps in range(9)]
    assert holds[:4] == [120.0, 240.0, 480.0, 960.0]
    assert max(holds) == 3_840.0
    assert hold_seconds(replace(RULE, clear_delay=0.0), State(flaps=1)) == 60.0


def test_after_a_quiet_night_the_slate_is_clean() -> None:
    state = State(flaps=5, flapped_at=0.0)
    flapped = state._replace(flapped_at=10.0)
    at = 10.0 + 6 * 3_600 + 1
    since = flapped._replace(breached_since=at - 60)
    assert step(RULE, since, judge(RULE, 120.0, False), 120.0, at, at - 1).flaps == 0
