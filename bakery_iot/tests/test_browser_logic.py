"""The pages' pure functions, as the browser runs them: what a state means, and how numbers are written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bakery_iot.tests.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)
MS = NOW.timestamp() * 1000
Run = Callable[..., Any]


@pytest.fixture
def run(visitor: Visitor) -> Run:
    """run("state.judge", argument, ...) calls the module's function in Chromium."""
    page = visitor.window()
    page.goto("/sign-in/")

    def call(name: str, *arguments: Any) -> Any:
        module, function = name.split(".")
        script = f"async (arguments_) => (await import('/static/js/{module}.js')).{function}(...arguments_)"
        return page.evaluate(script, list(arguments))

    return call


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def state(**values: Any) -> dict[str, Any]:
    return {
        "iot_enabled": True,
        "poll_interval_seconds": 5,
        "timestamp": ago(1),
        "received_at": ago(0.5),
        "connection_status": "connected",
        "connection_error": "",
        "connection_error_code": "",
        "operational_status": "idle",
        "cycle_stage": "none",
        "temperature": 180.0,
        "target_temperature": 220.0,
        "temperature_zones": {},
        "target_temperature_zones": {},
        "additional_sensors": {},
        "quality": {},
        **values,
    }


def test_a_value_is_late_after_two_missed_reads_and_stale_after_five(run: Run) -> None:
    def level(seconds: float, received: float | None = None) -> str:
        moments = {"timestamp": ago(seconds), "received_at": ago(seconds if received is None else received)}
        return str(run("state.freshness", state(**moments), MS)["level"])

    assert [level(seconds) for seconds in (0, 11, 13, 26, 28)] == ["fresh", "fresh", "late", "late", "stale"]
    assert level(-3600, received=60) == "stale"  # the machine's clock is ahead
    assert level(3600, received=1) == "stale"  # or the reading lay somewhere for an hour
    assert run("state.freshness", state(timestamp=None, received_at=None), MS) == {"level": "none", "seconds": None}


VERDICTS: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"operational_status": "running", "cycle_stage": "baking"}, "running", "Baking", "normal", ""),
    ({"operational_status": "running"}, "running", "Running", "normal", ""),
    ({"operational_status": "idle", "cycle_stage": "finished"}, "idle", "Finished", "normal", ""),
    ({"operational_status": "preheating"}, "preheating", "Preheating", "normal", ""),
    ({"operational_status": "idle"}, "idle", "Idle", "normal", ""),
    ({"operational_status": "idle", "temperature": 215.0}, "idle", "Ready", "normal", ""),
    ({"operational_status": "cleaning", "cycle_stage": "cleaning"}, "cleaning", "Cleaning", "normal", ""),
    ({"operational_status": "off"}, "off", "Off", "normal", ""),
    ({"operational_status": None}, "idle", "Unknown", "normal", ""),
    ({"operational_status": "from the future"}, "idle", "Unknown", "normal", ""),
    ({"operational_status": "error"}, "critical", "Fault", "critical", "The machine reports a fault. Look at"),
    ({"timestamp": ago(150), "received_at": ago(150)}, "stale", "No value", "warning", "No value for 2\u2009min."),
    ({"connection_status": "disconnected", "connection_error": "x"}, "offline", "Offline", "warning", "x"),
    ({"connection_status": "disconnected"}, "offline", "Offline", "warning", "The machine does not answer."),
    (
        {"connection_status": "error", "connection_error": "x", "connection_error_code": "auth"},
        "warning",
        "Sign-in refused",
        "warning",
        "x",
    ),
    (
        {"connection_status": "error", "connection_error": "x", "connection_error_code": "mapping"},
        "warning",
        "Check settings",
        "warning",
        "x",
    ),
    ({"connection_status": "error", "connection_error": "x"}, "warning", "No reading", "warning", "x"),
    ({"iot_enabled": False}, "off", "Not connected", "normal", ""),
    ({"timestamp": None, "received_at": None}, "idle", "Waiting", "normal", "No value yet. It is read every 5"),
    (
        {"quality": {"temperature": "bad", "temperature_zones.deck_1": "bad"}},
        "warning",
        "Idle",
        "warning",
        "Deck 1: no usable temperature. Check the sensor.",
    ),
    ({"additional_sensors": {"alarm": "E 7"}}, "warning", "Idle", "warning", "The machine reports: “E 7”."),
]


def test_a_state_is_a_shape_a_word_and_a_sentence_when_somebody_must_act(run: Run) -> None:
    for values, shape, word, severity, sentence in VERDICTS:
        verdict = run("state.judge", state(**values), MS)
        assert (verdict["shape"], verdict["word"], verdict["severity"]) == (shape, word, severity), values
        assert verdict["sentence"].startswith(sentence), values
        assert bool(verdict["sentence"]) == bool(sentence), values


