from typing import Any

import pytest
from django.db.models import F

from equipment.models import Equipment
from equipment.tests.factories import make_bakery, make_equipment
from telemetry.gateway_table import GatewayTable
from telemetry.line import LineSettings

pytestmark = pytest.mark.django_db


class Held:
    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def make_oven(**values: Any) -> Equipment:
    values = {"iot_enabled": True, "iot_protocol": "modbus", "supports_realtime": True, **values}
    return make_equipment(make_bakery(), **values)


def look(table: GatewayTable, known: dict[int, LineSettings]) -> dict[int, LineSettings]:
    holding, wanted = table.look(known)
    assert holding
    return wanted


def test_machines_are_not_listed_again_while_none_has_changed(django_assert_num_queries: Any) -> None:
    ovens = {make_oven().pk for _ in range(3)}
    table = GatewayTable("central", Held())
    known = look(table, {})
    assert known.keys() == ovens
    with django_assert_num_queries(1):
        assert look(table, known) == known


def test_a_change_of_settings_is_seen() -> None:
    oven, other = make_oven(), make_oven()
    table = GatewayTable("central", Held())
    known = look(table, {})
    Equipment.objects.filter(pk=oven.pk).update(config_version=F("config_version") + 1)
    changed = look(table, known)
    assert changed[oven.pk] != known[oven.pk]
    assert changed[other.pk] == known[other.pk]


def test_an_exchange_is_seen_that_leaves_number_and_sum_the_same() -> None:
    ovens = [make_oven(iot_enabled=place in (1, 2)) for place in range(4)]
    table = GatewayTable("central", Held())
    known = look(table, {})
    assert known.keys() == {ovens[1].pk, ovens[2].pk}
    for place, oven in enumerate(ovens):
        Equipment.objects.filter(pk=oven.pk).update(iot_enabled=place in (0, 3))
    assert look(table, known).keys() == {ovens[0].pk, ovens[3].pk}


def test_a_line_that_is_missing_is_wanted_again() -> None:
    oven, other = make_oven(), make_oven()
    table = GatewayTable("central", Held())
    known = look(table, {})
    assert look(table, {oven.pk: known[oven.pk]}).keys() == {oven.pk, other.pk}
