from typing import Any

import orjson
import pytest

from telemetry.subscriptions import Narrowed, Subscription, SubscriptionError, parse_subscription


def state(machine: str, bakery: str = "sol", batch: str | None = None) -> dict[str, Any]:
    return {
        "equipment_id": machine,
        "equipment_name": machine,
        "bakery": bakery,
        "temperature": 200,
        "active_batch_id": batch,
        "active_batch_name": batch,
        "batch_target_temperature": None,
        "batch_started_at": None,
        "batch_expected_minutes": None,
    }


def narrow(viewer: Narrowed, message: dict[str, Any]) -> list[dict[str, Any]]:
    return [orjson.loads(text) for text in viewer.narrow(orjson.dumps({"time": "now", **message}).decode())]


def viewer(**wanted: Any) -> Narrowed:
    return Narrowed(Subscription(**wanted))


def test_a_message_says_what_is_wanted() -> None:
    wanted = parse_subscription('{"subscribe": {"bakeries": ["sol"], "kinds": ["alerts"]}}')
    assert (wanted.bakeries, wanted.equipment, wanted.kinds) == (["sol"], [], ["alerts"])
    assert parse_subscription('{"subscribe": {}}') == Subscription()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "understands one message"),
        ("[]", "understands one message"),
        ("{", "understands one message"),
        ('{"subscribe": {}, "x": 1}', "understands one message"),
        ('{"subscribe": {"bakeries": ["' + "x" * 100_000 + '"]}}', "understands one message"),
        ("[" * 50_000, "understands one message"),
        ('{"subscribe": 1}', "object"),
        ('{"subscribe": {"bakery": ["sol"]}}', "Do you mean 'bakeries'?"),
        ('{"subscribe": {"bakeries": "sol"}}', "bakeries"),
        ('{"subscribe": {"bakeries": [1]}}', "bakeries.0"),
        ('{"subscribe": {"kinds": ["all"]}}', "kinds.0"),
    ],
)
def test_a_message_that_means_nothing_is_explained(text: str, words: str) -> None:
    with pytest.raises(SubscriptionError, match=words.replace("?", r"\?")):
        parse_subscription(text)


def test_a_snapshot_holds_what_was_asked_for() -> None:
    snapshot = {
        "type": "snapshot",
        "heartbeat_seconds": 5,
        "bakeries": [{"slug": "sol"}, {"slug": "luna"}],
        "states": [state("a"), state("b"), state("c", "luna")],
        "alerts": [{"bakery": "sol", "equipment_id": "b"}, {"bakery": "luna", "equipment_id": None}],
    }
    (found,) = narrow(viewer(bakeries=["sol"]), snapshot)
    assert [one["slug"] for one in found["bakeries"]] == ["sol"]
    assert [one["equipment_id"] for one in found["states"]] == ["a", "b"]
    assert found["alerts"] == snapshot["alerts"][:1]  # type: ignore[index]
    (found,) = narrow(viewer(equipment=["c"], kinds=["states"]), snapshot)
    assert ([one["equipment_id"] for one in found["states"]], found["alerts"]) == (["c"], [])


def test_states_of_others_are_left_out() -> None:
    message = {"type": "states", "states": [state("a"), state("c", "luna")]}
    (found,) = narrow(viewer(equipment=["a"]), message)
    assert found == {"time": "now", "type": "states", "states": [state("a")]}
    assert narrow(viewer(bakeries=["other"]), message) == []
    assert narrow(viewer(kinds=["alerts"]), message) == []


def test_batches_are_told_when_they_change_and_not_with_each_reading() -> None:
    follower = viewer(kinds=["batches"])
    narrow(follower, {"type": "snapshot", "bakeries": [], "states": [state("a"), state("b")], "alerts": []})
    assert narrow(follower, {"type": "states", "states": [state("a")]}) == []
    (started,) = narrow(follower, {"type": "states", "states": [state("a", batch="7"), state("b")]})
    assert started["type"] == "batches"
    assert [(one["equipment_id"], one["active_batch_id"]) for one in started["batches"]] == [("a", "7")]
    assert narrow(follower, {"type": "states", "states": [state("a", batch="7")]}) == []
    (ended,) = narrow(follower, {"type": "states", "states": [state("a")]})
    assert ended["batches"][0]["active_batch_id"] is None


def test_alerts_and_events_follow_the_same_rule() -> None:
    alerts = {"type": "alerts", "bakery": "sol", "alerts": [{"bakery": "sol", "equipment_id": "a"}]}
    event = {"type": "connection_event", "event": {"equipment_id": "a"}}
    assert narrow(viewer(bakeries=["luna"]), alerts) == []
    assert narrow(viewer(kinds=["alerts"]), alerts) == [{"time": "now", **alerts}]
    assert narrow(viewer(equipment=["b"]), alerts)[0]["alerts"] == []
    assert narrow(viewer(equipment=["b"]), event) == narrow(viewer(kinds=["alerts"]), event) == []
    assert narrow(viewer(equipment=["a"]), event) == [{"time": "now", **event}]


def test_the_heart_beats_for_everyone() -> None:
    assert narrow(viewer(kinds=["alerts"]), {"type": "heartbeat"}) == [{"time": "now", "type": "heartbeat"}]
