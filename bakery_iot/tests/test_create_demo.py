"""The demo's rows: complete, idempotent, quick, and true to the simulated ovens."""

import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.db import connection
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from pytest_django import Settings

from bakery_iot import demo_settings
from bakery_iot.tests.demo_files import Maker, demo_maker, installation
from conftest import BackgroundLoop
from connectors import PROTOCOLS, AddressPolicy, create_connector
from connectors.simulators.fleet import FLEET
from connectors.simulators.site import SimulatedSite
from equipment.inventory import save_equipment
from equipment.models import Bakery, ConnectionLog, Equipment
from equipment.services import archive_equipment, set_iot_enabled
from telemetry.models import SensorReading

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_demo(tmp_path: Path, settings: Settings) -> Maker:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return demo_maker(tmp_path)


def test_it_makes_bakeries_ovens_and_users_in_ten_seconds_of_work(make_demo: Maker) -> None:
    begun = time.process_time()
    demo = make_demo(url="http://127.0.0.1:8123", hours=24)
    assert time.process_time() - begun < 10
    assert demo["url"] == "http://127.0.0.1:8123"
    zones = [str(zone) for zone in Bakery.objects.order_by("slug").values_list("time_zone", flat=True)]
    assert zones == ["Europe/Madrid", "Europe/Madrid", "Atlantic/Canary"]
    assert {bakery.gateway.slug for bakery in Bakery.objects.all()} == {"central"}
    machines = Equipment.objects.all()
    assert len(machines) == 12
    for machine in machines:
        assert machine.iot_enabled
        assert 2 <= machine.poll_interval_seconds <= 5
        assert "127.0.0.1" in machine.iot_endpoint
        assert machine.supports_humidity == (machine.iot_protocol != "wachtel")
        assert machine.supports_energy_monitoring == (machine.iot_protocol != "rational")
        assert not machine.supports_remote_control
    assert {machine.iot_protocol for machine in machines} == set(PROTOCOLS)


def test_the_file_is_private_and_its_sign_ins_work(make_demo: Maker, tmp_path: Path) -> None:
    users = make_demo()["users"]
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert list(users) == ["manager", "staff", "stranger", "admin"]
    for role, sign_in in users.items():
        assert set(sign_in) == {"username", "password", "api_token"}
        user = User.objects.get(username=sign_in["username"])
        assert user.check_password(sign_in["password"]), role
        owner, _ = TokenAuthentication().authenticate_credentials(sign_in["api_token"].encode())
        assert owner == user
    assert len({sign_in["password"] for sign_in in users.values()}) == 4
    assert min(len(sign_in["password"]) for sign_in in users.values()) >= 12


def test_everybody_may_do_what_their_role_says(make_demo: Maker) -> None:
    make_demo()
    manager, staff, stranger, admin = (
        User.objects.get(username=name) for name in ("manager", "staff", "stranger", "admin")
    )
    assert manager.has_perm("equipment.configure_iot") and not manager.is_superuser
    assert staff.has_perm("equipment.view_equipment") and not staff.has_perm("equipment.configure_iot")
    assert not stranger.get_all_permissions() and not stranger.is_staff
    assert admin.is_superuser and admin.is_staff
    for bakery in Bakery.objects.all():
        assert set(bakery.members.all()) == {manager, staff, admin}


def count_rows() -> list[int]:
    models = (Bakery, Equipment, User, AuthToken, SensorReading, ConnectionLog)
    return [model.objects.count() for model in models]


def test_a_second_run_changes_nothing_and_keeps_the_passwords(make_demo: Maker) -> None:
    first, rows = make_demo(hours=24), count_rows()
    versions = list(Equipment.objects.order_by("pk").values_list("config_version", flat=True))
    begun = time.process_time()
    assert make_demo(hours=24) == first
    assert time.process_time() - begun < 3
    assert count_rows() == rows
    assert list(Equipment.objects.order_by("pk").values_list("config_version", flat=True)) == versions


