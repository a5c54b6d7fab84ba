"""What went wrong on the way to a machine's web server, sorted into our errors and put into words.

Names host and port, never a query. httpx-aiohttp maps aiohttp's errors too coarsely (a reset becomes a connect
timeout), so they are sorted by their cause.
"""

import errno
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import aiohttp
import httpx

from .addresses import AddressRefusedError
from .base import ErrorTable
from .errors import AuthenticationError, ConfigurationError, ConnectorError, ResponseError, UnreachableError
from .http_client import Reply

_LONGEST_WAIT_SECONDS = 3600.0
_SELF_SIGNED = (18, 19, 20, 21)  # OpenSSL's X509_V_ERR_ numbers: self signed, and unknown issuer in three ways
_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = (62, 64)


def http_error_table(place: str) -> ErrorTable:
    """For translate_errors, around everything that speaks to `place` (host:port)."""

    def sort(error: Exception) -> ConnectorError:
        cause = error.__cause__ if isinstance(error, httpx.HTTPError) else None
        for candidate in filter(None, (cause, error)):
            for kinds, describe in _TRANSPORT:
                if isinstance(candidate, kinds) and isinstance(candidate, Exception):
                    return describe(candidate, place)
        return UnreachableError(f"The connection to {place} failed. We try again by ourselves.", code="reset")

    kinds = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)
    return dict.fromkeys(kinds, sort) | {UnicodeError: lambda _: _bad_address(place)}


def digest_error_table(place: str) -> ErrorTable:
    """What httpx raises for an algorithm it does not know, and for auth-int."""
    return dict.fromkeys((NotImplementedError, KeyError), lambda _: _strange_digest(place))


def _describe_address(error: Exception, place: str) -> ConnectorError:
    return ConfigurationError(
        f"We may not connect to {place}: {error}. Enter the machine's own address, or ask whoever runs this server.",
        fields={"endpoint": f"This address may not be used: {error}."},
        code="address",
    )


def _describe_connect(error: Exception, place: str) -> ConnectorError:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, AddressRefusedError):
        return _describe_address(cause, place)
    if isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return _describe_reset(error, place)
    if getattr(cause, "errno", None) == errno.ETIMEDOUT:
        return UnreachableError(f"{place} did not answer. Check that the machine is switched on.", code="timeout")
    if getattr(cause, "errno", None) == errno.ECONNREFUSED:
        sentence = f"Nothing listens at {place}. Check the port, and that the machine and its web service are on."
    else:
        sentence = f"There is no way to {place}. Check the address, and that the machine is in the network."
    return UnreachableError(sentence, code="refused")


def _describe_name(error: Exception, place: str) -> ConnectorError:
    return UnreachableError(
        f"The name in {place} is not known in the network. Check its spelling, or enter the machine's IP address.",
        code="dns",
    )


def describe_certificate(error: Exception, place: str) -> ConnectorError:
    """What is wrong with a machine's certificate, from ssl's error or aiohttp's."""
    found = getattr(error, "certificate_error", error)
    number = getattr(found, "verify_code", 0)
    if number in _SELF_SIGNED:
        sentence = (
            "is signed by itself or by somebody we do not know. If it is your machine, paste its certificate under "
            "additional_config.ca_pem."
        )
    elif number == _EXPIRED:
        sentence = "has expired. Renew it at the machine, and check the machine's clock."
    elif number == _NOT_YET_VALID:
        sentence = "is not valid yet. Check the machine's clock and ours."
    elif number in _OTHER_NAME:
        sentence = (
            "is made out to another name. Enter the address that stands in the certificate, or that name under "
            "additional_config.server_name."
        )
    else:
        sentence = f"was refused ({getattr(found, 'verify_message', 'unknown reason')}). Ask the machine's technician."
    return ResponseError(f"The certificate of {place} {sentence}", code="tls")


