"""Every protocol with every fault of a line: it is shown, and after the repair the readings come again.

One poll worker reads one oven of each protocol at once; it is not restarted, and nobody does anything but the repair.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from conftest import BackgroundLoop, wait_for
from connectors import PROTOCOLS
from equipment.models import Equipment
from equipment.services import configure_equipment_iot
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.models import SensorReading
from telemetry.poll_worker import PollWorker
from telemetry.tests.matrix import MACHINES, Machine

pytestmark = pytest.mark.django_db(transaction=True)
FAULTS = ("refuse", "silent", "half", "reset", "garbage")


@pytest.fixture(scope="module")
def machines() -> Iterator[list[Machine]]:
    loop = BackgroundLoop()
    machines = [Machine(label, loop) for label in MACHINES]
    yield machines
    for machine in machines:
        machine.close()
    loop.close()


@pytest.fixture
def worker() -> Iterator[PollWorker]:
    worker = PollWorker("central")
    worker.start()
    yield worker
    worker.stop()


class Shop:
    """The machines as the worker sees them."""

    def __init__(self, worker: PollWorker, machines: list[Machine]) -> None:
        self.worker = worker
        bakery = make_bakery()
        self.machines = {machine.label: machine for machine in machines}
        self.rows = {label: make_equipment(bakery, name=label, poll_interval_seconds=1) for label in self.machines}

    def only(self, labels: set[str]) -> None:
        self.machines = {label: self.machines[label] for label in labels}
        self.rows = {label: self.rows[label] for label in labels}

    def connect(self, **changes: Any) -> None:
        for label, machine in self.machines.items():
            configure_equipment_iot(self.rows[label], {**machine.settings(), **changes.get(label, {})})
        self.until_all_are_read("at first")

    def statuses(self) -> dict[str, tuple[str, str]]:
        columns = ("name", "iot_connection_status", "iot_connection_error_code")
        found = Equipment.objects.filter(pk__in=[row.pk for row in self.rows.values()]).values_list(*columns)
        return {name: (status, code) for name, status, code in found}

    def silent_since(self, moment: datetime) -> set[str]:
        came = SensorReading.objects.filter(received_at__gt=moment).values_list("equipment__name", flat=True)
        return set(self.rows) - set(came.distinct())

    def until(self, condition: Callable[[], dict[str, Any] | set[str]], what: str) -> None:
        """Until nothing is missing; what is says the failure."""
        missing: Any = None

        def tick() -> bool:
            nonlocal missing
            self.worker.wake()
            missing = condition()
            return not missing

        try:
            wait_for(tick, what)
        except pytest.fail.Exception:
            pytest.fail(f"{what}: in vain for {missing}")

    def until_all_are_read(self, when: str) -> None:
        moment = timezone.now()
        self.until(lambda: self.silent_since(moment), f"readings of all {when}")
        self.until(lambda: _others(self.statuses(), "connected"), f"all to be shown as connected {when}")

    def until_none_is_connected(self) -> dict[str, tuple[str, str]]:
        self.until(
            lambda: {label for label, (status, _) in self.statuses().items() if status == "connected"},
            "all faults to be shown",
        )
        return self.statuses()


def _others(statuses: dict[str, tuple[str, str]], wanted: str) -> dict[str, tuple[str, str]]:
    return {label: found for label, found in statuses.items() if found[0] != wanted}


@pytest.fixture
def shop(machines: list[Machine], worker: PollWorker) -> Iterator[Shop]:
    yield Shop(worker, machines)
    for machine in machines:
        machine.repair()


def test_the_matrix_has_every_protocol() -> None:
    assert {label.partition("/")[0] for label in MACHINES} == set(PROTOCOLS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_line_is_shown_and_its_repair_too(shop: Shop, fault: str) -> None:
    shop.connect()
    for machine in shop.machines.values():
        machine.turn(fault)
    shown = shop.until_none_is_connected()
    if fault in ("refuse", "silent"):
        assert not _others(shown, "disconnected")
    assert all(row.iot_connection_error for row in Equipment.objects.all())
    for machine in shop.machines.values():
        machine.turn(None)
    shop.until_all_are_read("after the repair")


def test_a_restart_is_survived(shop: Shop) -> None:
    shop.connect()
    for machine in shop.machines.values():
        machine.stop()
    shown = shop.until_none_is_connected()
    assert not _others(shown, "disconnected")
    for machine in shop.machines.values():
        machine.start()
    shop.until_all_are_read("after the restart")


def test_a_wrong_password_is_shown_until_somebody_enters_the_right_one(shop: Shop) -> None:
    shop.connect()
    signing_in = {label for label, machine in shop.machines.items() if machine.settings()["credentials"]}
    for label in signing_in:
        settings = shop.machines[label].settings()
        secrets = {name: value for name, value in settings["credentials"].items() if name != "username"}
        wrong = {**settings["credentials"], **dict.fromkeys(secrets, "wrong")}
        configure_equipment_iot(shop.rows[label], {**settings, "credentials": wrong})
    shop.until(
        lambda: {label for label in signing_in if shop.statuses()[label] != ("error", "auth")},
        "the refusals to be shown",
    )
    for label in signing_in:
        configure_equipment_iot(shop.rows[label], shop.machines[label].settings())
    shop.until_all_are_read("with the right passwords")


def test_a_certificate_that_has_expired_is_shown_and_its_renewal_too(shop: Shop) -> None:
    shop.only({label for label, machine in shop.machines.items() if machine.has_certificate})
    for machine in shop.machines.values():
        machine.present(expired=False)
    shop.connect()
    for machine in shop.machines.values():
        machine.present(expired=True)
    shop.until(lambda: _others(shop.statuses(), "error"), "the expiry to be shown")
    assert {code for _, code in shop.statuses().values()} == {"tls"}
    for machine in shop.machines.values():
        machine.present(expired=False)
    shop.until_all_are_read("with new certificates")


def test_a_clock_that_is_ahead_neither_hides_the_future_nor_the_present(shop: Shop) -> None:
    shop.connect()
    for machine in shop.machines.values():
        machine.oven.fault = "clock_ahead"
    shop.until_all_are_read("with a clock that is ahead")
    for machine in shop.machines.values():
        machine.oven.fault = None
    shop.until_all_are_read("after the clock was set right")
    rows = SensorReading.objects.all()
    assert max(row.reading_time - row.received_at for row in rows) <= timedelta(seconds=60)
    assert not Equipment.objects.filter(latest_reading__reading_time__lt=timezone.now() - timedelta(minutes=1)).exists()
