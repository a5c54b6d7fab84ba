from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.reading import CycleStage, OperationalStatus, Reading
from equipment.models import Batch, Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def member() -> User:
    return make_user("staff")


@pytest.fixture
def oven(member: User) -> Equipment:
    return make_equipment(make_bakery(member), name="Steinofen", iot_connection_status="connected")


@pytest.fixture
def client(member: User) -> APIClient:
    return integrator(member)


def say(oven: Equipment, minutes_ago: float, **values: Any) -> None:
    at = timezone.now() - minutes_ago * MINUTE
    reading = Reading(reading_time=at, **values)
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=at)])


def bake(oven: Equipment, minutes_ago: float, **values: Any) -> Batch:
    start = timezone.now() - minutes_ago * MINUTE
    return Batch.objects.create(equipment=oven, product="Baguettes", number="7", started_at=start, **values)


def track(client: APIClient, batch: Batch, query: str = "") -> Any:
    answer = client.get(f"/api/v1/batches/{batch.uuid}/realtime-tracking{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestTracking:
    def test_a_running_batch_goes_by_the_machines_programme(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(oven, 10, expected_minutes=25, target_temperature=220)
        say(oven, 30, temperature=100)
        say(oven, 5, temperature=215)
        say(
            oven,
            1,
            temperature=219,
            operational_status=OperationalStatus.RUNNING,
            cycle_stage=CycleStage.BAKING,
            cycle_progress_percentage=55.0,
            time_remaining_minutes=11,
        )
        found = track(client, batch)
        assert (found["status"], found["batch_name"]) == ("running", "Baguettes - Batch #7")
        assert (found["progress_percentage"], found["time_remaining_minutes"]) == (55.0, 11)
        assert (found["progress_source"], found["target_temperature"]) == ("machine", 220)
        assert found["elapsed_minutes"] == pytest.approx(10, abs=0.2)
        assert found["realtime_data"] == client.get(f"/api/v1/equipment/{oven.uuid}/realtime-data").json()
        assert [reading["temperature"] for reading in found["curve"]["readings"]] == [215, 219]

    def test_a_machine_that_tells_no_progress_goes_by_the_clock(self, client: APIClient, oven: Equipment) -> None:
        found = track(client, bake(oven, 10, expected_minutes=40))
        assert (found["progress_percentage"], found["progress_source"]) == (pytest.approx(25, abs=0.5), "clock")
        assert found["time_remaining_minutes"] in (30, 31)
        late = track(client, bake(oven, 60, expected_minutes=40))
        assert (late["progress_percentage"], late["time_remaining_minutes"]) == (100, 0)

    def test_what_nobody_knows_is_null(self, client: APIClient, oven: Equipment) -> None:
        found = track(client, bake(oven, 10))
        unknown = ("progress_percentage", "time_remaining_minutes", "progress_source", "expected_end_at")
        assert [found[key] for key in unknown] == [None] * 4

    def test_a_finished_batch_keeps_its_curve_and_shows_no_now(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(oven, 60, ended_at=timezone.now() - 30 * MINUTE, expected_minutes=25)
        say(oven, 45, temperature=215)
        say(oven, 5, temperature=100, cycle_progress_percentage=3.0)
        found = track(client, batch)
        assert (found["status"], found["progress_percentage"], found["realtime_data"]) == ("finished", 100, None)
        assert found["elapsed_minutes"] == pytest.approx(30, abs=0.2)
        assert [reading["temperature"] for reading in found["curve"]["readings"]] == [215]

    def test_a_planned_one_has_no_curve_yet(self, client: APIClient, oven: Equipment) -> None:
        found = track(client, bake(oven, -60, expected_minutes=25))
        assert (found["status"], found["progress_percentage"], found["curve"]) == ("planned", 0, None)
        assert (found["elapsed_minutes"], found["time_remaining_minutes"]) == (0, 25)

    def test_the_curve_can_be_coarser_and_narrower(self, client: APIClient, oven: Equipment) -> None:
        batch = bake(oven, 60)
        for minute in range(50):
            say(oven, minute + 1, temperature=200 + minute, humidity=50)
        curve = track(client, batch, "?points=5&fields=humidity")["curve"]
        assert len(curve["readings"]) <= 6
        assert curve["readings"][0].keys() == {"reading_time", "humidity", "humidity_min", "humidity_max"}
        assert client.get(f"/api/v1/batches/{batch.uuid}/realtime-tracking?point=5").status_code == 400

    def test_those_of_others_do_not_exist(self, client: APIClient) -> None:
        batch = bake(make_equipment(), 1)
        assert client.get(f"/api/v1/batches/{batch.uuid}/realtime-tracking").status_code == 404


class TestCapabilities:
    def test_they_are_what_the_machine_has_told_and_what_was_entered(self, client: APIClient, oven: Equipment) -> None:
        Equipment.objects.update(preset="wachtel_deck_oven", iot_protocol="wachtel", supports_remote_control=True)
        path = f"/api/v1/equipment/{oven.uuid}/capabilities"
        silent = client.get(path).json()
        assert (silent["supported_features"], silent["supports_humidity"]) == ([], False)
        say(oven, 1, temperature=215, humidity=60, temperature_zones={"deck_2": 214, "deck_1": 215})
        assert client.get(path).json() == {
            "equipment_id": str(oven.uuid),
            "equipment_name": "Steinofen",
            "protocol": "wachtel",
            "supported_features": ["humidity", "temperature", "temperature_zones"],
            "temperature_zones": ["deck_1", "deck_2"],
            "additional_sensors": [],
            "supports_realtime": True,
            "supports_humidity": True,
            "supports_energy_monitoring": False,
            "supports_remote_control": True,
            "verified": "unverified",
        }
        assert client.get(f"/api/v1/equipment/{make_equipment().uuid}/capabilities").status_code == 404


class TestEtag:
    def test_nothing_is_sent_again_while_nothing_has_changed(self, client: APIClient, oven: Equipment) -> None:
        say(oven, 1, temperature=215)
        path = f"/api/v1/equipment/{oven.uuid}/realtime-data"
        first = client.get(path)
        assert (first.status_code, first["Cache-Control"]) == (200, "private, no-cache")
        again = client.get(path, HTTP_IF_NONE_MATCH=first["ETag"])
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        say(oven, 0, temperature=216)
        changed = client.get(path, HTTP_IF_NONE_MATCH=first["ETag"])
        assert (changed.status_code, changed.json()["temperature"]) == (200, 216)
        assert changed["ETag"] != first["ETag"]

    def test_a_tag_opens_nothing_to_others(self, client: APIClient, oven: Equipment) -> None:
        path = f"/api/v1/equipment/{oven.uuid}/realtime-data"
        tag = client.get(path)["ETag"]
        stranger = make_user("staff")
        make_bakery(stranger)
        assert integrator(stranger).get(path, HTTP_IF_NONE_MATCH=tag).status_code == 404
        assert APIClient().get(path, HTTP_IF_NONE_MATCH=tag).status_code == 401
