"""The socket as a page or an integrator meets it: over uvicorn, with real Redis between the writer and the page."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from knox.models import AuthToken
from websockets.exceptions import ConnectionClosed, InvalidStatus

from connectors import Reading
from equipment.inventory import save_equipment
from equipment.models import Bakery, Equipment
from equipment.services import archive_equipment, configure_equipment_iot
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry import consumers
from telemetry.services import EquipmentReading, store_sensor_readings
from telemetry.snapshots import find_bakeries
from telemetry.tests.sockets import closed_with, next_message, page, session_of

pytestmark = pytest.mark.django_db(transaction=True)
CONNECTION = {"protocol": "rest_api", "endpoint": "http://127.0.0.1:1", "additional_config": {"data_endpoint": "/d"}}


def prepare() -> tuple[User, Bakery, Equipment]:
    user = make_user()
    bakery = make_bakery(user)
    return user, bakery, make_equipment(bakery)


def store(equipment: Equipment, temperature: float) -> None:
    now = datetime.now(UTC)
    reading = Reading(reading_time=now, temperature=temperature)
    store_sensor_readings([EquipmentReading(equipment_id=equipment.pk, reading=reading, received_at=now)])


def test_a_page_gets_a_snapshot_and_then_full_states(site: str) -> None:
    user, bakery, oven = prepare()
    with page(site, session_of(user)) as socket:
        snapshot = next_message(socket, "snapshot")
        assert [state["equipment_name"] for state in snapshot["states"]] == [oven.name]
        assert snapshot["bakeries"] == [{"slug": bakery.slug, "name": bakery.name, "time_zone": "Europe/Madrid"}]
        store(oven, 231.5)
        (state,) = next_message(socket, "states")["states"]
        before = snapshot["states"][0]
        assert set(before) - set(state) == {"temperature_five_minutes_ago", "energy_at_midnight_kwh"}
        assert (state["temperature"], state["equipment_id"]) == (231.5, str(oven.uuid))


def test_a_token_in_the_header_serves_as_well_and_a_wrong_one_does_not(site: str) -> None:
    user, _, _ = prepare()
    _, token = AuthToken.objects.create(user)
    for scheme in ("Token", "Bearer"):
        with page(site, {"Authorization": f"{scheme} {token}"}, origin=None) as socket:
            next_message(socket, "snapshot")
    for nonsense in ("Token nonsense", "Token ü", "Token"):
        with page(site, {"Authorization": nonsense}) as socket:
            assert closed_with(socket) == consumers.NOT_SIGNED_IN


def test_nobody_and_a_stranger_get_nothing(site: str) -> None:
    prepare()
    with page(site, {}) as socket:
        assert closed_with(socket) == consumers.NOT_SIGNED_IN
    with page(site, session_of(make_user(is_superuser=True))) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=10)
        assert caught.value.rcvd and caught.value.rcvd.code == consumers.NO_BAKERY


def test_another_sites_page_is_refused(site: str) -> None:
    user, _, _ = prepare()
    for origin in ("https://evil.example", None):
        with pytest.raises(InvalidStatus), page(site, session_of(user), origin=origin):
            pass


def test_another_bakerys_states_do_not_arrive(site: str) -> None:
    user, _, mine = prepare()
    _, _, other = prepare()
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        store(other, 100.0)
        store(mine, 200.0)
        (state,) = next_message(socket, "states")["states"]
        assert state["equipment_id"] == str(mine.uuid)


def test_a_change_of_the_connection_arrives_with_its_event(site: str) -> None:
    user, _, oven = prepare()
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        configure_equipment_iot(oven, CONNECTION)
        event = next_message(socket, "connection_event")["event"]
        assert (event["event_type"], event["equipment_id"]) == ("configured", str(oven.uuid))


@pytest.mark.parametrize("how", ["archived", "moved"])
def test_a_machine_that_is_gone_leaves_the_page(site: str, how: str) -> None:
    user, _, oven = prepare()
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        if how == "archived":
            archive_equipment(oven)
        else:
            oven.bakery = make_bakery()
            save_equipment(oven)
        assert next_message(socket, "snapshot")["states"] == []


def test_the_heart_beats_and_access_is_looked_at_again(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    user, bakery, _ = prepare()
    second = make_bakery()
    with page(site, session_of(user)) as socket:
        next_message(socket, "heartbeat")
        second.members.add(user)
        while len(next_message(socket, "snapshot")["bakeries"]) != 2:
            pass
        second.members.remove(user)
        bakery.members.remove(user)
        assert closed_with(socket) == consumers.NO_BAKERY


@pytest.mark.parametrize("how", ["signed out", "switched off", "password changed"])
def test_whoever_may_no_longer_sign_in_is_cut_off(site: str, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    user, _, _ = prepare()
    with page(site, session_of(user)) as socket:
        next_message(socket, "snapshot")
        if how == "signed out":
            Session.objects.all().delete()
        elif how == "switched off":
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.set_password("another")
            user.save()
        assert closed_with(socket) == consumers.NOT_SIGNED_IN


def test_an_anonymous_user_has_no_bakery() -> None:
    assert find_bakeries(AnonymousUser()) == frozenset()
