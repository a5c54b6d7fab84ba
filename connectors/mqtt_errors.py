"""What went wrong between us and a broker, sorted into our errors and put into words."""

import ssl
from collections.abc import Mapping

from aiomqtt import MqttCodeError, MqttError
from paho.mqtt.client import WebsocketConnectionError
from paho.mqtt.reasoncodes import ReasonCode

from .base import ErrorTable
from .dialing import dial_error_table
from .errors import AuthenticationError, ConfigurationError, ConnectorError, ResponseError, UnreachableError
from .http_errors import describe_certificate

WRONG_VERSION = 132
TAKEN_OVER = 142
PROTOCOL_ERROR = 130
_NOT_AUTHORIZED = 135
_REFUSED_AT_SUBSCRIBING = 128  # and every code above

# Reason codes of MQTT 5 (section 2.4); paho translates those of 3.1.1 into them.
_SIGN_IN = (134, _NOT_AUTHORIZED, 140)
_OVERLOADED: Mapping[int, str] = {
    136: "is not ready",
    137: "is too busy",
    139: "is shutting down",
    151: "has no quota left for us",
    159: "finds that we connect too often",
}
_ELSEWHERE = (156, 157)


def line_error_table(place: str) -> ErrorTable:
    """For translate_errors, around dialling, the TLS handshake and the WebSocket one."""
    return {
        ssl.SSLCertVerificationError: lambda error: describe_certificate(error, place),
        ssl.SSLEOFError: lambda _: _no_tls(place),
        ssl.SSLError: lambda error: _describe_encryption(error, place),
        WebsocketConnectionError: lambda _: ResponseError(
            f"{place} does not speak MQTT over WebSockets at this address. Check port and path, such as /mqtt.",
        ),
        **dial_error_table(place),
    }


def error_for_sign_in(error: MqttError, place: str, *, anonymous: bool) -> ConnectorError:
    """Why the broker did not take us."""
    code = code_of(error)
    if code in _SIGN_IN:
        return AuthenticationError(
            f"{place} refuses the user name, password or certificate."
            + (" It lets nobody in without one; enter them." if anonymous else " Enter them again.")
        )
    if code == 138:
        return AuthenticationError(f"{place} has banned us. Ask whoever runs the broker.", code="forbidden")
    if code == 133:
        return ConfigurationError(
            f"{place} does not accept our client id.",
            fields={"additional_config.client_id": "Enter the client id that the broker prescribes."},
        )
    if code == WRONG_VERSION:
        return ConfigurationError(
            f"{place} speaks another version of MQTT.",
            fields={"additional_config.version": "Choose 3.1.1, or auto."},
        )
    if code in _ELSEWHERE:
        return ResponseError(
            f"{place} sends us to another broker. Ask for its address and enter that.", code="redirect"
        )
    if code is not None and code in _OVERLOADED:
        return UnreachableError(f"{place} {_OVERLOADED[code]}. We try again by ourselves.", code="server")
    return ResponseError(f"{place} refuses the connection (MQTT reason {code}). Ask whoever runs it.", code="rejected")


def silent_broker(place: str) -> ConnectorError:
    return UnreachableError(
        f"{place} takes the connection and does not answer. Check the port, and whether the address must begin with "
        "mqtts:// or ws://.",
        code="timeout",
    )


def not_a_broker(place: str) -> ConnectorError:
    return ResponseError(
        f"What answers at {place} is not an MQTT broker. Check the port, and whether the address must begin with "
        "mqtts:// or ws://."
    )


def hung_up(place: str) -> ConnectorError:
    return UnreachableError(
        f"{place} hung up before it let us in. Check the port, and whether the address must begin with mqtts:// or "
        "ws://; if a certificate is needed, enter it.",
        code="reset",
    )


def lost_broker(place: str, code: int | None, *, often: bool = False) -> ConnectorError:
    if often and code != TAKEN_OVER:
        return UnreachableError(
            f"{place} lets us in and hangs up again and again. Perhaps another program has our client id: give each "
            "its own additional_config.client_id. Else look into the broker's log.",
            code="reset",
        )
    if code == TAKEN_OVER:
        return UnreachableError(
            f"Another program signed in to {place} with our client id, which throws us out. Give each its own "
            "additional_config.client_id.",
            code="reset",
        )
    return UnreachableError(f"The connection to {place} broke off. We try again by ourselves.", code="reset")


def error_for_subscription(code: int, topic: str, place: str) -> ConnectorError | None:
    """What a SUBACK means. None: granted."""
    if code < _REFUSED_AT_SUBSCRIBING:
        return None
    if code in (128, _NOT_AUTHORIZED):
        return AuthenticationError(
            f"{place} lets us in, but does not allow reading {topic!r}. Ask whoever runs the broker for the right to "
            "subscribe to it, and check the topic.",
            code="forbidden",
        )
    if code in (143, 158, 161, 162):
        return ConfigurationError(
            f"{place} does not take the topic {topic!r}.",
            fields={"additional_config.topic": "The broker does not take this topic; perhaps it allows no wildcards."},
        )
    return UnreachableError(f"{place} does not take our subscription now (MQTT reason {code}).", code="server")


def code_of(error: BaseException | None) -> int | None:
    """The reason code behind a library's error."""
    found = error.rc if isinstance(error, MqttCodeError) else None
    if isinstance(found, ReasonCode):
        return int(found.value)
    return None if found is None else int(found)


def _no_tls(place: str) -> ConnectorError:
    return ResponseError(
        f"{place} hung up during the encryption. Check the port, and whether the address must begin with mqtt:// or "
        "ws://; if the broker asks for a certificate, enter it.",
        code="tls",
    )


def _describe_encryption(error: Exception, place: str) -> ConnectorError:
    reason = str(getattr(error, "reason", "") or "")
    if "WRONG_VERSION" in reason or "RECORD_LAYER" in reason:
        return ResponseError(f"{place} does not encrypt. Check the port, or begin with mqtt:// or ws://.", code="tls")
    if "CERTIFICATE_REQUIRED" in reason or "ALERT" in reason:
        return AuthenticationError(
            f"{place} refuses our certificate, or asks for one. Enter it under credentials.certificate.",
        )
    return ResponseError(
        f"No encrypted connection to {place} came about: broker and server have no method in common. Update the "
        "broker's software, or ask its technician for TLS 1.2.",
        code="tls",
    )
