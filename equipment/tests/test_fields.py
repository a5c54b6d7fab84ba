import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from equipment.fields import EncryptedJSONField, decrypt_json, encrypt_json
from equipment.models import Equipment
from equipment.tests.factories import make_equipment

SECRET = "gugelhupf-4711"


@pytest.mark.django_db
def test_credentials_are_unreadable_in_the_database_and_come_back_whole() -> None:
    oven = make_equipment(iot_credentials={"token": SECRET})
    with connection.cursor() as cursor:
        cursor.execute("SELECT iot_credentials FROM equipment WHERE id = %s", [oven.pk])
        stored = bytes(cursor.fetchone()[0])
    assert SECRET.encode() not in stored
    assert Equipment.objects.get(pk=oven.pk).iot_credentials == {"token": SECRET}


@pytest.mark.django_db
def test_a_dump_of_the_data_does_not_hold_them(capsys: pytest.CaptureFixture[str]) -> None:
    make_equipment(iot_credentials={"token": SECRET})
    call_command("dumpdata", "equipment")
    assert SECRET not in capsys.readouterr().out


def test_a_new_key_in_front_encrypts_and_the_old_one_still_decrypts() -> None:
    with override_settings(FERNET_KEYS=["old"]):
        sealed = encrypt_json({"token": SECRET})
    with override_settings(FERNET_KEYS=["new", "old"]):
        assert decrypt_json(sealed) == {"token": SECRET}
        sealed_anew = encrypt_json({"token": SECRET})
    with override_settings(FERNET_KEYS=["new"]):
        assert decrypt_json(sealed_anew) == {"token": SECRET}


def test_the_column_keeps_nothing_as_nothing() -> None:
    field = EncryptedJSONField()
    assert field.get_prep_value(None) is None
    assert field.to_python({"a": 1}) == {"a": 1}
    assert field.to_python('{"a": 1}') == {"a": 1}
