"""What pages get of a stored batch: the same as a snapshot would say, for those who look, and no work for others."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors import DoorStatus, OperationalStatus, Reading
from equipment.batches import start_batch
from equipment.models import Equipment, IoTConnectionStatus
from equipment.services import archive_equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry import pushing
from telemetry.channel import list_watched
from telemetry.live import live_state, with_live_state
from telemetry.services import EquipmentReading, store_sensor_readings
from telemetry.tests.sockets import next_message, page, session_of

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def oven(user: User) -> Equipment:
    return make_equipment(make_bakery(user))


def store(oven: Equipment, seconds: float, **values: Any) -> None:
    reading = Reading(reading_time=NOW + timedelta(seconds=seconds), **values)
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=NOW)])


@contextmanager
def watching(site: str, user: User) -> Iterator[Any]:
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        yield socket


def as_a_snapshot_says(oven: Equipment) -> Any:
    state = live_state(with_live_state(Equipment.objects.filter(pk=oven.pk)).get())
    return orjson.loads(orjson.dumps(state, option=orjson.OPT_UTC_Z))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"temperature": 1 / 3, "energy_consumption_kwh": 10412.123456, "time_remaining_minutes": 99_999},
        {"temperature_zones": {"deck_2": 200.5, "deck_1": None}, "quality": {"humidity": "bad"}},
        {"operational_status": OperationalStatus.RUNNING, "door_status": DoorStatus.OPEN},
        {"additional_sensors": {"text": "lone \ud800 half", "programme": 3}, "temperature": 180.0},
    ],
)
def test_a_pushed_state_is_what_a_snapshot_says(site: str, user: User, oven: Equipment, values: dict[str, Any]) -> None:
    with watching(site, user) as socket:
        store(oven, 0, **values)
        (state,) = next_message(socket, "states")["states"]
    assert state == as_a_snapshot_says(oven)
    assert list(state) == list(as_a_snapshot_says(oven))


def test_what_other_processes_change_of_a_machine_is_in_its_next_state(site: str, user: User, oven: Equipment) -> None:
    with watching(site, user) as socket:
        store(oven, 0, temperature=180.0)
        next_message(socket, "states")
        Equipment.objects.filter(pk=oven.pk).update(name="The new one", iot_connection_status=IoTConnectionStatus.ERROR)
        store(oven, 1, temperature=181.0)
        (state,) = next_message(socket, "states")["states"]
        assert (state["equipment_name"], state["connection_status"]) == ("The new one", "error")
        start_batch(oven, "Baguettes", NOW)
        next_message(socket, "states")
        store(oven, 2, temperature=182.0)
        (state,) = next_message(socket, "states")["states"]
        assert (state["active_batch_name"], state["temperature"]) == ("Baguettes", 182.0)


def test_an_older_reading_is_stored_and_not_pushed(site: str, user: User, oven: Equipment) -> None:
    with watching(site, user) as socket:
        store(oven, 0, temperature=180.0)
        store(oven, -60, temperature=20.0)
        store(oven, 1, temperature=181.0)
        temperatures: list[float] = []
        while 181.0 not in temperatures:
            temperatures += [state["temperature"] for state in next_message(socket, "states")["states"]]
    assert temperatures == [180.0, 181.0]


def test_an_archived_machine_is_pushed_no_more(site: str, user: User, oven: Equipment) -> None:
    other = make_equipment(oven.bakery)
    with watching(site, user) as socket:
        store(oven, 0, temperature=180.0)
        next_message(socket, "states")
        archive_equipment(oven)
        store(oven, 1, temperature=181.0)
        store(other, 0, temperature=20.0)
        (state,) = next_message(socket, "states")["states"]
    assert state["equipment_id"] == str(other.uuid)


def test_for_a_bakery_that_nobody_watches_nothing_is_looked_up_or_made(site: str, user: User, oven: Equipment) -> None:
    stranger = make_user()
    make_bakery(stranger)
    with watching(site, stranger):
        store(oven, 0, temperature=180.0)
        item = EquipmentReading(equipment_id=oven.pk, reading=Reading(reading_time=NOW), received_at=NOW)
        with CaptureQueriesContext(connection) as queries:
            pushing.publish_readings([item])
        assert not queries.captured_queries
        assert list_watched([oven.bakery_id]) == set()
        with watching(site, user):
            assert list_watched([oven.bakery_id]) == {oven.bakery_id}
