"""Who may speak to whom, under which security, and what must never leave us in the clear."""

import logging
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors import (
    AddressPolicy,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    ResponseError,
    create_connector,
    make_identity,
)
from connectors.opc_ua import OpcUaConnector

from .machines import LOOPBACK, failure_of
from .opc_ua_server import ALL_SECURITY, COMBI, PASSWORD, USER, OpcUaMachine, make_certificate, pem_of

LOGIN = {"username": USER, "password": PASSWORD}
DEVICE = "CombiSteamerDevice_1"
SECURE: dict[str, Any] = {"security_mode": "SignAndEncrypt"}


async def serve(**options: Any) -> OpcUaMachine:
    """Use it in `async with`."""
    machine = OpcUaMachine(**{"security": ALL_SECURITY, **options})
    await machine.add("combi", DEVICE, COMBI)
    return machine


def connector(machine: OpcUaMachine, *, policy: AddressPolicy = LOOPBACK, **options: Any) -> OpcUaConnector:
    found = create_connector("opc_ua", "oven-7", machine.options(**options), policy=policy)
    assert isinstance(found, OpcUaConnector)
    return found


async def assert_well(machine: OpcUaMachine, **options: Any) -> OpcUaConnector:
    found = connector(machine, **options)
    async with found:
        assert (await found.get_current_reading()).temperature == 180.0
    return found


async def failure(machine: OpcUaMachine, **options: Any) -> ConnectorError:
    return await failure_of(connector(machine, **options))


async def test_every_security_with_and_without_a_password() -> None:
    async with await serve() as machine:
        for mode, policy in (
            ("none", "Basic256Sha256"),
            ("Sign", "Basic256Sha256"),
            ("SignAndEncrypt", "Basic256Sha256"),
            ("SignAndEncrypt", "Aes128_Sha256_RsaOaep"),
            ("SignAndEncrypt", "Aes256_Sha256_RsaPss"),
        ):
            await assert_well(machine, security_mode=mode, security_policy=policy, credentials=LOGIN)
            await assert_well(machine, security_mode=mode, security_policy=policy)


async def test_what_the_server_offers_is_named_if_it_is_not_what_we_want() -> None:
    async with await serve(security=ALL_SECURITY[1:3]) as machine:
        error = await failure(machine, security_mode="none")
        assert (type(error), error.code, error.retry) == (ResponseError, "tls", True)
        assert "SignAndEncrypt with Basic256Sha256" in str(error)
        error = await failure(machine, **SECURE, security_policy="Aes256_Sha256_RsaPss")
        assert (error.code, "Sign with Basic256Sha256" in str(error)) == ("tls", True)
        await assert_well(machine, **SECURE)
    async with await serve(security=ALL_SECURITY[:1]) as machine:
        error = await failure(machine, **SECURE)
        assert "It offers: none" in str(error)


async def test_a_wrong_password_ends_the_line_and_the_right_one_works_again() -> None:
    async with await serve(users={USER: "another"}) as machine:
        error = await failure(machine, **SECURE, credentials=LOGIN)
        assert (type(error), error.retry, error.code) == (AuthenticationError, False, "auth")
        machine.users.allowed = {USER: PASSWORD}
        await assert_well(machine, **SECURE, credentials=LOGIN)


async def test_a_server_that_does_not_take_strangers_says_so() -> None:
    async with await serve(tokens=[ua.UserNameIdentityToken]) as machine:
        error = await failure(machine, **SECURE)
        assert (type(error), "username" in str(error)) == (AuthenticationError, True)
        await assert_well(machine, **SECURE, credentials=LOGIN)
    async with await serve(tokens=[ua.AnonymousIdentityToken]) as machine:
        error = await failure(machine, **SECURE, credentials=LOGIN)
        assert (type(error), "additional_config.auth" in str(error)) == (AuthenticationError, True)


async def test_a_password_never_travels_in_the_clear_unless_it_is_allowed() -> None:
    async with await serve(security=ALL_SECURITY[:1]) as machine:  # no certificate: nothing to encrypt with
        error = await failure(machine, security_mode="none", credentials=LOGIN)
        assert isinstance(error, ConfigurationError)
        assert "was not sent" in str(error)
        assert machine.users.asked == []
        result = await connector(
            machine, security_mode="none", credentials=LOGIN, allow_plain_password=True
        ).test_connection()
        assert (result.success, machine.users.asked[-1]) == (True, (USER, PASSWORD))
        assert "The password may travel unencrypted" in result.message


