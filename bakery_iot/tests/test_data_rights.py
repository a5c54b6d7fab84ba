"""Everything of a bakery given away, and everything deleted: whole, of no other bakery, and by whom it may."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from celery.contrib.testing.worker import start_worker
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert, AlertRule
from bakery_iot.celery import app
from bakery_iot.data_rights import jobs
from bakery_iot.data_rights.erase import erase_bakery
from bakery_iot.data_rights.export import write_export
from bakery_iot.data_rights.tables import APART, Table, list_tables
from bakery_iot.tests.shop import load, measure
from conftest import wait_for
from connectors import Reading
from equipment.models import Bakery, Batch, DataJob, DataJobKind, DataPart, Equipment
from equipment.services import archive_equipment, configure_equipment_iot
from equipment.tests.browsers import signed_in
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.models import LatestReading, SensorReading
from telemetry.services import EquipmentReading, store_sensor_readings

SECRET = "gugelhupf-4711"
SETTINGS = {
    "protocol": "rest_api",
    "endpoint": "http://oven.example:8080",
    "credentials": {"token": SECRET},
    "additional_config": {"data_endpoint": "/data"},
}
JOBS = reverse("admin:equipment_datajob_changelist")


def fill(name: str, manager: User) -> Bakery:
    """A bakery with a machine in use and an archived one, readings in three weeks, and a row in most tables."""
    bakery = make_bakery(manager, name=name, slug=name.lower())
    oven = configure_equipment_iot(make_equipment(bakery, name=f"Oven of {name}"), SETTINGS)
    old = make_equipment(bakery, name=f"Old oven of {name}")
    now = datetime.now(UTC)
    times = {days: now - timedelta(days=days) for days in (0, 1, 8, 400)}
    readings = [
        EquipmentReading(
            equipment_id=oven.pk, reading=Reading(reading_time=at, temperature=200.0 + days), received_at=now
        )
        for days, at in times.items()
    ]
    store_sensor_readings(readings)
    measure(old, temperature=111.0, additional_sensors={"note": "=1+1"})
    archive_equipment(old)
    load(oven, "=Pan")
    where: dict[str, Any] = {"bakery": bakery, "equipment": oven, "alert_type": "door_open"}
    Alert.objects.create(**where, cause="door_open", severity="warning", message="Open")
    AlertRule.objects.create(equipment=oven, alert_type="door_open")
    AlertRule.objects.create(bakery=bakery, alert_type="silence")
    return bakery


@pytest.fixture
def manager() -> User:
    return make_user("manager", username="manager")


@pytest.fixture
def shops(manager: User) -> tuple[Bakery, Bakery]:
    return fill("Sol", manager), fill("Luna", make_user("manager", username="neighbour"))


def opened(content: bytes) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    return found


def lines(zipped: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in zipped.read(name).splitlines()]


def nothing(done: int, steps: int, doing: str) -> None: ...


@pytest.mark.django_db
class TestExport:
    def export(self, bakery: Bakery) -> zipfile.ZipFile:
        file = io.BytesIO()
        write_export(bakery, file, nothing)
        return opened(file.getvalue())

    def test_it_holds_everything_of_the_bakery_and_nothing_of_another(self, shops: tuple[Bakery, Bakery]) -> None:
        zipped = self.export(shops[0])
        text = "".join(zipped.read(name).decode() for name in zipped.namelist())
        assert "Luna" not in text and "neighbour" not in text and SECRET not in text
        assert "tables/equipment_iot_alerts.ndjson" in zipped.namelist()
        assert {row["name"] for row in lines(zipped, "tables/equipment.ndjson")} == {"Oven of Sol", "Old oven of Sol"}
        assert len(lines(zipped, "tables/alerts_alertrule.ndjson")) == 2
        assert [row["username"] for row in lines(zipped, "people.ndjson")] == ["manager"]
        assert any(row["name"] == "Sol" for row in lines(zipped, "audit.ndjson"))
        assert "Sol" in zipped.read("README.txt").decode()

    def test_readings_are_a_table_that_a_spreadsheet_opens(
        self, shops: tuple[Bakery, Bakery], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bakery_iot.data_rights.export.READINGS_AT_ONCE", 2)
        zipped = self.export(shops[0])
        (name,) = [name for name in zipped.namelist() if name.startswith("readings/oven-of-sol")]
        rows = list(csv.DictReader(io.StringIO(zipped.read(name).decode())))
        assert [row["temperature"] for row in rows] == ["600.0", "208.0", "201.0", "200.0"]
        (old,) = [name for name in zipped.namelist() if name.startswith("readings/old-oven")]
        (row,) = csv.DictReader(io.StringIO(zipped.read(old).decode()))
        assert (row["operational_status"], row["door_status"]) == ("idle", "closed")

    def test_no_table_of_a_bakery_is_forgotten(self) -> None:
        found = {table.model for table in list_tables()}
        assert {Bakery, Equipment, Batch, Alert, AlertRule, LatestReading} <= found
        assert not found & set(APART)

    def test_the_command_shows_how_far_it_is(self, shops: tuple[Bakery, Bakery], tmp_path: Path, capsys: Any) -> None:
        path = tmp_path / "sol.zip"
        call_command("export_bakery", "sol", to=path)
        told = capsys.readouterr().out
        assert "100 %  Done" in told and "Readings of Oven of Sol" in told
        assert "README.txt" in opened(path.read_bytes()).namelist()
        with pytest.raises(CommandError, match="exists already"):
            call_command("export_bakery", "sol", to=path)
        with pytest.raises(CommandError, match="There are: luna, sol"):
            call_command("export_bakery", "mars")


@pytest.mark.django_db(transaction=True)
class TestErase:
    def test_everything_is_gone_and_the_neighbour_untouched(self, shops: tuple[Bakery, Bakery], manager: User) -> None:
        sol, luna = shops
        tables = [table for table in list_tables() if table.rows(sol.pk).exists()]
        assert len(tables) >= 8
        before = {table.name: table.rows(luna.pk).count() for table in tables}
        machines = list(sol.equipment.values_list("pk", flat=True))
        key = sol.pk
        said = erase_bakery(sol, manager, nothing)
        assert said.startswith("Deleted: 2 machines, 5 readings and ")
        for table in tables:
            assert not table.rows(key).exists(), table.name
            assert table.rows(luna.pk).count() == before[table.name]
        assert not SensorReading.objects.filter(equipment__in=machines).exists()
        assert SensorReading.objects.filter(equipment__bakery=luna).count() == 5
        (entry,) = LogEntry.objects.filter(content_type__model="bakery", action=LogEntry.Action.DELETE)
        assert (entry.object_repr, entry.actor) == ("Sol", manager)
        assert LogEntry.objects.filter(object_repr="Oven of Sol").exists()

    def test_tables_with_a_key_of_two_columns_are_deleted_too(self, shops: tuple[Bakery, Bakery]) -> None:
        assert Table(SensorReading, ("equipment__bakery",)).rows(shops[0].pk)._raw_delete("default") == 5
        assert SensorReading.objects.count() == 5

    def test_the_command_wants_the_name_twice(self, shops: tuple[Bakery, Bakery], capsys: Any) -> None:
        for confirm in ("", "luna", "Sol"):
            with pytest.raises(CommandError, match="cannot be brought back"):
                call_command("delete_bakery", "sol", confirm=confirm)
        assert Bakery.objects.count() == 2
        call_command("delete_bakery", "sol", confirm="sol")
        assert "Deleted: 2 machines" in capsys.readouterr().out
        assert [bakery.name for bakery in Bakery.objects.all()] == ["Luna"]
        assert DataJob.objects.get().bakery_name == "Sol"


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    with start_worker(app, queues=["celery"], pool="threads", concurrency=1, perform_ping_check=False):
        yield


@pytest.mark.django_db(transaction=True)
class TestAdmin:
    def ask(self, user: User, action: str, bakery: Bakery) -> Any:
        rows = {"action": action, "_selected_action": [bakery.pk]}
        return signed_in(user).post(reverse("admin:equipment_bakery_changelist"), rows)

    def test_an_export_is_made_by_the_worker_and_fetched(
        self, worker: None, shops: tuple[Bakery, Bakery], manager: User
    ) -> None:
        assert self.ask(manager, "export", shops[0])["Location"] == JOBS
        job = DataJob.objects.get()
        wait_for(lambda: DataJob.objects.exclude(finished_at=None).exists(), "the export")
        where = reverse("admin:equipment_datajob_download", args=[job.uuid])
        page = signed_in(manager).get(JOBS)
        assert where in page.content.decode() and "Refresh" not in page
        answer = signed_in(manager).get(where)
        assert answer["Content-Disposition"] == 'attachment; filename="sol.zip"'
        assert "README.txt" in opened(b"".join(answer)).namelist()
        neighbour = signed_in(User.objects.get(username="neighbour"))
        assert neighbour.get(where).status_code == 404
        assert "Sol" not in neighbour.get(JOBS).content.decode()
        DataJob.objects.update(finished_at=timezone.now() - timedelta(days=8))
        jobs.drop_old_exports()
        assert signed_in(manager).get(where).status_code == 404

    def test_deleting_asks_for_the_name_and_leaves_a_record(
        self, worker: None, shops: tuple[Bakery, Bakery], manager: User
    ) -> None:
        second = make_bakery(manager, name="Mar")
        where = self.ask(manager, "erase", shops[0])["Location"]
        browser = signed_in(manager)
        assert "2 machines, archived ones included" in browser.get(where).content.decode()
        assert "type its short name: sol" in browser.post(where, {"slug": "Sol"}).content.decode()
        assert not DataJob.objects.exists()
        assert browser.post(where, {"slug": "sol"})["Location"] == JOBS
        wait_for(lambda: DataJob.objects.exclude(finished_at=None).exists(), "the deletion")
        assert {bakery.name for bakery in Bakery.objects.all()} == {"Luna", second.name}
        assert "Deleted: 2 machines" in browser.get(JOBS).content.decode()

    def test_others_may_neither(self, shops: tuple[Bakery, Bakery]) -> None:
        staff, neighbour = make_user("staff", is_staff=True), User.objects.get(username="neighbour")
        shops[0].members.add(staff)
        for user in (staff, neighbour):
            for action in ("export", "erase"):
                self.ask(user, action, shops[0])
        where = reverse("admin:equipment_bakery_erase", args=[shops[0].pk])
        assert signed_in(neighbour).post(where, {"slug": "sol"}).status_code == 404
        assert signed_in(staff).post(where, {"slug": "sol"}).status_code == 403
        assert not DataJob.objects.exists()


@pytest.mark.django_db
class TestQueue:
    def make(self, bakery: Bakery, **values: Any) -> DataJob:
        return DataJob.objects.create(kind=DataJobKind.EXPORT, bakery=bakery, bakery_name=bakery.name, **values)

    def test_what_a_dead_worker_held_is_done_by_the_next(self, manager: User) -> None:
        bakery = make_bakery(manager)
        held = self.make(bakery, progressed_at=timezone.now(), tries=1)
        held.parts.create(number=0, content=b"half a file")
        assert jobs.run_jobs() == 0
        DataJob.objects.update(progressed_at=timezone.now() - jobs.GIVEN_UP_AFTER)
        assert jobs.run_jobs() == 1
        held.refresh_from_db()
        assert held.percent == 100
        assert "README.txt" in opened(b"".join(jobs.read_export(held))).namelist()

    def test_what_fails_is_tried_three_times_and_then_says_so(self, manager: User) -> None:
        job = self.make(make_bakery(manager), tries=jobs.MOST_TRIES)
        assert jobs.run_jobs() == 0
        job.refresh_from_db()
        assert "three times" in job.error_message and job.finished_at

    def test_a_large_file_lies_in_many_parts(self, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs, "PART_BYTES", 100)
        job = self.make(make_bakery(manager))
        jobs.run_jobs()
        assert DataPart.objects.filter(job=job).count() > 3
        assert "README.txt" in opened(b"".join(jobs.read_export(job))).namelist()
