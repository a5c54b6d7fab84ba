from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.reading import CycleStage, OperationalStatus, Reading
from equipment.models import Batch, Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.metrics import FIELDS
from telemetry.services import EquipmentReading, store_sensor_readings

pytestmark = pytest.mark.django_db
GUIDE_TIME = datetime(2025, 1, 12, 10, 30, tzinfo=UTC)


@pytest.fixture
def member() -> User:
    return make_user()


@pytest.fixture
def oven(member: User) -> Equipment:
    bakery = make_bakery(member, time_zone="Atlantic/Canary")
    return make_equipment(bakery, name="Horno Principal #1", iot_connection_status="connected")


@pytest.fixture
def client(member: User) -> APIClient:
    return integrator(member)


def store(oven: Equipment, at: datetime, **values: Any) -> None:
    reading = Reading(reading_time=at, **values)
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=at)])


def history(client: APIClient, oven: Equipment, **query: Any) -> Any:
    return client.get(f"/api/v1/equipment/{oven.uuid}/sensor-history?{urlencode(query)}")


class TestRealtimeData:
    def test_the_answer_is_the_guides(self, client: APIClient, oven: Equipment) -> None:
        batch = Batch.objects.create(equipment=oven, product="Baguettes", number="123", started_at=timezone.now())
        store(
            oven,
            GUIDE_TIME,
            temperature=185.5,
            temperature_zones={"cabinet": 180, "core": 72},
            humidity=65.0,
            operational_status=OperationalStatus.RUNNING,
            cycle_stage=CycleStage.BAKING,
            cycle_progress_percentage=45.0,
            time_remaining_minutes=12,
            energy_consumption_kwh=12.5,
            door_status=None,
        )
        answer = client.get(f"/api/v1/equipment/{oven.uuid}/realtime-data")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"
        assert answer.content.decode() == (
            f'{{"equipment_id":"{oven.uuid}","equipment_name":"Horno Principal #1","timestamp":"2025-01-12T10:30:00Z",'
            '"connection_status":"connected","temperature":185.5,"temperature_zones":{"cabinet":180,"core":72},'
            '"humidity":65.0,"operational_status":"running","cycle_stage":"baking","cycle_progress_percentage":45.0,'
            '"time_remaining_minutes":12,"energy_consumption_kwh":12.5,'
            f'"active_batch_id":"{batch.uuid}","active_batch_name":"Baguettes - Batch #123"}}'
        )

    def test_what_is_unknown_is_null(self, client: APIClient, oven: Equipment) -> None:
        assert client.get(f"/api/v1/equipment/{oven.uuid}/realtime-data/").json() == {
            "equipment_id": str(oven.uuid),
            "equipment_name": "Horno Principal #1",
            "timestamp": None,
            "connection_status": "connected",
            "temperature": None,
            "temperature_zones": {},
            "humidity": None,
            "operational_status": None,
            "cycle_stage": None,
            "cycle_progress_percentage": None,
            "time_remaining_minutes": None,
            "energy_consumption_kwh": None,
            "active_batch_id": None,
            "active_batch_name": None,
        }

    def test_other_peoples_machines_do_not_exist(self, client: APIClient, oven: Equipment) -> None:
        theirs = make_equipment()
        for what in ("realtime-data", "sensor-history"):
            assert client.get(f"/api/v1/equipment/{theirs.uuid}/{what}").status_code == 404