async def test_without_channel_security_the_password_is_encrypted_by_itself_where_the_server_can() -> None:
    async with await serve() as machine:
        await assert_well(machine, security_mode="none", credentials=LOGIN)
        assert machine.users.asked == [(USER, PASSWORD)]
        stranger = make_certificate(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
        error = await failure(machine, security_mode="none", credentials=LOGIN, server_certificate=pem_of(stranger))
        assert (error.code, len(machine.users.asked)) == ("tls", 1)


async def test_a_pinned_certificate_is_the_only_one_accepted() -> None:
    certificate = make_certificate()
    async with await serve(certificate=certificate) as machine:
        found = await assert_well(machine, **SECURE, server_certificate=pem_of(certificate))
        assert found.list_security_remarks() == ()
        stranger = make_certificate(common_name="somebody else")
        error = await failure(machine, **SECURE, server_certificate=pem_of(stranger))
        assert (type(error), error.code) == (ResponseError, "tls")
        assert "server_certificate" in str(error)
        chain = pem_of(stranger) + pem_of(certificate)
        await assert_well(machine, **SECURE, server_certificate=chain)
        result = await connector(machine, **SECURE).test_connection()
        assert "paste the right one" in result.message
        (shown,) = result.details["server_certificate"]
        await assert_well(machine, **SECURE, server_certificate=shown["pem"])


async def test_the_issuers_certificate_will_do_as_well() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    authority = make_certificate(common_name="authority", key=key)
    issued = make_certificate(issuer=(x509.load_der_x509_certificate(authority), key))
    async with await serve(certificate=issued) as machine:
        await assert_well(machine, **SECURE, server_certificate=pem_of(authority))


async def test_an_expired_certificate_is_an_error_until_it_is_renewed() -> None:
    machine = await serve(certificate=make_certificate(days=-1))
    async with machine:
        error = await failure(machine, **SECURE)
        assert (type(error), error.code, error.retry) == (ResponseError, "tls", True)
        assert "has expired" in str(error)
        found = await assert_well(machine, **SECURE, verify_server_certificate=False)
        assert "not checked" in " ".join(found.list_security_remarks())
        await machine.stop()
        machine.certificate = make_certificate()
        await machine.start()
        await assert_well(machine, **SECURE)


async def test_a_server_that_does_not_trust_us_yet() -> None:
    async def distrust(certificate: Any, description: Any) -> None:
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    async with await serve() as machine:
        assert machine.server
        machine.server.iserver.certificate_validator = distrust
        found = connector(machine, **SECURE)
        error = await failure_of(found)
        assert (type(error), error.code) == (ResponseError, "tls")
        own = x509.load_pem_x509_certificate(found.identity.certificate_pem.encode())
        assert own.fingerprint(hashes.SHA1()).hex() in str(error)
        assert error.retry
        machine.server.iserver.certificate_validator = None
        await assert_well(machine, **SECURE)


async def test_our_certificate_and_our_name_agree() -> None:
    seen: list[Any] = []

    async def look(certificate: Any, description: Any) -> None:
        seen.append((certificate, description))

    identity = make_identity()
    async with await serve() as machine:
        assert machine.server
        machine.server.iserver.certificate_validator = look
        config = machine.options(**SECURE)
        async with create_connector("opc_ua", "x", config, policy=LOOPBACK, identity=identity) as found:
            assert (await found.get_current_reading()).data_points
    certificate, description = seen[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == [description.ApplicationUri] == [identity.application_uri]


def user_certificate() -> tuple[bytes, dict[str, str]]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = make_certificate(common_name="baker", key=key)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return der, {"certificate": pem_of(der), "private_key": pem}


async def test_a_user_certificate_signs_in() -> None:
    der, credentials = user_certificate()
    _, other = user_certificate()
    async with await serve(tokens=[ua.X509IdentityToken], user_certificate=der) as machine:
        for mode in ("SignAndEncrypt", "Sign", "none"):
            await assert_well(machine, security_mode=mode, credentials=credentials)
        error = await failure(machine, **SECURE, credentials=other)
        assert (type(error), error.code) == (AuthenticationError, "auth")


def test_a_key_has_to_belong_to_its_certificate() -> None:
    _, credentials = user_certificate()
    _, other = user_certificate()
    mixed = {**credentials, "private_key": other["private_key"]}
    with pytest.raises(ConfigurationError) as caught:
        create_connector("opc_ua", "x", {"endpoint": "opc.tcp://h", "credentials": mixed})
    assert set(caught.value.fields) == {"credentials.private_key"}
    assert "PRIVATE" not in str(caught.value)


async def test_only_allowed_addresses_are_dialled() -> None:
    async with await serve() as machine:
        for host in ("127.0.0.1", "localhost"):
            config = machine.options(security_mode="none")
            config["endpoint"] = config["endpoint"].replace("127.0.0.1", host)
            error = await failure_of(create_connector("opc_ua", "x", config))
            assert isinstance(error, ConfigurationError)
            assert (error.code, set(error.fields)) == ("address", {"endpoint"})
        assert machine.users.asked == []


async def test_an_address_that_the_server_names_is_not_followed() -> None:
    async with await serve() as machine:
        assert machine.server
        machine.server.iserver.match_discovery_endpoint_url = False
        machine.server.iserver.match_discovery_source_ip = False
        for endpoint in machine.server.iserver.endpoints:
            endpoint.EndpointUrl = "opc.tcp://169.254.169.254:4840/"
        await assert_well(machine, **SECURE, credentials=LOGIN)


async def test_no_password_and_no_key_shows_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, certificate = user_certificate()
    async with await serve(users={USER: PASSWORD}) as machine:
        for options in (SECURE, {"security_mode": "none", "allow_plain_password": True}):
            for credentials in (LOGIN, {**LOGIN, "password": "wrong-" + PASSWORD}, certificate):
                found = connector(machine, **options, credentials=credentials)
                result = await found.test_connection()
                shown = f"{result!r} {found!r} {vars(found)!r} {found.config!r} {caplog.text}"
                assert PASSWORD not in shown
                assert certificate["private_key"][200:260] not in shown


async def test_a_server_with_a_broken_certificate_is_named() -> None:
    async with await serve() as machine:
        assert machine.server
        for endpoint in machine.server.iserver.endpoints:
            endpoint.ServerCertificate = b"\x30\x82no certificate"
        error = await failure(machine, **SECURE)
        assert (type(error), error.code) == (ResponseError, "tls")
