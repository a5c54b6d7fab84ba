from collections.abc import Iterator
from typing import Any

import pytest

from equipment.inventory import save_equipment
from equipment.models import Equipment
from equipment.signals import connection_changed
from equipment.tests.factories import make_bakery, make_equipment

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Iterator[list[Any]]:
    heard: list[Any] = []

    def listen(**kwargs: Any) -> None:
        heard.append(kwargs)

    connection_changed.connect(listen)
    yield heard
    connection_changed.disconnect(listen)


def test_the_pages_hear_of_a_new_machine(told: list[Any], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        oven = save_equipment(Equipment(bakery=make_bakery(), name="New"))
    assert [call["equipment_ids"] for call in told] == [[oven.pk]]


def test_a_new_name_leaves_the_line_alone(told: list[Any], django_capture_on_commit_callbacks: Any) -> None:
    oven = make_equipment()
    with django_capture_on_commit_callbacks(execute=True):
        oven.name = "Renamed"
        save_equipment(oven)
    stored = Equipment.objects.get(pk=oven.pk)
    assert (stored.name, stored.config_version) == ("Renamed", oven.config_version)
    assert [call["equipment_ids"] for call in told] == [[oven.pk]]


def test_another_bakery_means_another_line() -> None:
    oven = make_equipment()
    oven.bakery = make_bakery(gateway="other")
    before = oven.config_version
    save_equipment(oven)
    assert Equipment.objects.get(pk=oven.pk).config_version == before + 1
    assert oven.connection_logs.get().event_type == "configured"


def test_what_the_poll_worker_wrote_meanwhile_stays() -> None:
    oven = make_equipment()
    Equipment.objects.filter(pk=oven.pk).update(iot_connection_status="connected", iot_endpoint="http://x")
    oven.name = "Renamed"
    save_equipment(oven)
    stored = Equipment.objects.get(pk=oven.pk)
    assert (stored.iot_connection_status, stored.iot_endpoint) == ("connected", "http://x")


def test_what_somebody_else_changed_meanwhile_stays() -> None:
    seen_before, oven = make_equipment(name="Old", place="left"), Equipment.objects.get()
    oven.place, oven.iot_enabled = "right", True
    save_equipment(oven)
    seen_before.name = "New"
    save_equipment(seen_before, ["name"])
    found = Equipment.objects.get()
    assert (found.name, found.place, found.iot_enabled) == ("New", "right", True)
    assert found.config_version == oven.config_version


def test_nothing_changed_is_nothing_saved() -> None:
    oven = make_equipment(name="Same")
    assert save_equipment(oven, []).name == "Same"
