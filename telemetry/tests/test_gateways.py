"""Whether a gateway keeps up: told by rows, to those whose machines it reads."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from equipment.models import Bakery, Equipment, IoTConnectionStatus
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.gateways import STALLED_SECONDS, TroubleKind, list_gateway_troubles, record_gateway_load
from telemetry.load import LATENESS_BOUNDS_SECONDS, Load, LoadFigures
from telemetry.load_models import GatewayLoad
from telemetry.models import LatestReading

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
WELL = LoadFigures(readings_per_second=20.0, lateness_p99_seconds=0.02, missed_percentage=0.0, busy_percentage=12.0)


def read(bakery: Bakery, seconds_ago: float, now: datetime = NOW, **values: Any) -> Equipment:
    """A connected machine that was read so long ago."""
    values = {"iot_enabled": True, "iot_connection_status": IoTConnectionStatus.CONNECTED, **values}
    machine = make_equipment(bakery, **values)
    moment = now - timedelta(seconds=seconds_ago)
    LatestReading.objects.create(equipment=machine, reading_time=moment, received_at=moment)
    return machine


def report(
    gateway: str, seconds_ago: float = 0, waiting_readings: int = 0, now: datetime = NOW, **figures: Any
) -> None:
    told = LoadFigures(**{name: figures.get(name, getattr(WELL, name)) for name in LoadFigures.__slots__})
    record_gateway_load(gateway, told, machines=3, waiting_readings=waiting_readings)
    GatewayLoad.objects.filter(gateway__slug=gateway).update(measured_at=now - timedelta(seconds=seconds_ago))


def troubles(now: datetime = NOW) -> list[tuple[str, float]]:
    return [(str(trouble.kind), trouble.value) for trouble in list_gateway_troubles(now)]


def test_a_gateway_whose_machines_are_read_is_no_trouble() -> None:
    bakery = make_bakery()
    read(bakery, 1)
    read(bakery, 5000)  # one that is silent is that machine's trouble, not the gateway's
    report("central")
    assert troubles() == []


def test_nothing_read_for_three_minutes_is_a_stall_whatever_the_worker_says() -> None:
    read(make_bakery(), STALLED_SECONDS + 1)
    report("central")
    assert troubles() == [("stalled", STALLED_SECONDS + 1)]
    assert troubles(NOW - timedelta(seconds=2)) == []


def test_machines_that_are_read_seldom_may_be_silent_for_longer() -> None:
    read(make_bakery(), 2 * 3600, poll_interval_seconds=3600)
    assert troubles() == []
    assert troubles(NOW + timedelta(hours=2)) == [("stalled", 4 * 3600)]


@pytest.mark.parametrize(
    "values",
    [
        {"iot_connection_status": IoTConnectionStatus.DISCONNECTED},
        {"iot_enabled": False},
        {"archived_at": NOW},
        {"supports_realtime": False},
    ],
)
def test_machines_that_nobody_reads_stall_nothing(values: dict[str, Any]) -> None:
    read(make_bakery(), 5000, **values)
    assert troubles() == []


def test_a_poll_worker_that_says_nothing_any_more_is_a_stall() -> None:
    """Another process has just stored what was kept in the broker: the newest reading alone would not tell."""
    read(make_bakery(), 1)
    report("central", seconds_ago=STALLED_SECONDS + 20)
    assert troubles() == [("stalled", STALLED_SECONDS + 20)]


def test_one_gateways_stall_is_not_anothers() -> None:
    read(make_bakery(), 1)
    shop = make_bakery(gateway="shop")
    read(shop, 1000)
    (trouble,) = list_gateway_troubles(NOW)
    assert (trouble.gateway_id, trouble.kind) == (shop.gateway_id, TroubleKind.STALLED)


@pytest.mark.parametrize(
    "figures",
    [
        {"missed_percentage": 6.0},
        {"lateness_p99_seconds": 2.5},
        {"busy_percentage": 95.0},
        {"waiting_readings": 30_000},
    ],
)
def test_a_gateway_with_too_much_to_read_says_so(figures: dict[str, Any]) -> None:
    read(make_bakery(), 1)
    report("central", **figures)
    ((kind, value),) = troubles()
    assert kind == "overloaded"
    assert value > 0
    report("central", seconds_ago=100, **figures)
    assert troubles() == []  # what was measured long ago says nothing of now


def test_the_load_is_counted_and_looked_at_in_stretches() -> None:
    load = Load()
    for _ in range(98):
        load.note_poll(0.004)
    load.note_poll(0.2)
    load.note_poll(0.2)
    load.note_missed(25)
    load.note_reading()
    figures = load.measure()
    assert figures.lateness_p99_seconds == 0.25
    assert figures.missed_percentage == 20.0
    assert figures.readings_per_second > 0
    quiet = load.measure()
    assert (quiet.readings_per_second, quiet.lateness_p99_seconds, quiet.missed_percentage) == (0.0, None, 0.0)
    load.note_poll(LATENESS_BOUNDS_SECONDS[-1] + 1)
    assert load.measure().lateness_p99_seconds == 600.0


def test_members_see_their_gateways_and_strangers_none() -> None:
    member, other = make_user(username="member"), make_user(username="other")
    now = datetime.now(UTC)  # the API looks at the clock, and this module was imported a while ago
    read(make_bakery(member), 1, now)
    read(make_bakery(other, gateway="shop"), 1000, now)
    report("central", now=now, lateness_p99_seconds=2.5)
    client = Client()
    client.force_login(member)
    (mine,) = client.get("/api/v1/gateways").json()
    assert (mine["slug"], mine["state"], mine["machines"]) == ("central", "overloaded", 1)
    assert mine["load"]["lateness_p99_seconds"] == 2.5
    client.force_login(other)
    (theirs,) = client.get("/api/v1/gateways").json()
    assert (theirs["slug"], theirs["state"], theirs["load"]) == ("shop", "stalled", None)
    client.force_login(make_user())
    assert client.get("/api/v1/gateways").status_code == 404
    client.logout()
    assert client.get("/api/v1/gateways").status_code == 401


def test_the_admin_shows_a_load_in_numbers_that_people_can_read(admin_client: Client) -> None:
    report(
        "central",
        readings_per_second=5.0051,
        lateness_p99_seconds=0.0503,
        missed_percentage=0.04,
        busy_percentage=4.9035,
    )
    page = admin_client.get("/admin/telemetry/gatewayload/").content.decode()
    assert all(f">{shown}<" in page for shown in ("5.0", "50 ms", "0.0 %", "4.9 %"))
