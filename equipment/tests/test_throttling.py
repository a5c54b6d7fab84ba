"""Making our server dial is rationed by person, by whichever door."""

import pytest
from django.core.cache import cache

from equipment.tests.browsers import page, signed_in
from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db


def test_the_admins_button_and_the_api_share_thirty_tests_a_minute() -> None:
    cache.clear()
    manager, colleague = make_user("manager"), make_user("manager")
    oven = make_equipment(make_bakery(manager, colleague))
    button, where = page("equipment_test_connection", oven.pk), f"/api/v1/equipment/{oven.uuid}/test-connection"
    browser = signed_in(manager)
    for _ in range(30):
        assert browser.post(button, {}).status_code == 400  # no protocol is chosen
    for answer in (browser.post(button, {}), integrator(manager).post(where, {}, format="json")):
        assert answer.status_code == 429
        assert 1 <= int(answer["Retry-After"]) <= 60
        told = answer.json()
        assert f"Try again in {answer['Retry-After']} s." in told.get("message", told.get("detail"))
    assert signed_in(colleague).post(button, {}).status_code == 400