class TestSensorHistory:
    def test_without_times_it_is_the_last_day(self, client: APIClient, oven: Equipment) -> None:
        now = timezone.now().replace(microsecond=0)
        for hours in (25, 23, 1):
            store(oven, now - timedelta(hours=hours), temperature=200 + hours)
        answer = history(client, oven).json()
        assert [reading["temperature"] for reading in answer["readings"]] == [223, 201]
        assert answer["total_readings"] == 2
        assert answer["step_seconds"] is None
        start, end = (datetime.fromisoformat(answer[key]) for key in ("start_time", "end_time"))
        assert end - start == timedelta(hours=24)

    def test_a_range_can_be_named_in_two_ways(self, client: APIClient, oven: Equipment) -> None:
        store(oven, GUIDE_TIME, temperature=185.5, humidity=65)
        for names in (("start_time", "end_time"), ("start", "end")):
            times = ("2025-01-12T10:00:00Z", "2025-01-12T11:00:00Z")
            answer = history(
                client, oven, **dict(zip(names, times, strict=True)), fields="temperature, humidity"
            ).json()
            assert answer["readings"] == [
                {"reading_time": "2025-01-12T10:30:00Z", "temperature": 185.5, "humidity": 65.0}
            ]
            assert (answer["start_time"], answer["end_time"]) == times

    def test_one_end_is_enough(self, client: APIClient, oven: Equipment) -> None:
        store(oven, GUIDE_TIME, temperature=185.5)
        assert history(client, oven, end_time="2025-01-12T11:00:00Z").json()["start_time"] == "2025-01-11T11:00:00Z"
        assert history(client, oven, start_time="2025-01-12T10:00:00Z").json()["total_readings"] == 1

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("2025-07-12T10:30:00Z", "2025-07-12T10:30:00Z"),
            ("2025-07-12T10:30:00+02:00", "2025-07-12T08:30:00Z"),
            ("2025-07-12T10:30:00", "2025-07-12T09:30:00Z"),  # the bakery's time, in summer
            ("2025-01-12 10:30", "2025-01-12T10:30:00Z"),
        ],
    )
    def test_times_without_an_offset_are_the_bakerys(
        self, client: APIClient, oven: Equipment, written: str, meant: str
    ) -> None:
        assert history(client, oven, start_time=written).json()["start_time"] == meant

    def test_a_plus_that_was_not_escaped_is_understood(self, client: APIClient, oven: Equipment) -> None:
        answer = client.get(f"/api/v1/equipment/{oven.uuid}/sensor-history?start=2025-07-12T10:30:00+02:00")
        assert answer.json()["start_time"] == "2025-07-12T08:30:00Z"

    def test_many_readings_are_gathered_to_about_so_many_points(self, client: APIClient, oven: Equipment) -> None:
        for minute in range(60):
            store(oven, GUIDE_TIME + timedelta(minutes=minute), temperature=100.0 + minute)
        query = {"start": "2025-01-12T10:30:00Z", "end": "2025-01-12T11:30:00Z"}
        answer = history(client, oven, **query, points=6, fields="temperature").json()
        assert (answer["total_readings"], answer["step_seconds"]) == (60, 600)
        assert answer["readings"][0] == {
            "reading_time": "2025-01-12T10:30:00Z",
            "temperature": 104.5,
            "temperature_min": 100.0,
            "temperature_max": 109.0,
        }
        assert len(answer["readings"]) == 6

    def test_a_gap_is_told(self, client: APIClient, oven: Equipment) -> None:
        Equipment.objects.update(poll_interval_seconds=60)
        for minute in (0, 1, 30, 31):
            store(oven, GUIDE_TIME + timedelta(minutes=minute), temperature=200)
        answer = history(client, oven, start="2025-01-12T10:30:00Z", end="2025-01-12T11:01:00Z").json()
        assert answer["gaps"] == [{"start": "2025-01-12T10:31:00Z", "end": "2025-01-12T11:00:00Z"}]

    def test_without_fields_there_are_all(self, client: APIClient, oven: Equipment) -> None:
        store(oven, GUIDE_TIME, temperature=185.5)
        (reading,) = history(client, oven, start="2025-01-12", end="2025-01-13").json()["readings"]
        assert reading.keys() == {"reading_time", *FIELDS}

    @pytest.mark.parametrize(
        ("query", "path", "words"),
        [
            ({"start_time": "2025-01-12T11:00Z", "end_time": "2025-01-12T10:00Z"}, "end_time", "after the start"),
            ({"start_time": "2025-01-12T11:00Z", "end_time": "2025-01-12T11:00Z"}, "end_time", "after the start"),
            ({"start_time": "2999-01-12T11:00Z"}, "start_time", "year"),
            ({"start_time": "0001-01-01T00:00:00+14:00"}, "start_time", "out of range"),
            ({"start_time": "2099-01-12T11:00Z"}, "end_time", "after the start"),
            ({"start_time": "yesterday"}, "start_time", "wrong format"),
            ({"start_time": ""}, "start_time", "wrong format"),
            ({"start_time": "2025-01-12", "start": "2025-01-12"}, "start", "leave one of them out"),
            ({"points": 0}, "points", "greater than or equal to 1"),
            ({"points": 5001}, "points", "less than or equal to 5000"),
            ({"points": "many"}, "points", "integer"),
            ({"fields": "temprature"}, "fields", "Do you mean 'temperature'?"),
            ({"fields": "xyz"}, "fields", "There are: temperature"),
            ({"start-time": "2025-01-12"}, "start-time", "Do you mean start_time?"),
        ],
    )
    def test_a_wrong_query_is_explained(
        self, client: APIClient, oven: Equipment, query: dict[str, Any], path: str, words: str
    ) -> None:
        answer = history(client, oven, **query)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert list(answer.json()["fields"]) == [path]
        assert words in answer.json()["fields"][path]
