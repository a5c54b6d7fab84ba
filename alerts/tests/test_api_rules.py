"""Setting rules over HTTP."""

import pytest

from equipment.tests.clients import integrator
from equipment.tests.factories import make_bakery, make_equipment, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/alert-rules"


def test_a_manager_sets_changes_and_removes_rules_of_own_machines() -> None:
    user, oven = make_user("manager"), make_equipment()
    oven.bakery.members.add(user)
    client = integrator(user)
    posted = {"equipment_id": str(oven.uuid), "alert_type": "door_open", "on_delay_seconds": 60}
    made = client.post(URL, posted, format="json")
    assert made.status_code == 201, made.json()
    assert client.post(URL, posted, format="json").json()["detail"].startswith("There is already a rule")
    one = f"{URL}/{made.json()['id']}"
    assert client.patch(one, {"on_delay_seconds": 90}, format="json").json()["on_delay_seconds"] == 90
    effective = client.get(f"/api/v1/equipment/{oven.uuid}/alert-rules").json()
    assert [rule["on_delay"] for rule in effective if rule["cause"] == "door_open"] == [90.0]
    assert client.delete(one).status_code == 204
    assert client.get(URL).json() == []


def test_what_is_wrong_is_said_and_other_peoples_machines_do_not_exist() -> None:
    user, stranger_oven = make_user("manager"), make_equipment()
    bakery = make_bakery(user)
    client = integrator(user)
    foreign = {"equipment_id": str(stranger_oven.uuid), "alert_type": "door_open"}
    assert "equipment_id" in client.post(URL, foreign, format="json").json()["fields"]
    nowhere = client.post(URL, {"alert_type": "door_open"}, format="json").json()
    assert nowhere["detail"] == "Name either a bakery or a machine. A machine knows its bakery."
    no_metric = client.post(URL, {"alert_type": "limit", "bakery": bakery.slug}, format="json").json()
    assert "metric" in no_metric["fields"]
    unknown = client.post(URL, {"alert_type": "door_open", "bakery": bakery.slug, "uper": 1}, format="json").json()
    assert unknown["fields"] == {"uper": "There is no field of this name. Do you mean upper?"}
