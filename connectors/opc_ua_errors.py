"""What goes wrong with an OPC UA server, sorted into our errors and put into words."""

import re
import struct
from collections.abc import Callable

from asyncua import ua
from asyncua.crypto.uacrypto import InvalidSignature as ChunkSignatureError
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from .base import ErrorTable
from .dialing import dial_error_table
from .errors import (
    AuthenticationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
)


class NotOpcUaError(Exception):
    """What came over the line is no OPC UA."""


class TooLargeError(Exception):
    """More came than a reading can be."""


_SIGN_IN = re.compile("BadUserAccessDenied|BadIdentity.*|BadUserSignatureInvalid")
_OUR_CERTIFICATE = re.compile("BadCertificate.*|BadSecurityChecksFailed|BadApplicationSignatureInvalid")
_SECURITY = re.compile("BadSecurity(Policy|Mode).*")
_GONE = re.compile(
    "Bad(TcpSecure|Secure)Channel.*|BadSession(IdInvalid|Closed|NotActivated)|Bad.*Connect(ed|ion.*)?|BadServerHalted|"
    "BadShutdown|BadCommunicationError|BadNoCommunication|BadNoSubscription|BadSubscriptionIdInvalid|BadNonceInvalid|"
    "BadSequenceNumberInvalid"
)
_SLOW = re.compile("Bad(Request)?Timeout|BadTcpInternalError")
_FULL = re.compile(
    "BadTooMany.*|BadMaxConnectionsReached|BadTcp(ServerTooBusy|NotEnoughResources)|BadOutOfMemory|BadResourceUn.*"
)
_LARGE = re.compile("Bad(Tcp)?(Response|Request|Message)TooLarge|BadEncodingLimitsExceeded")
_ADDRESS = re.compile("BadTcpEndpointUrlInvalid|BadServerUriInvalid")


def opc_ua_error_table(place: str, thumbprint: str) -> ErrorTable:
    """For translate_errors. `place` is host:port, `thumbprint` the one of our own certificate."""
    return {
        ConnectorError: _as_it_is,
        ua.UaStatusCodeError: lambda error: error_for_status(_name_of(error), place, thumbprint),
        NotOpcUaError: lambda _: ResponseError(
            f"What answers at {place} is not an OPC UA server. Check the port, which is often 4840."
        ),
        TooLargeError: lambda _: _too_large(place),
        **dict.fromkeys((InvalidSignature, ChunkSignatureError, UnsupportedAlgorithm), lambda _: _bad_signature(place)),
        **dial_error_table(place),
        **dict.fromkeys(_MISUNDERSTOOD, lambda _: _not_understood(place)),  # over a name that cannot be encoded
    }


# Whatever decoding an answer that breaks the rules may raise in the library.
_MISUNDERSTOOD: tuple[type[Exception], ...] = (
    ua.UaError,
    struct.error,
    UnicodeError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)


def _as_it_is(error: Exception) -> ConnectorError:
    if not isinstance(error, ConnectorError):
        raise TypeError("only for our own errors")
    return error


def _name_of(error: Exception) -> str:
    code = getattr(error, "code", None)
    return ua.StatusCode(code).name if isinstance(code, int) else "an unknown status"


def error_for_status(name: str, place: str, thumbprint: str) -> ConnectorError:
    """The error behind the status of a whole answer."""
    if _SIGN_IN.fullmatch(name):
        return AuthenticationError(
            f"{place} refuses the sign-in. Enter user name and password (or the certificate) again, and check at the "
            "server that this user may read."
        )
    if _OUR_CERTIFICATE.fullmatch(name):
        return ResponseError(
            f"{place} does not trust our certificate ({name}). In the server's settings, move the certificate named "
            f"bakery_iot with the thumbprint {thumbprint} from the rejected to the trusted clients.",
            code="tls",
        )
    if _SECURITY.fullmatch(name):
        return ResponseError(
            f"{place} refuses this kind of security ({name}). Correct additional_config.security_mode and "
            "security_policy, or allow ours at the server.",
            code="tls",
        )
    describe = next((describe for names, describe in _FURTHER if names.fullmatch(name)), _unknown_status)
    return describe(name, place)


def _unknown_status(name: str, place: str) -> ConnectorError:
    return ResponseError(
        f"{place} reports {name}. We try again; if it stays so, restart its OPC UA service.", code="server"
    )


def _gone(name: str, place: str) -> ConnectorError:
    return UnreachableError(
        f"{place} has ended our session ({name}), as after a restart. We sign in again by ourselves.", code="reset"
    )


def _slow(name: str, place: str) -> ConnectorError:
    return UnreachableError(f"{place} did not finish in time ({name}). We try again by ourselves.", code="timeout")


def _full(name: str, place: str) -> ConnectorError:
    return ResponseError(
        f"{place} has no room for one more client ({name}). Close other clients, or allow more sessions at the server.",
        code="server",
    )


def _wrong_address(name: str, place: str) -> ConnectorError:
    return ResponseError(
        f"{place} does not know the path in the address ({name}). Correct the part behind the port.", code="not_found"
    )


def _too_large(place: str) -> ConnectorError:
    return ResponseError(
        f"{place} sends more than one reading can be, so we stopped. Take nodes with long lists out of "
        "additional_config.nodes.",
        code="too_large",
    )


def _not_understood(place: str) -> ConnectorError:
    return ResponseError(
        f"{place} sent an answer that breaks the rules of OPC UA. Check the port; if it is right, ask the maker for "
        "newer software."
    )


def _bad_signature(place: str) -> ConnectorError:
    return ResponseError(
        f"{place} could not prove that its certificate is its own. If the server is right, restart it; if not, "
        "somebody else may be answering in its place.",
        code="tls",
    )


_FURTHER: tuple[tuple[re.Pattern[str], Callable[[str, str], ConnectorError]], ...] = (
    (_FULL, _full),
    (_SLOW, _slow),
    (_LARGE, lambda _, place: _too_large(place)),
    (_ADDRESS, _wrong_address),
    (_GONE, _gone),
)
