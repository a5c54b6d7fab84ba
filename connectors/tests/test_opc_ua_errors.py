"""What the library raises, and what it becomes."""

import struct
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua import StatusCodes
from asyncua.ua.status_codes import get_name_and_doc

from connectors import AuthenticationError, ConnectorError, ResponseError, UnreachableError
from connectors.base import translate_errors
from connectors.errors import ERROR_CODES
from connectors.opc_ua_errors import NotOpcUaError, TooLargeError, opc_ua_error_table

TABLE = opc_ua_error_table("oven:4840", "0a1b2c")
BAD = [getattr(StatusCodes, name) for name in dir(StatusCodes) if name.startswith("Bad")]


def translated(error: Exception) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught, translate_errors(TABLE):
        raise error
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("BadUserAccessDenied", AuthenticationError, "auth"),
        ("BadIdentityTokenRejected", AuthenticationError, "auth"),
        ("BadCertificateUntrusted", ResponseError, "tls"),
        ("BadCertificateUriInvalid", ResponseError, "tls"),
        ("BadSecurityChecksFailed", ResponseError, "tls"),
        ("BadSecurityPolicyRejected", ResponseError, "tls"),
        ("BadSessionIdInvalid", UnreachableError, "reset"),
        ("BadSessionClosed", UnreachableError, "reset"),
        ("BadSecureChannelClosed", UnreachableError, "reset"),
        ("BadTcpSecureChannelUnknown", UnreachableError, "reset"),
        ("BadServerNotConnected", UnreachableError, "reset"),
        ("BadConnectionClosed", UnreachableError, "reset"),
        ("BadShutdown", UnreachableError, "reset"),
        ("BadServerHalted", UnreachableError, "reset"),
        ("BadNoSubscription", UnreachableError, "reset"),
        ("BadTimeout", UnreachableError, "timeout"),
        ("BadRequestTimeout", UnreachableError, "timeout"),
        ("BadTooManySessions", ResponseError, "server"),
        ("BadMaxConnectionsReached", ResponseError, "server"),
        ("BadResponseTooLarge", ResponseError, "too_large"),
        ("BadTcpEndpointUrlInvalid", ResponseError, "not_found"),
        ("BadInternalError", ResponseError, "server"),
    ],
)
def test_a_status_says_what_to_do_next(status: str, kind: type, code: str) -> None:
    error = translated(ua.UaStatusCodeError(getattr(StatusCodes, status)))
    assert (type(error), error.code) == (kind, code)
    assert "oven:4840" in str(error)


def test_only_a_refused_sign_in_ends_the_line() -> None:
    for code in BAD:
        error = translated(ua.UaStatusCodeError(code))
        assert error.code in ERROR_CODES
        assert error.retry == (not isinstance(error, AuthenticationError)), get_name_and_doc(code)


def test_a_server_that_distrusts_us_gets_our_thumbprint_named() -> None:
    assert "0a1b2c" in str(translated(ua.UaStatusCodeError(StatusCodes.BadCertificateUntrusted)))


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ua.UaError("secret"), "parse"),
        (NotOpcUaError("secret"), "parse"),
        (struct.error("secret"), "parse"),
        (UnicodeDecodeError("utf-8", b"secret", 0, 1, "secret"), "parse"),
        (ValueError("secret"), "parse"),
        (IndexError("secret"), "parse"),
        (RecursionError("secret"), "parse"),
        (MemoryError("secret"), "parse"),
        (TooLargeError("secret"), "too_large"),
        (ConnectionResetError("secret"), "reset"),
        (TimeoutError("secret"), "timeout"),
    ],
)
def test_whatever_decoding_raises_is_one_of_ours(raised: Any, code: str) -> None:
    error = translated(raised)
    assert (error.code, error.retry, "secret" in str(error)) == (code, True, False)


def test_our_own_errors_pass() -> None:
    own = ResponseError("as it is", code="mapping")
    assert translated(own) is own
