"""Certificates that are wrong, and what makes them right."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from connectors import (
    ConfigurationError,
    ConnectionTest,
    ResponseError,
)

from .machines import (
    assert_well,
    failure_of,
    serve,
    serve_bytes,
    server_context,
)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def pem_of(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


async def test_a_certificate_from_nobody_we_know_is_refused_until_it_is_pasted(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("127.0.0.1")
    async with serve(tls=server_context(leaf)) as machine:
        error = await failure_of(machine.connector())
        assert (type(error), error.code, error.retry) == (ResponseError, "tls", True)
        assert "paste its certificate under additional_config.ca_pem" in str(error)
        await assert_well(machine.connector(ca_pem=pem_of(authority)))
        await assert_well(machine.connector(ca_pem=leaf.cert_chain_pems[0].bytes().decode()))


async def test_a_certificate_file_is_read_and_its_repair_noticed(authority: trustme.CA, tmp_path: Path) -> None:
    async with serve(tls=server_context(authority.issue_cert("127.0.0.1"))) as machine:
        path = tmp_path / "oven.pem"
        for content in (None, "no certificate"):
            if content:
                path.write_text(content)
            error = await failure_of(machine.connector(ca_file=str(path)))
            assert isinstance(error, ConfigurationError)
            assert "additional_config.ca_file" in error.fields
        authority.cert_pem.write_to_path(path)
        await assert_well(machine.connector(ca_file=str(path)))


async def test_an_expired_certificate_and_one_for_another_name_say_so(authority: trustme.CA) -> None:
    expired = authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    async with serve(tls=server_context(expired)) as machine:
        assert "has expired" in str(await failure_of(machine.connector(ca_pem=pem_of(authority))))
    async with serve(tls=server_context(authority.issue_cert("oven.local"))) as machine:
        assert "another name" in str(await failure_of(machine.connector(ca_pem=pem_of(authority))))
        machine.host = "localhost"
        assert "another name" in str(await failure_of(machine.connector(ca_pem=pem_of(authority))))
        await assert_well(machine.connector(ca_pem=pem_of(authority), server_name="oven.local"))


async def test_https_to_a_plain_port_and_plain_to_https_name_the_way_out(authority: trustme.CA) -> None:
    async with serve() as machine:
        machine.scheme = "https"
        error = await failure_of(machine.connector())
        assert (error.code, "http://" in str(error)) == ("tls", True)
    async with serve(tls=server_context(authority.issue_cert("127.0.0.1"))) as machine:
        machine.scheme = "http"
        assert "https://" in str(await failure_of(machine.connector()))


async def test_a_machine_without_an_encryption_in_common_is_told_apart() -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure (RFC 5246, 7.2)
    async with serve_bytes(alert, at_once=True) as machine:
        machine.scheme = "https"
        error = await failure_of(machine.connector())
        assert (error.code, "no method in common" in str(error)) == ("tls", True)


async def test_an_unchecked_certificate_works_and_is_remarked_on(authority: trustme.CA) -> None:
    async with serve(tls=server_context(authority.issue_cert("x.invalid"))) as machine:
        result: ConnectionTest = await machine.connector(verify_ssl=False).test_connection()
        assert result.success
        assert "certificate is not checked" in result.message
