import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.throttling import ScopedRateThrottle

from alerts.models import Alert, AlertRule
from equipment.models import Bakery, ConnectionLog, Equipment
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.models import LatestReading, SensorReading
from telemetry.parsers import LARGEST_BODY

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


@pytest.fixture(autouse=True)
def _no_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counters live in Redis, longer than a test."""
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"ingest": "10000/min"})


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager, slug="sol")


@pytest.fixture
def oven(bakery: Bakery) -> Equipment:
    return make_equipment(bakery, name="Steinofen")


@pytest.fixture
def client(manager: User, bakery: Bakery) -> APIClient:
    return integrator(manager)


def at(seconds: float = 0) -> str:
    return (timezone.now() - timedelta(minutes=5) + timedelta(seconds=seconds)).isoformat()


def send(client: APIClient, oven: Equipment, *readings: Any, **headers: Any) -> Any:
    return client.post(f"/api/v1/equipment/{oven.uuid}/readings", {"readings": readings}, format="json", **headers)


def send_bytes(client: Any, oven: Equipment, body: bytes, **headers: Any) -> Any:
    path = f"/api/v1/equipment/{oven.uuid}/readings"
    return client.generic("POST", path, body, content_type="application/json", **headers)


class TestReadings:
    def test_they_go_through_the_same_door_as_those_we_fetch(self, client: APIClient, oven: Equipment) -> None:
        reading = {
            "reading_time": at(),
            "temperature": 185.5,
            "temperature_zones": {"cabinet": 180, "core": None},
            "humidity": 65,
            "operational_status": "running",
            "door_status": "closed",
            "time_remaining_minutes": 12,
            "energy_consumption_kwh": 12.5,
            "additional_sensors": {"flue": 140, "program": "Baguette", "lamp": True},
            "quality": {"motor_speed": "bad"},
        }
        answer = send(client, oven, reading)
        assert answer.json() == {"received": 1, "stored": 1, "duplicates": 0, "errors": {}}
        now = client.get(f"/api/v1/equipment/{oven.uuid}/realtime-data").json()
        assert (now["temperature"], now["temperature_zones"]) == (185.5, {"cabinet": 180, "core": None})
        assert (now["operational_status"], now["connection_status"]) == ("running", "connected")
        assert SensorReading.objects.get().additional_sensors == {"flue": 140, "program": "Baguette", "lamp": True}

    def test_a_post_can_be_repeated(self, client: APIClient, oven: Equipment) -> None:
        readings = [{"reading_time": at(second), "temperature": 200 + second} for second in range(3)]
        assert send(client, oven, *readings).json()["stored"] == 3
        changed = [{**reading, "temperature": 1} for reading in readings]
        assert send(client, oven, *changed).json() == {"received": 3, "stored": 0, "duplicates": 3, "errors": {}}
        assert LatestReading.objects.get().temperature == 202

    def test_what_is_wrong_with_one_costs_the_others_nothing(self, client: APIClient, oven: Equipment) -> None:
        ahead = (timezone.now() + timedelta(hours=1)).isoformat()
        answer = send(
            client,
            oven,
            {"reading_time": at(), "temperature": 200},
            {"temperature": 200},
            {"reading_time": at(1), "temprature": 200},
            {"reading_time": at(2), "temperature": "hot", "temperature_zones": {"core": 1e9}},
            {"reading_time": "2026-11-20T03:00:00"},
            {"reading_time": ahead},
            {"reading_time": "2009-11-20T03:00:00Z"},
            {"reading_time": 1763600000},
            17,
        )
        assert answer.status_code == 200
        assert (answer.json()["received"], answer.json()["stored"]) == (9, 1)
        errors = answer.json()["errors"]
        assert list(errors) == [
            "readings.1.reading_time",
            "readings.2.temprature",
            "readings.3.temperature",
            "readings.3.temperature_zones.core",
            "readings.4.reading_time",
            "readings.5.reading_time",
            "readings.6.reading_time",
            "readings.7.reading_time",
            "readings.8",
        ]
        assert errors["readings.2.temprature"] == "There is no value of this name. Do you mean 'temperature'?"
        assert "offset" in errors["readings.4.reading_time"]
        assert "future" in errors["readings.5.reading_time"]

    def test_if_none_is_right_it_is_a_400(self, client: APIClient, oven: Equipment) -> None:
        answer = send(client, oven, {"temperature": 200}, {"reading_time": at(), "humidity": 500})
        assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
        assert list(answer.json()["fields"]) == ["readings.0.reading_time", "readings.1.humidity"]

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, "readings"),
            ({"readings": []}, "readings"),
            ({"readings": {}}, "readings"),
            ({"readings": [{}] * 5001}, "readings"),
            ({"readings": [{}], "mode": 1}, "mode"),
        ],
    )
    def test_a_body_of_another_shape_is_explained(
        self, client: APIClient, oven: Equipment, body: Any, path: str
    ) -> None:
        answer = send_bytes(client, oven, json.dumps(body).encode())
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [path])

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"readings": NaN}', b"[" * 100_000])
    def test_what_is_no_json_object_is_refused(self, client: APIClient, oven: Equipment, body: bytes) -> None:
        answer = send_bytes(client, oven, body)
        assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)

    def test_late_ones_are_history_and_neither_shown_nor_alerted(
        self, client: APIClient, oven: Equipment, django_capture_on_commit_callbacks: Any
    ) -> None:
        limit: dict[str, Any] = {"upper": 250, "on_delay_seconds": 0, "severity": "critical"}
        AlertRule.objects.create(equipment=oven, alert_type="limit", metric="temperature", **limit)
        now = timezone.now() - timedelta(seconds=30)

        def told(*readings: Any) -> Any:
            with django_capture_on_commit_callbacks(execute=True):
                return send(client, oven, *readings).json()

        told({"reading_time": now.isoformat(), "temperature": 240})
        late = [(now - timedelta(hours=3, seconds=second)).isoformat() for second in range(60)]
        assert told(*({"reading_time": moment, "temperature": 260} for moment in late))["stored"] == 60
        assert LatestReading.objects.get().temperature == 240
        assert not Alert.objects.exists()
        told({"reading_time": timezone.now().isoformat(), "temperature": 260})
        assert Alert.objects.get().alert_type == "limit"

    def test_5000_at_once_are_taken(self, client: APIClient, oven: Equipment) -> None:
        start = timezone.now() - timedelta(hours=2)
        readings = [
            {"reading_time": (start + timedelta(seconds=second)).isoformat(), "temperature": 200, "humidity": 60}
            for second in range(5000)
        ]
        assert send(client, oven, *readings).json()["stored"] == 5000
        again = gzip.compress(json.dumps({"readings": readings}).encode())
        answer = send_bytes(client, oven, again, HTTP_CONTENT_ENCODING="gzip")
        assert answer.json() == {"received": 5000, "stored": 0, "duplicates": 5000, "errors": {}}


class TestConnection:
    def test_a_machine_that_only_posts_is_connected_when_it_posts(self, client: APIClient, oven: Equipment) -> None:
        for second in range(3):
            send(client, oven, {"reading_time": at(second), "temperature": 200})
        oven.refresh_from_db()
        assert (oven.iot_connection_status, ConnectionLog.objects.count()) == ("connected", 1)

    def test_history_says_nothing_of_the_line_now(self, client: APIClient, oven: Equipment) -> None:
        send(client, oven, {"reading_time": at(-3600), "temperature": 200})
        assert not ConnectionLog.objects.exists()

    def test_of_a_machine_that_we_poll_the_poll_worker_knows_better(self, client: APIClient, oven: Equipment) -> None:
        Equipment.objects.update(iot_enabled=True, iot_protocol="rest_api", iot_connection_status="error")
        send(client, oven, {"reading_time": at(), "temperature": 200})
        oven.refresh_from_db()
        assert oven.iot_connection_status == "error"


class TestPacked:
    def body(self) -> bytes:
        return json.dumps({"readings": [{"reading_time": at(), "temperature": 200}]}).encode()

    def test_gzip_is_unpacked(self, client: APIClient, oven: Equipment) -> None:
        answer = send_bytes(client, oven, gzip.compress(self.body()), HTTP_CONTENT_ENCODING="gzip")
        assert answer.json()["stored"] == 1

    def test_a_bomb_is_refused_before_it_grows(self, client: APIClient, oven: Equipment) -> None:
        bomb = gzip.compress(b" " * 300_000_000, 1)
        assert len(bomb) < 2_000_000
        for packed in (bomb, gzip.compress(gzip.compress(b" " * (LARGEST_BODY + 1)))):
            answer = send_bytes(client, oven, packed, HTTP_CONTENT_ENCODING="gzip")
            assert answer.status_code in (400, 413)
        assert send_bytes(client, oven, bomb, HTTP_CONTENT_ENCODING="gzip").status_code == 413

    def test_a_plain_body_has_the_same_bound(self, client: APIClient, oven: Equipment) -> None:
        padding = b" " * (LARGEST_BODY - 1000)
        assert send_bytes(client, oven, padding + self.body()).json()["stored"] == 1
        answer = send_bytes(client, oven, b" " * (LARGEST_BODY + 1))
        assert (answer.status_code, answer["Content-Type"]) == (413, PROBLEM)

    @pytest.mark.parametrize(
        ("encoding", "status"), [("gzip", 400), ("br", 415), ("gzip, gzip", 415), ("identity", 200)]
    )
    def test_what_is_not_packed_as_it_says_is_refused(
        self, client: APIClient, oven: Equipment, encoding: str, status: int
    ) -> None:
        assert send_bytes(client, oven, self.body(), HTTP_CONTENT_ENCODING=encoding).status_code == status

    def test_a_body_that_is_cut_off_is_refused(self, client: APIClient, oven: Equipment) -> None:
        answer = send_bytes(client, oven, gzip.compress(self.body())[:-12], HTTP_CONTENT_ENCODING="gzip")
        assert (answer.status_code, "cut off" in answer.json()["detail"]) == (400, True)


class TestMessages:
    MAPPING = {
        "timestamp": "_ts",
        "temperature_zones": {
            "deck_1": {"path": "act_temp[0] || ([@][?cavity == `1`].act_temp | [0])", "scale": 0.1},
            "deck_2": {"path": "act_temp[1] || ([@][?cavity == `2`].act_temp | [0])", "scale": 0.1},
        },
        "target_temperature_zones": {"deck_1": {"path": "set_temp[0]", "scale": 0.1}},
        "additional_sensors": {"burner_fault": {"path": "faults", "type": "bits", "bit": 1}},
    }

    @pytest.fixture
    def pusher(self, oven: Equipment) -> Equipment:
        """A ConnectWare-like device: mapped, and not dialled by us."""
        Equipment.objects.filter(pk=oven.pk).update(
            iot_enabled=True,
            supports_realtime=False,
            iot_protocol="rest_api",
            iot_endpoint="https://192.168.1.20",
            iot_config={"mapping": self.MAPPING, "auth": "none"},
        )
        return oven

    def send(self, client: APIClient, oven: Equipment, *messages: Any) -> Any:
        return client.post(f"/api/v1/equipment/{oven.uuid}/messages", {"messages": messages}, format="json")

    def message(self, **values: Any) -> dict[str, Any]:
        header = {"_src": ["oven-1", "ctrl"], "_cmd": "wr", "_id": 7, "_ts": at(), "_crc": 4711}
        return {**header, **values}

    def test_a_connectware_message_is_mapped(self, client: APIClient, pusher: Equipment) -> None:
        message = self.message(set_temp=[1500, 1550], act_temp=["1480", None], faults="00000010")
        assert self.send(client, pusher, message).json() == {"received": 1, "stored": 1, "duplicates": 0, "errors": {}}
        row = SensorReading.objects.get()
        assert row.temperature_zones == {"deck_1": 148.0, "deck_2": None}
        assert row.target_temperature_zones == {"deck_1": 150.0}
        assert row.additional_sensors == {"burner_fault": True}

    def test_messages_of_one_moment_make_one_reading(self, client: APIClient, pusher: Equipment) -> None:
        moment = at()
        one, two = ({"_ts": moment, "cavity": cavity, "act_temp": 1000 + cavity} for cavity in (1, 2))
        assert self.send(client, pusher, one, two).json()["stored"] == 1
        assert SensorReading.objects.get().temperature_zones == {"deck_1": 100.1, "deck_2": 100.2}

    def test_a_message_without_any_of_it_is_told_by_its_path(self, client: APIClient, pusher: Equipment) -> None:
        answer = self.send(client, pusher, self.message(act_temp=[1480, 1490]), {"_ts": at(1), "pressure": 3})
        assert (answer.json()["stored"], list(answer.json()["errors"])) == (1, ["messages.1"])
        assert "pressure" in answer.json()["errors"]["messages.1"]

    def test_without_a_mapping_it_says_how_to_set_one(self, client: APIClient, oven: Equipment) -> None:
        for protocol in ("", "modbus"):
            Equipment.objects.update(iot_protocol=protocol)
            answer = self.send(client, oven, {"a": 1})
            assert answer.status_code == 400

    def test_our_own_names_need_no_mapping(self, client: APIClient, pusher: Equipment) -> None:
        Equipment.objects.update(iot_config={"auth": "none"})
        assert self.send(client, pusher, {"temperature": 185.5, "timestamp": at()}).json()["stored"] == 1
        assert LatestReading.objects.get().temperature == 185.5


class TestWhoMay:
    def test_strangers_and_staff_may_not(self, client: APIClient, oven: Equipment, bakery: Bakery) -> None:
        reading = {"reading_time": at(), "temperature": 1}
        assert send(client, make_equipment(), reading).status_code == 404
        assert send(integrator(make_user("manager")), oven, reading).status_code == 404
        staff = make_user("staff")
        bakery.members.add(staff)
        assert send(integrator(staff), oven, reading).status_code == 403
        assert send(APIClient(), oven, reading).status_code == 401
        assert not SensorReading.objects.exists()

    def test_whoever_sends_without_end_is_asked_to_wait(
        self, client: APIClient, oven: Equipment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"ingest": "2/min"})
        answers = [send(client, oven, {"reading_time": at(second)}) for second in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[2]["Retry-After"]) > 0


def test_moments_of_any_offset_are_one(client: APIClient, oven: Equipment) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    texts = [moment.isoformat(), moment.astimezone(tz=None).isoformat(), moment.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert [send(client, oven, {"reading_time": text}).json()["stored"] for text in texts] == [1, 0, 0]
