"""The poll worker's collector as it runs: its own thread, real ovens over HTTP, the real database."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from django.db import connection

from conftest import wait_for
from connectors.simulators.http import SimulatedBakery
from equipment import tasks
from equipment.models import Bakery, ConnectionLog, Equipment
from equipment.services import archive_equipment, configure_equipment_iot, set_iot_enabled
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.gateway_lock import GatewayLock
from telemetry.models import LatestReading, SensorReading
from telemetry.poll_worker import PollWorker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[PollWorker]:
    worker = PollWorker("central")
    worker.start()
    yield worker
    worker.stop()


def connect(ovens: SimulatedBakery, key: str, bakery: Bakery | None = None, **settings: Any) -> Equipment:
    equipment = make_equipment(bakery, name=key)
    return configure_equipment_iot(
        equipment,
        {"protocol": "rest_api", "poll_interval_seconds": 1, **ovens.settings(key), **settings},
    )


def keys(ovens: SimulatedBakery, count: int) -> list[str]:
    return list(ovens.ovens)[:count]


def until(worker: PollWorker, condition: Callable[[], Any], what: str) -> Any:
    """Tick while waiting, as beat does."""

    def tick() -> Any:
        worker.wake()
        return condition()

    return wait_for(tick, what)


def status_of(equipment: Equipment) -> tuple[str, str]:
    equipment.refresh_from_db()
    return equipment.iot_connection_status, equipment.iot_connection_error_code


def latest_of(equipment: Equipment) -> LatestReading | None:
    return LatestReading.objects.filter(equipment=equipment).first()


def count_of(equipment: Equipment) -> int:
    return SensorReading.objects.filter(equipment=equipment).count()


def usual_step(equipment: Equipment) -> float:
    """Seconds between two readings; the median, because a busy machine may pause us for a moment."""
    times = SensorReading.objects.filter(equipment=equipment).order_by("reading_time")
    moments = list(times.values_list("reading_time", flat=True))
    return median((after - before).total_seconds() for before, after in pairwise(moments))


def events_of(equipment: Equipment) -> list[str]:
    logs = ConnectionLog.objects.filter(equipment=equipment).exclude(event_type="configured").order_by("id")
    return list(logs.values_list("event_type", flat=True))


def test_every_oven_is_read_at_its_interval_over_one_open_line(ovens: SimulatedBakery, worker: PollWorker) -> None:
    bakery = make_bakery()
    machines = [connect(ovens, key, bakery) for key in keys(ovens, 12)]
    until(worker, lambda: all(count_of(machine) >= 4 for machine in machines), "four readings of each oven")
    assert {status_of(machine) for machine in machines} == {("connected", "")}
    assert all(events_of(machine) == ["connected"] for machine in machines)
    log = ConnectionLog.objects.get(equipment=machines[0], event_type="connected")
    assert log.data_points_received and log.response_time_ms is not None


def test_a_hanging_oven_does_not_slow_the_others(ovens: SimulatedBakery, worker: PollWorker) -> None:
    bakery = make_bakery()
    stuck, *others = (connect(ovens, key, bakery) for key in keys(ovens, 4))
    ovens.ovens[stuck.name].fault = "hang"
    until(worker, lambda: all(count_of(machine) >= 6 for machine in others), "six readings of the others")
    assert max(usual_step(machine) for machine in others) < 2  # the hanging one waits for ten
    assert count_of(stuck) == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("refuse", ("disconnected", "reset")),
        ("http_500", ("error", "server")),
        ("html", ("error", "parse")),
        ("broken_json", ("error", "parse")),
        ("too_large", ("error", "too_large")),
    ],
)
def test_a_fault_is_shown_and_its_repair_too(
    ovens: SimulatedBakery, worker: PollWorker, fault: str, expected: tuple[str, str]
) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: status_of(oven) == ("connected", ""), "the first connection")
    ovens.ovens[oven.name].fault = fault
    until(worker, lambda: status_of(oven)[0] != "connected", f"the fault {fault} to be shown")
    assert status_of(oven) == expected
    assert oven.iot_connection_error.endswith(".")
    seen = count_of(oven)
    ovens.ovens[oven.name].fault = None
    until(worker, lambda: status_of(oven) == ("connected", "") and count_of(oven) > seen, "the repair to be shown")
    assert oven.iot_connection_error == ""
    assert events_of(oven) == ["connected", "disconnected" if expected[0] == "disconnected" else "error", "connected"]


def test_a_wrong_password_ends_the_line_until_somebody_enters_another(
    ovens: SimulatedBakery, worker: PollWorker
) -> None:
    key = keys(ovens, 1)[0]
    good = ovens.settings(key)
    oven = connect(ovens, key, credentials=dict.fromkeys(good["credentials"], "wrong"))
    until(worker, lambda: status_of(oven) == ("error", "auth"), "the refusal to be shown")
    asked = ovens.ovens[key].requests
    for _ in range(30):
        worker.wake()
        time.sleep(0.05)
    assert ovens.ovens[key].requests == asked
    configure_equipment_iot(oven, {"protocol": "rest_api", **good})
    until(worker, lambda: status_of(oven) == ("connected", ""), "the new password to be tried")


def test_the_collector_follows_the_table(ovens: SimulatedBakery, worker: PollWorker) -> None:
    bakery = make_bakery()
    first, second = (connect(ovens, key, bakery) for key in keys(ovens, 2))
    until(worker, lambda: latest_of(first) and latest_of(second), "both ovens")
    set_iot_enabled(first, False)
    archive_equipment(second)
    assert worker.collector
    until(worker, lambda: worker.collector and not worker.collector.lines, "both lines to close")
    set_iot_enabled(first, True)
    seen = count_of(first)
    until(worker, lambda: count_of(first) > seen, "the oven that was switched on again")


def test_a_parked_line_is_down_and_comes_back(ovens: SimulatedBakery, worker: PollWorker) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: latest_of(oven), "the first reading")
    assert worker.collector and worker.loop
    with tasks.park_line(oven.pk):
        asked = ovens.ovens[oven.name].requests
        line = worker.collector.lines[oven.pk]
        assert line.connector is None
        for _ in range(30):
            worker.wake()
            time.sleep(0.05)
        assert ovens.ovens[oven.name].requests == asked
    until(worker, lambda: ovens.ovens[oven.name].requests > asked, "the line to come back")


def test_a_parked_line_stays_down_when_the_settings_change(ovens: SimulatedBakery, worker: PollWorker) -> None:
    """As `iot-config` does it: it saves, and tests at once."""
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: latest_of(oven), "the first reading")
    assert worker.collector
    with tasks.park_line(oven.pk):
        asked, old = ovens.ovens[oven.name].requests, worker.collector.lines[oven.pk]
        configure_equipment_iot(oven, {"protocol": "rest_api", **ovens.settings(oven.name)})
        until(worker, lambda: worker.collector and worker.collector.lines.get(oven.pk) not in (old, None), "a new line")
        for _ in range(30):
            worker.wake()
            time.sleep(0.05)
        assert ovens.ovens[oven.name].requests == asked
    until(worker, lambda: ovens.ovens[oven.name].requests > asked, "the new line to be used")


def test_a_second_worker_stands_by_and_takes_over(ovens: SimulatedBakery, worker: PollWorker) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: latest_of(oven), "the first reading")
    second = PollWorker("central")
    second.start()
    try:
        wait_for(lambda: second.collector and second.collector._next_reconcile, "the second one to look")
        assert second.collector and not second.collector.lines
        worker.stop()
        until(second, lambda: second.collector and second.collector.lines, "the stand-by to take over")
    finally:
        second.stop()


def test_another_gateways_ovens_are_left_alone(ovens: SimulatedBakery, worker: PollWorker) -> None:
    mine = connect(ovens, keys(ovens, 2)[0])
    connect(ovens, keys(ovens, 2)[1], make_bakery(gateway="shop"))
    until(worker, lambda: latest_of(mine), "the first reading")
    assert worker.collector and list(worker.collector.lines) == [mine.pk]


def test_a_database_that_drops_the_connection_costs_no_reading(ovens: SimulatedBakery, worker: PollWorker) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: count_of(oven) >= 2, "two readings")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    seen = count_of(oven)
    until(worker, lambda: count_of(oven) >= seen + 3, "three more readings")
    assert worker.collector and worker.collector.active


def test_without_ticks_the_ovens_keep_their_pace(ovens: SimulatedBakery, worker: PollWorker) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    wait_for(lambda: count_of(oven) >= 6, "six readings without a tick")
    assert usual_step(oven) < 2


def test_what_has_arrived_is_stored_before_the_worker_stops(ovens: SimulatedBakery, worker: PollWorker) -> None:
    oven = connect(ovens, keys(ovens, 1)[0])
    until(worker, lambda: ovens.ovens[oven.name].requests >= 3, "three requests")
    worker.stop()
    assert worker.collector and len(worker.collector.outbox) == 0
    assert count_of(oven) >= 2


def test_the_lock_is_one_per_gateway() -> None:
    first, second, other = GatewayLock("one"), GatewayLock("one"), GatewayLock("two")
    try:
        assert first.acquire() and first.acquire()
        assert not second.acquire()
        assert other.acquire()
        first.release()
        assert second.acquire()
    finally:
        for lock in (first, second, other):
            lock.release()
