"""The installation's identity: one for all processes, and a key that nobody gets to see."""

import logging
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from cryptography import x509
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from equipment.identity import get_identity
from equipment.models import InstallationIdentity
from equipment.tests.browsers import page, signed_in
from equipment.tests.factories import make_bakery, make_user


@pytest.fixture
def browser() -> Client:
    return signed_in(member("manager"))


def member(*groups: str, **values: bool) -> User:
    user = make_user(*groups, **values)
    make_bakery(user)
    return user


def secret_lines() -> list[str]:
    return [line for line in get_identity().private_key_pem.splitlines() if line and "PRIVATE KEY" not in line]


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_at_once_are_one_installation() -> None:
    def ask(_: int) -> str:
        try:
            return get_identity().certificate_pem
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1
    assert InstallationIdentity.objects.count() == 1


@pytest.mark.django_db
class TestRow:
    def test_it_stays_the_same_and_each_gateway_has_its_own_name_at_brokers(self) -> None:
        first, again = get_identity(), get_identity().at_gateway("shop")
        assert (again.name, again.private_key_pem) == (first.name, first.private_key_pem)
        assert again.client_id == f"{first.client_id}-shop"
        assert x509.load_pem_x509_certificate(first.certificate_pem.encode()).version is x509.Version.v3

    def test_there_cannot_be_a_second_one(self) -> None:
        get_identity()
        with pytest.raises(IntegrityError), transaction.atomic():
            InstallationIdentity.objects.create(pk=2, name="b", certificate_pem="c", private_key="d")

    def test_the_key_is_unreadable_in_the_database_and_in_a_dump(self) -> None:
        lines = secret_lines()
        with connection.cursor() as cursor:
            cursor.execute("SELECT row::text, private_key FROM equipment_installationidentity AS row")
            text, sealed = cursor.fetchone()
        dumped = StringIO()
        call_command("dumpdata", stdout=dumped)
        assert get_identity().name in dumped.getvalue()
        assert not any(line in text + bytes(sealed).decode() + dumped.getvalue() for line in lines)


@pytest.mark.django_db
class TestAdmin:
    def test_the_certificate_is_shown_with_what_a_server_names_it_by(self, browser: Client) -> None:
        shown = browser.get(page("installationidentity_changelist"), follow=True).content.decode()
        assert get_identity().application_uri in shown
        assert "BEGIN CERTIFICATE" in shown
        assert page("installationidentity_file", "der") in shown

    def test_it_can_be_downloaded_in_both_forms(self, browser: Client) -> None:
        der, pem = (browser.get(page("installationidentity_file", form)) for form in ("der", "pem"))
        assert x509.load_der_x509_certificate(der.content) == x509.load_pem_x509_certificate(pem.content)
        assert pem.content.decode() == get_identity().certificate_pem
        assert "bakery_iot.der" in der["Content-Disposition"]
        assert browser.get(page("installationidentity_file", "key")).status_code == 404

    def test_the_key_shows_nowhere(self, browser: Client, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        lines = secret_lines()
        superuser = signed_in(make_user(is_superuser=True, is_staff=True))
        pages = [page("installationidentity_change", 1), page("installationidentity_history", 1)]
        files = [page("installationidentity_file", form) for form in ("der", "pem")]
        answers = [client.get(address) for client in (browser, superuser) for address in pages + files]
        assert {answer.status_code for answer in answers} == {200}
        shown = " ".join(answer.content.decode(errors="replace") for answer in answers)
        identity = get_identity()
        shown += caplog.text + repr(identity) + repr(InstallationIdentity.objects.get())
        assert not any(line in shown for line in lines)

    def test_nobody_can_change_or_delete_it(self) -> None:
        get_identity()
        superuser = signed_in(make_user(is_superuser=True, is_staff=True))
        change = superuser.post(page("installationidentity_change", 1), {"name": "other"})
        assert change.status_code == superuser.post(page("installationidentity_delete", 1)).status_code == 403
        assert superuser.get(page("installationidentity_add")).status_code == 403

    def test_it_is_for_those_who_set_up_connections(self) -> None:
        get_identity()
        looker = signed_in(member("staff", is_staff=True))
        addresses = [page("installationidentity_changelist"), page("installationidentity_change", 1)]
        addresses.append(page("installationidentity_file", "pem"))
        assert [looker.get(address).status_code for address in addresses] == [403, 403, 403]
