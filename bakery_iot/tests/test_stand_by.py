"""Two gateways with a poll worker each, and a stand-by that takes over from one that is killed."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from bakery_iot.tests.worker import Worker
from conftest import BackgroundLoop, wait_for
from connectors.simulators.http import SimulatedBakery
from connectors.simulators.proxy import FaultyProxy
from equipment.models import Bakery, Equipment
from equipment.services import configure_equipment_iot
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.load_models import GatewayLoad
from telemetry.models import SensorReading

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
TAKE_OVER_SECONDS = 10


class Oven(NamedTuple):
    """A machine, and the only road to it, which counts who is on it."""

    row: Equipment
    road: FaultyProxy

    def count_since(self, moment: datetime) -> int:
        return SensorReading.objects.filter(equipment=self.row, received_at__gt=moment).count()


@pytest.fixture
def site_ovens(ovens: SimulatedBakery, background: BackgroundLoop) -> Iterator[dict[str, list[Oven]]]:
    """By gateway."""
    with ExitStack() as open_roads:

        def connect(key: str, bakery: Bakery) -> Oven:
            settings = ovens.settings(key)
            road = FaultyProxy(urlsplit(settings["endpoint"]).port or 0)
            background.run(road.start())
            open_roads.callback(lambda: background.run(road.stop()))
            posted = {
                "protocol": "rest_api",
                "poll_interval_seconds": 1,
                **settings,
                "endpoint": f"http://127.0.0.1:{road.port}",
            }
            return Oven(configure_equipment_iot(make_equipment(bakery, name=key), posted), road)

        first, second, third, fourth = list(ovens.ovens)[:4]
        north, south = make_bakery(gateway="north"), make_bakery(gateway="south")
        yield {
            "north": [connect(first, north), connect(second, north)],
            "south": [connect(third, south), connect(fourth, south)],
        }


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[dict[str, Worker]]:
    gateways = {"north": "north", "stand-by": "north", "south": "south"}
    started = {name: Worker(tmp_path, f"poll.{slug}", name=name) for name, slug in gateways.items()}
    yield started
    for worker in started.values():
        worker.end(signal.SIGKILL)


def test_a_stand_by_takes_over_from_a_killed_worker_and_no_oven_is_ever_read_twice(
    site_ovens: dict[str, list[Oven]], workers: dict[str, Worker]
) -> None:
    begun = timezone.now()
    north, south = site_ovens["north"], site_ovens["south"]
    workers["north"].start()
    wait_for(lambda: all(oven.count_since(begun) for oven in north), "the north to be read")
    workers["stand-by"].start()
    workers["south"].start()
    wait_for(lambda: workers["stand-by"].says("ready."), "the stand-by")
    wait_for(lambda: all(oven.count_since(begun) >= 2 for oven in south), "the south to be read")
    first = GatewayLoad.objects.get(gateway__slug="north").poll_worker

    killed_at, clock = timezone.now(), monotonic()
    workers["north"].end(signal.SIGKILL)
    wait_for(lambda: all(oven.count_since(killed_at) >= 2 for oven in north), "the stand-by to take over")
    assert monotonic() - clock < TAKE_OVER_SECONDS

    wait_for(lambda: GatewayLoad.objects.get(gateway__slug="north").poll_worker != first, "the new one to say so")
    wait_for(lambda: all(oven.count_since(killed_at) >= 2 for oven in south), "the south to be read on")
    assert {oven.road.most_at_once for oven in (*north, *south)} == {1}