def test_worst_first_then_the_next_action_then_the_place(run: Run, visitor: Visitor) -> None:
    busy = {"operational_status": "running", "cycle_stage": "baking"}
    machines = {
        "cold": state(place="b"),
        "colder": state(place="a"),
        "later": state(**busy, time_remaining_minutes=20),
        "soon": state(**busy, time_remaining_minutes=3),
        "by plan": state(**busy, time_remaining_minutes=None, batch_started_at=ago(600), batch_expected_minutes=15),
        "fault": state(operational_status="error"),
        "offline": state(connection_status="disconnected"),
    }
    page = visitor.browser.contexts[0].pages[0]
    order = page.evaluate(
        """async ([machines, now]) => {
            const { byUrgency, judge } = await import("/static/js/state.js");
            const withVerdict = ([name, state]) => ({ name, state, verdict: judge(state, now) });
            const items = Object.entries(machines).map(withVerdict);
            return items.sort(byUrgency(now)).map(({ name }) => name);
        }""",
        [machines, MS],
    )
    assert order == ["fault", "offline", "soon", "by plan", "later", "colder", "cold"]


def test_decks_keep_top_and_bottom_together_and_the_core_comes_last(run: Run) -> None:
    zones = {"core": 20.0, "deck_10": 1.0, "deck_2_bottom": 3.0, "deck_2_top": 4.0, "deck_2": 3.5, "deck_1": 5.0}
    groups = run("state.zones", state(temperature_zones=zones, target_temperature_zones={"deck_2_top": 9.0}))
    assert [group["name"] for group in groups] == ["deck_1", "deck_2", "deck_10", "core"]
    assert [(part["side"], part["actual"], part["target"]) for part in groups[1]["parts"]] == [
        ("top", 4.0, 9.0),
        ("bottom", 3.0, None),
    ]


def test_the_trend_looks_five_minutes_back(run: Run) -> None:
    samples = [{"at": MS - minutes * 60_000, "value": 200 - minutes} for minutes in (9, 6, 4, 1)]
    assert run("state.trend", samples, 200, MS) == "up"
    assert run("state.trend", samples, 194.5, MS) == "level"
    assert run("state.trend", samples, 150, MS) == "down"
    assert run("state.trend", samples[-1:], 250, MS + 1000) == "up"
    assert run("state.trend", [], 250, MS) is None
    assert run("state.trend", samples, None, MS) is None


def test_energy_today_is_unknown_when_the_counter_ran_backwards(run: Run) -> None:
    def today(counter: float | None, start: float | None) -> Any:
        return run("state.energyToday", {"energy_consumption_kwh": counter, "energy_at_midnight_kwh": start})

    assert [today(112.5, 100.0), today(3.0, 100.0), today(3.0, None), today(None, 1.0)] == [12.5, None, None, None]


def test_numbers_have_units_and_unknown_is_a_dash_and_never_zero(run: Run) -> None:
    assert run("format.celsius", 218.4) == "218\u2009°C"
    assert run("format.celsius", -18.25, 1) == "−18.3\u2009°C"
    assert run("format.celsius", -0.2) == "0\u2009°C"
    assert run("format.celsius", None) == run("format.minutes", None) == run("format.age", None) == "–"
    assert [run("format.minutes", value) for value in (0, 89, 90, 120)] == [
        "0\u2009min",
        "89\u2009min",
        "1\u2009h 30\u2009min",
        "2\u2009h",
    ]
    assert [run("format.age", value) for value in (-1, 3.9, 60, 7200, 172_800)] == [
        "0\u2009s",
        "3\u2009s",
        "1\u2009min",
        "2\u2009h",
        "2\u2009d",
    ]
    assert run("format.zoneName", "deck_1_top") == "Deck 1 top"


def test_times_are_the_bakerys_and_name_another_day(run: Run) -> None:
    assert run("format.clock", MS, "Europe/Madrid") == "03:12"
    assert run("format.moment", MS, "Atlantic/Canary", MS) == "02:12"
    assert run("format.moment", MS - 86_400_000, "Europe/Madrid", MS).endswith(", 03:12")
    assert run("format.cityOf", "America/Argentina/Buenos_Aires") == "Buenos Aires"


def test_tries_grow_rarer_up_to_ten_seconds(run: Run, visitor: Visitor) -> None:
    page = visitor.browser.contexts[0].pages[0]
    script = """async (luck) => {
        const { pauseBefore } = await import("/static/js/live.js");
        return [0, 1, 3, 5, 50].map((attempt) => pauseBefore(attempt, () => luck));
    }"""
    assert page.evaluate(script, 1) == [500, 1000, 4000, 10_000, 10_000]
    assert page.evaluate(script, 0) == [500, 500, 2000, 5000, 5000]


def test_the_curve_breaks_where_the_machine_was_silent(run: Run, visitor: Visitor) -> None:
    page = visitor.browser.contexts[0].pages[0]
    readings = [
        {"reading_time": ago(seconds), "temperature": 200, "operational_status": "idle"} for seconds in (90, 60)
    ]
    found = page.evaluate(
        """async ([readings, state, now]) => {
            const { History } = await import("/static/js/history.js");
            const history = new History({ readings, gaps: [] }, 10);
            const wasBehind = history.isBehind(state);
            history.append(state);
            const phases = history.phases(now).map(({ from, to }) => [from, to]);
            return [wasBehind, history.append(state), history.columns([(row) => row.temperature])[1], phases];
        }""",
        [readings, state(timestamp=ago(1)), MS],
    )
    assert found == [True, False, [200, 200, None, 180], [[MS - 90_000, MS - 60_000], [MS - 1000, MS]]]