def test_a_second_run_keeps_what_people_have_changed(make_demo: Maker) -> None:
    make_demo()
    renamed, archived, switched_off = Equipment.objects.order_by("pk")[:3]
    renamed.name = "Der Neue"
    save_equipment(renamed)
    archive_equipment(archived)
    set_iot_enabled(switched_off, False)
    bakery = Bakery.objects.get(slug="panaderia-del-sol")
    Bakery.objects.filter(pk=bakery.pk).update(name="Sol y Sombra")
    make_demo()
    assert Equipment.objects.count() == 12
    renamed.refresh_from_db()
    archived.refresh_from_db()
    switched_off.refresh_from_db()
    bakery.refresh_from_db()
    assert (renamed.name, bakery.name) == ("Der Neue", "Sol y Sombra")
    assert archived.archived_at is not None
    assert not switched_off.iot_enabled


def test_ovens_that_have_moved_are_found_again(make_demo: Maker) -> None:
    make_demo(port=8800)
    make_demo(port=8999)
    over_http = Equipment.objects.filter(iot_protocol="rest_api")
    assert set(over_http.values_list("iot_endpoint", flat=True)) == {"http://127.0.0.1:8999"}
    assert Equipment.objects.filter(config_version__gt=1).count() == 12


@pytest.mark.parametrize("damage", [None, "", "{", "[]", '{"users": 7}', '{"users": {"manager": []}}'])
def test_a_lost_file_gets_new_passwords_that_work(make_demo: Maker, tmp_path: Path, damage: str | None) -> None:
    first = make_demo()
    path = tmp_path / "demo.json"
    path.unlink() if damage is None else path.write_text(damage)
    second = make_demo()
    for role, sign_in in second["users"].items():
        assert sign_in["password"] != first["users"][role]["password"]
        assert User.objects.get(username=sign_in["username"]).check_password(sign_in["password"])


def test_a_person_of_the_same_name_is_left_alone(make_demo: Maker, tmp_path: Path) -> None:
    owner = User.objects.create_superuser("admin", "boss@bakery.example", "their own password")
    with pytest.raises(CommandError, match="'admin' who was not made by the demo"):
        make_demo()
    owner.refresh_from_db()
    assert owner.check_password("their own password")
    assert not AuthToken.objects.filter(user=owner).exists()


def test_a_path_that_cannot_be_written_is_told_in_a_sentence(make_demo: Maker, tmp_path: Path) -> None:
    (tmp_path / "simulators.json").mkdir()
    with pytest.raises(CommandError, match="cannot be written"):
        make_demo()


def test_the_saved_settings_reach_the_simulated_ovens(
    make_demo: Maker, tmp_path: Path, background: BackgroundLoop
) -> None:
    make_demo()
    port = demo_settings.simulator_port(tmp_path / "simulators.port")
    site = SimulatedSite(installation=installation(tmp_path), port=port)
    background.run(site.start())
    try:
        make_demo(port=port)
        for machine in Equipment.objects.all():
            connector = create_connector(
                machine.iot_protocol,
                str(machine.uuid),
                machine.connector_config,
                policy=AddressPolicy(allow_loopback=True),
            )
            test = background.run(connector.test_connection())
            assert test.success, test.message
            assert test.reading and test.reading.data_points >= 9
    finally:
        background.run(site.stop())


def test_no_secret_of_the_ovens_lies_open_in_the_database(make_demo: Maker, tmp_path: Path) -> None:
    demo = make_demo(hours=1)
    tokens = [*installation(tmp_path).tokens.values()]
    tokens += [user[key] for user in demo["users"].values() for key in ("password", "api_token")]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT "{table}"::text FROM "{table}" LIMIT 20000')
            dump = "\n".join(row[0] for row in cursor.fetchall())
            assert not any(token in dump for token in tokens), table


def test_every_demo_oven_has_a_serial_number_of_its_own(make_demo: Maker) -> None:
    make_demo()
    found = set(Equipment.objects.values_list("serial_number", flat=True))
    assert found == {f"SIM-{spec.key.upper()}" for spec in FLEET}
    endpoints = Equipment.objects.values_list("iot_endpoint", flat=True)
    assert {urlsplit(endpoint).hostname or endpoint for endpoint in endpoints} == {"127.0.0.1"}  # Modbus has no scheme
