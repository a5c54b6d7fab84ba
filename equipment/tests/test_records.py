"""Records from the simulated cloud into the database: once, again, late, broken, repaired."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from conftest import BackgroundLoop, wait_for
from connectors import PROTOCOLS, ResponseError
from connectors.records import HaccpBatch, RecordsFound
from connectors.simulators.rational import serial_number_of
from connectors.simulators.rational_records import ConnectedCookingRecords
from connectors.simulators.served import make_ovens
from equipment.models import Bakery, ConnectionLog, CookingProgramme, Equipment, HaccpRecord, RecordImport
from equipment.records import AT_ONCE, claim_due_imports, import_records, store_records
from equipment.services import archive_equipment
from equipment.tasks import import_machine_records, start_due_imports
from equipment.tests.browsers import page, signed_in
from equipment.tests.clients import gateway_worker, integrator
from equipment.tests.factories import make_bakery, make_equipment, make_gateway, make_user

pytestmark = pytest.mark.django_db
SERIAL = serial_number_of("sol-3")
NOW = datetime.now(UTC)


@pytest.fixture
def cloud(background: BackgroundLoop) -> Iterator[ConnectedCookingRecords]:
    ovens = {key: oven for key, oven in make_ovens().items() if key == "sol-3"}
    cloud = ConnectedCookingRecords(ovens, days=1)
    background.run(cloud.start())
    yield cloud
    background.run(cloud.stop())


@pytest.fixture
def manager() -> User:
    return make_user("manager")


@pytest.fixture
def bakery(manager: User) -> Bakery:
    return make_bakery(manager)


@pytest.fixture
def oven(bakery: Bakery, cloud: ConnectedCookingRecords) -> Equipment:
    return make_unit(bakery, cloud)


def make_unit(bakery: Bakery, cloud: ConnectedCookingRecords, **values: Any) -> Equipment:
    defaults = {
        "serial_number": SERIAL,
        "iot_enabled": True,
        "iot_protocol": "rational",
        "iot_endpoint": "opc.tcp://127.0.0.1:1/x",
        "iot_credentials": {"username": "u", "password": "p", **cloud.credentials},
        "iot_config": {"unit_id": "1", "timeout": 5, "haccp": cloud.options()},
        "iot_connection_status": "connected",
    }
    return make_equipment(bakery, **{**defaults, **values})


def finished(cloud: ConnectedCookingRecords) -> list[dict[str, Any]]:
    return [item for item in cloud.batches if item["finished"]]


class TestImport:
    def test_everything_the_first_time_and_nothing_twice(self, oven: Equipment, cloud: ConnectedCookingRecords) -> None:
        first = import_records(oven)
        assert (first.new, first.changed, first.error) == (len(finished(cloud)), 0, None)
        assert first.new > 5
        assert first.programmes == len(cloud.programmes) == CookingProgramme.objects.count()
        second = import_records(oven)
        assert (second.new, second.changed, second.error) == (0, 0, None)
        assert HaccpRecord.objects.count() == first.new

    def test_a_row_holds_what_the_device_said(self, oven: Equipment, cloud: ConnectedCookingRecords) -> None:
        import_records(oven)
        item = finished(cloud)[0]
        row = HaccpRecord.objects.get(external_id=item["haccpId"])
        assert (row.equipment, row.serial_number, row.name) == (oven, SERIAL, item["name"])
        assert (row.group_name, row.device_name) == (item["groupName"], item["deviceName"])
        assert (row.total_seconds, row.finished, row.core_temperature_reached) == (item["totalTime"], True, True)
        assert row.started_at == datetime.fromisoformat(item["startDate"])
        assert row.source_updated_at == datetime.fromisoformat(item["updatedAt"])
        assert row.temperature_unit == "C"
        assert row.software_versions == {"applicationVersion": "LM100-11.2.3", "expertScriptVersion": "7.4"}
        assert row.document == {key: value for key, value in item.items() if key != "entries"}

    def test_a_change_overwrites_and_keeps_when_it_was_first_seen(
        self, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven, now=NOW - timedelta(minutes=5))
        item = finished(cloud)[0]
        before = HaccpRecord.objects.get(external_id=item["haccpId"])
        item |= {"coreTemperatureReached": False, "updatedAt": NOW.isoformat()}
        result = import_records(oven, now=NOW)
        assert (result.new, result.changed) == (0, 1)
        after = HaccpRecord.objects.get(external_id=item["haccpId"])
        assert after.pk == before.pk
        assert after.core_temperature_reached is False
        assert (after.first_seen_at, after.updated_at) == (before.first_seen_at, NOW)
        assert HaccpRecord.objects.exclude(pk=after.pk).filter(updated_at=NOW).count() == 0

    def test_the_second_time_only_the_last_days_are_asked_for(
        self, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven, now=NOW)
        import_records(oven, now=NOW)
        first, second = [r.query["from"] for r in cloud.requests if "haccp-service" in r.path]
        assert first == f"{NOW - timedelta(days=30):%Y-%m-%d}"
        assert second == f"{NOW - timedelta(days=1):%Y-%m-%d}"

    def test_what_the_cloud_forgets_stays_and_a_programme_that_is_deleted_goes(
        self, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven)
        count = HaccpRecord.objects.count()
        cloud.batches.clear()
        gone = cloud.programmes.pop()
        cloud.programmes[0]["status"] = "review"
        import_records(oven)
        assert HaccpRecord.objects.count() == count
        assert not CookingProgramme.objects.filter(external_id=gone["id"]).exists()
        assert CookingProgramme.objects.get(external_id=cloud.programmes[0]["id"]).status == "review"

    def test_a_machine_that_was_entered_anew_takes_its_records_over(
        self, oven: Equipment, bakery: Bakery, cloud: ConnectedCookingRecords
    ) -> None:
        count = import_records(oven).new
        archive_equipment(oven)
        anew = make_unit(bakery, cloud)
        result = import_records(anew)
        assert (result.new, result.changed) == (0, count)
        assert anew.haccp_records.count() == count == HaccpRecord.objects.count()

    def test_a_batch_is_kept_once_in_a_bakery_and_once_more_in_another(
        self, oven: Equipment, bakery: Bakery, cloud: ConnectedCookingRecords
    ) -> None:
        count = import_records(oven).new
        twin, elsewhere = make_unit(bakery, cloud), make_unit(make_bakery(), cloud)
        assert import_records(twin).new == 0
        assert import_records(elsewhere).new == count
        assert oven.haccp_records.count() == elsewhere.haccp_records.count() == count

    def test_a_batch_without_a_serial_number_gets_the_machines(self, oven: Equipment) -> None:
        batch = HaccpBatch(batch_id="7", document={"n": 1})
        assert store_records(oven, RecordsFound(batches=(batch, batch)), NOW).new == 1
        assert store_records(oven, RecordsFound(batches=(batch,)), NOW).changed == 0
        assert HaccpRecord.objects.get().serial_number == SERIAL


class TestTrouble:
    def test_a_failure_is_a_sentence_and_the_status_stays_and_then_it_works_again(
        self, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        cloud.fault = 500
        for _ in range(3):
            result = import_records(oven)
            assert result.error is not None
            assert not result.came
        oven.refresh_from_db()
        assert (oven.iot_connection_status, oven.iot_connection_error) == ("connected", "")
        state = RecordImport.objects.get(equipment=oven)
        assert "fault of its own" in state.error_message
        assert state.error_code == "server"
        assert state.seen_until is None
        assert [event.error_code for event in ConnectionLog.objects.all()] == ["server"], "once, not each time"
        cloud.fault = None
        assert import_records(oven).error is None
        state.refresh_from_db()
        assert (state.error_message, state.error_code) == ("", "")
        newest = ConnectionLog.objects.first()
        assert newest
        assert (newest.event_type, newest.error_message) == ("records", "")

    def test_a_wrong_secret_names_no_secret_and_waits_until_tomorrow(
        self, bakery: Bakery, cloud: ConnectedCookingRecords
    ) -> None:
        wrong = {"username": "u", "password": "p", "client_id": cloud.client_id, "client_secret": "gugelhupf"}
        oven = make_unit(bakery, cloud, iot_credentials=wrong)
        error = import_records(oven, now=NOW).error
        assert error is not None
        assert error.code == "auth"
        state = RecordImport.objects.get()
        assert "gugelhupf" not in state.error_message
        assert state.due_at.hour == 2
        assert state.due_at > NOW

    def test_one_that_may_help_is_tried_again_in_an_hour(self, oven: Equipment, cloud: ConnectedCookingRecords) -> None:
        cloud.fault = 429
        import_records(oven, now=NOW)
        assert RecordImport.objects.get().due_at == NOW + timedelta(hours=1)

    def test_programmes_that_do_not_come_leave_the_batches_and_the_old_programmes(
        self, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven)
        oven.iot_config["haccp"]["programmes_path"] = "/api/public/nothing"
        item = finished(cloud)[0]
        item["coreTemperatureReached"] = False
        result = import_records(oven)
        assert (result.changed, result.programmes) == (1, None)
        assert result.error is not None
        assert result.came
        assert CookingProgramme.objects.count() == len(cloud.programmes)
        state = RecordImport.objects.get()
        assert state.error_code == "not_found"
        assert state.succeeded_at == state.tried_at
        assert state.due_at.hour == 2

    def test_more_than_can_be_fetched_is_stored_and_asked_for_again(self, oven: Equipment) -> None:
        found = RecordsFound(batches=(HaccpBatch(batch_id="1"),), trouble=ResponseError("more", code="too_large"))
        assert store_records(oven, found, NOW).new == 1

    def test_without_an_api_client_it_says_what_to_enter(self, bakery: Bakery) -> None:
        oven = make_equipment(bakery, iot_protocol="rest_api", iot_endpoint="http://h")
        error = import_records(oven).error
        assert error is not None
        assert "client_id" in str(error)


class TestWhen:
    def test_each_machine_once_a_day(self, oven: Equipment, cloud: ConnectedCookingRecords) -> None:
        assert list(claim_due_imports(now=NOW)) == [oven]
        assert list(claim_due_imports(now=NOW)) == []
        import_records(oven, now=NOW)
        due = RecordImport.objects.get().due_at
        assert NOW < due <= NOW + timedelta(days=1)
        assert list(claim_due_imports(now=due - timedelta(seconds=1))) == []
        assert list(claim_due_imports(now=due)) == [oven]

    def test_one_that_no_gateway_took_up_is_due_again(self, oven: Equipment) -> None:
        list(claim_due_imports(now=NOW))
        assert list(claim_due_imports(now=NOW + timedelta(hours=1))) == [oven]

    def test_a_few_of_a_gateway_at_once(self, bakery: Bakery, cloud: ConnectedCookingRecords) -> None:
        ovens = [make_unit(bakery, cloud) for _ in range(AT_ONCE + 1)]
        other = make_unit(make_bakery(gateway="elsewhere"), cloud)
        assert set(claim_due_imports(now=NOW)) == {*ovens[:AT_ONCE], other}
        assert set(claim_due_imports(now=NOW)) == {ovens[-1]}

    @pytest.mark.parametrize(
        "values",
        [
            {"iot_enabled": False},
            {"archived_at": NOW},
            {"iot_protocol": "rest_api", "iot_endpoint": "http://h", "iot_config": {}, "iot_credentials": {}},
            {"iot_credentials": {"username": "u", "password": "p"}, "iot_config": {"unit_id": "1"}},
            {"iot_config": {"nonsense": True}},
            {"iot_protocol": ""},
        ],
    )
    def test_machines_that_have_none(
        self, bakery: Bakery, cloud: ConnectedCookingRecords, values: dict[str, Any]
    ) -> None:
        make_unit(bakery, cloud, **values)
        assert list(claim_due_imports()) == []
        assert not RecordImport.objects.exists()

    def test_the_guides_other_name_counts_too(self, bakery: Bakery, cloud: ConnectedCookingRecords) -> None:
        oven = make_unit(bakery, cloud, iot_protocol="rational_connected_cooking")
        assert list(claim_due_imports()) == [oven]
        assert "rational_connected_cooking" not in PROTOCOLS


class TestTasks:
    @pytest.mark.django_db(transaction=True)
    def test_the_gateways_worker_fetches_what_is_due(self, cloud: ConnectedCookingRecords) -> None:
        oven = make_unit(make_bakery(gateway="shop"), cloud)
        start_due_imports()
        with gateway_worker("shop"):
            wait_for(lambda: RecordImport.objects.filter(succeeded_at__isnull=False).first(), "the records")
        assert oven.haccp_records.count() == len(finished(cloud))

    def test_an_archived_machine_is_left_alone(self, oven: Equipment) -> None:
        archive_equipment(oven)
        import_machine_records(oven.pk)
        import_machine_records(0)
        assert not RecordImport.objects.exists()


class TestReading:
    def test_the_api_gives_pages_newest_first(
        self, oven: Equipment, manager: User, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven)
        client = integrator(manager)
        where = f"/api/v1/equipment/{oven.uuid}/haccp-records"
        answer = client.get(f"{where}?page_size=3").json()
        assert answer["count"] == len(finished(cloud))
        assert "page=2" in answer["next"]
        starts = [row["started_at"] for row in answer["results"]]
        assert len(starts) == 3
        assert starts == sorted(starts, reverse=True)
        row = answer["results"][0]
        assert row["document"]["haccpId"] == row["batch_id"]
        assert client.get(f"{where}?page=2&page_size=3").json()["results"][0]["batch_id"] != row["batch_id"]
        for query in ("?page_size=0", "?pages=2", "?page_size=501"):
            assert client.get(where + query).status_code == 400
        programmes = client.get(f"/api/v1/equipment/{oven.uuid}/cooking-programmes/").json()
        assert [item["name"] for item in programmes["results"]] == sorted(item["name"] for item in cloud.programmes)

    def test_strangers_find_nothing(self, oven: Equipment) -> None:
        outsider = make_user("manager")
        make_bakery(outsider)
        for what in ("haccp-records", "cooking-programmes"):
            assert integrator(outsider).get(f"/api/v1/equipment/{oven.uuid}/{what}").status_code == 404

    def test_the_page_shows_the_last_batches_and_what_is_wrong(
        self, oven: Equipment, manager: User, cloud: ConnectedCookingRecords
    ) -> None:
        browser = signed_in(manager)
        assert "HACCP" not in browser.get(oven.get_absolute_url()).content.decode().partition("<script")[0]
        cloud.batches = finished(cloud)[:3]
        cloud.batches[0]["coreTemperatureReached"] = False
        import_records(oven)
        text = browser.get(oven.get_absolute_url()).content.decode()
        assert "not reached" in text
        assert all(f"<td>{item['haccpId']}</td>" in text for item in cloud.batches)
        assert "HACCP records fetched" in text
        cloud.fault = 500
        import_records(oven)
        text = browser.get(oven.get_absolute_url()).content.decode()
        assert "fault of its own" in text
        assert "HACCP records not fetched" in text


class TestAdmin:
    @pytest.fixture
    def browser(self, manager: User) -> Client:
        return signed_in(manager)

    def fetch(self, browser: Client, *ovens: Equipment) -> str:
        data = {"action": "fetch_records", "_selected_action": [oven.pk for oven in ovens]}
        return str(browser.post(page("equipment_changelist"), data, follow=True).content.decode())

    @pytest.mark.django_db(transaction=True)
    def test_the_action_has_the_gateway_fetch_them_now(self, oven: Equipment, cloud: ConnectedCookingRecords) -> None:
        root = make_user(is_superuser=True, is_staff=True)  # such a test begins without the groups' permissions
        text = self.fetch(signed_in(root), oven)
        assert f"The records of {oven.name} are being fetched" in text
        with gateway_worker():
            wait_for(lambda: RecordImport.objects.filter(succeeded_at__isnull=False).first(), "the records")
        assert oven.haccp_records.exists()

    def test_machines_without_records_are_told_so(self, browser: Client, bakery: Bakery) -> None:
        assert "None of these machines has records" in self.fetch(browser, make_equipment(bakery))

    def test_it_needs_the_permission_to_make_us_dial(
        self, browser: Client, manager: User, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        group = manager.groups.get()
        group.permissions.remove(group.permissions.get(codename="configure_iot"))
        assert "being fetched" not in self.fetch(browser, oven)
        assert not cloud.requests

    def test_the_lists_are_there_to_look_at(
        self, browser: Client, oven: Equipment, cloud: ConnectedCookingRecords
    ) -> None:
        import_records(oven)
        row, programme = HaccpRecord.objects.all()[0], CookingProgramme.objects.all()[0]
        for kind, found in (("haccprecord", row), ("cookingprogramme", programme)):
            assert found.name in browser.get(page(f"{kind}_changelist")).content.decode()
            assert found.external_id in browser.get(page(f"{kind}_change", found.pk)).content.decode()
            assert browser.get(page(f"{kind}_add")).status_code == 403
            assert browser.post(page(f"{kind}_delete", found.pk), {"post": "yes"}).status_code == 403

    def test_staff_may_look_at_them_through_their_group(self) -> None:
        for name in ("manager", "staff"):
            codes = set(make_user(name).get_all_permissions())
            assert {"equipment.view_haccprecord", "equipment.view_cookingprogramme"} <= codes


def test_a_moment_of_the_state_is_not_the_machines(bakery: Bakery, cloud: ConnectedCookingRecords) -> None:
    """A machine that moves to another gateway is fetched from there."""
    oven = make_unit(bakery, cloud)
    bakery.gateway = make_gateway("elsewhere")
    bakery.save()
    (claimed,) = claim_due_imports(now=timezone.now())
    assert claimed == oven
    assert claimed.bakery.gateway.queue == "poll.elsewhere"