def _describe_encryption(error: Exception, place: str) -> ConnectorError:
    reason = str(getattr(getattr(error, "os_error", error), "reason", "") or "")
    if "WRONG_VERSION" in reason or "HTTP_REQUEST" in reason or "RECORD_LAYER" in reason:
        return ResponseError(f"{place} does not speak https. Check the port, or begin with http://.", code="tls")
    return ResponseError(
        f"No encrypted connection to {place} came about: machine and server have no method in common. "
        "Update the machine's software, or ask its technician for TLS 1.2.",
        code="tls",
    )


def _describe_timeout(error: Exception, place: str) -> ConnectorError:
    return UnreachableError(f"{place} did not answer in time. Check that the machine is switched on.", code="timeout")


def _describe_reset(error: Exception, place: str) -> ConnectorError:
    return UnreachableError(
        f"{place} broke the connection off in the middle. We try again; if it stays so, check whether the address "
        "must begin with https://, and restart the machine's web service.",
        code="reset",
    )


def _describe_not_http(error: Exception, place: str) -> ConnectorError:
    return ResponseError(
        f"What answers at {place} is not a web server. Check the port, and whether the address must begin with "
        "http:// or https://."
    )


def _bad_address(place: str) -> ConnectorError:
    return ConfigurationError(
        f"{place} is not an address we can dial. Correct it.",
        fields={"endpoint": "This is not an address we can dial. Write it like https://192.168.1.20."},
        code="address",
    )


def _strange_digest(place: str) -> ConnectorError:
    return AuthenticationError(
        f"{place} asks for a kind of digest sign-in we do not know. Set additional_config.auth to basic, over https."
    )


# Narrowest first: aiohttp's connect errors are OSErrors too.
_TRANSPORT: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Exception, str], ConnectorError]], ...]
_TRANSPORT = (
    (aiohttp.ClientConnectorDNSError, _describe_name),
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), describe_certificate),
    ((aiohttp.ClientConnectorSSLError, ssl.SSLError), _describe_encryption),
    (aiohttp.ClientConnectorError, _describe_connect),
    (TimeoutError, _describe_timeout),
    ((aiohttp.InvalidURL, httpx.InvalidURL, httpx.UnsupportedProtocol), lambda _, place: _bad_address(place)),
    ((aiohttp.ClientResponseError, httpx.RemoteProtocolError), _describe_not_http),
    ((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, httpx.NetworkError, OSError), _describe_reset),
    (httpx.ProtocolError, lambda _, place: _strange_digest(place)),
)


def error_for_status(reply: Reply, place: str) -> ConnectorError:
    """The error behind an answer that is not 2xx and not 304."""
    status = reply.status
    wait = parse_retry_after(reply.headers.get("retry-after"), now=time.time())
    if status == 429 or (status == 503 and wait is not None):
        when = "did not say for how long" if wait is None else f"asked us to wait {wait:.0f} s"
        return ResponseError(
            f"{place} is asked too often and {when}. We go on by ourselves; if it stays so, poll less often.",
            code="rate_limited",
            retry_after=wait,
        )
    if status in (401, 407):
        return AuthenticationError(
            f"{place} refuses the user name, password, key or token. Enter it again, and check that it has not expired."
        )
    if status == 403:
        return AuthenticationError(
            f"{place} knows us but does not allow reading this machine. Ask for the right in the maker's portal.",
            code="forbidden",
        )
    if status in (404, 410):
        return ResponseError(
            f"{place} knows no path {_path_of(reply)}. Correct the address path, or the machine's id in it.",
            code="not_found",
        )
    if status >= 500:
        return ResponseError(
            f"{place} reports a fault of its own (HTTP {status}). We try again; if it stays so, restart it.",
            code="server",
        )
    return ResponseError(
        f"{place} refuses the request (HTTP {status}). Check the address path and what the maker's description says.",
        code="rejected",
    )


def _path_of(reply: Reply) -> str:
    return reply.url.path[:200]


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait, an hour at most. None if nothing usable was said (RFC 9110, 10.2.3)."""
    text = (value or "").strip()
    try:
        seconds = float(text[:12]) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
