"""What went wrong between us and a Modbus machine, in words. Exception codes are those of the Modbus specification."""

import errno
from collections.abc import Mapping

from .base import ErrorTable
from .errors import ConfigurationError, ConnectorError, ResponseError, UnreachableError

NOT_THERE = (1, 2, 3)  # function, address, value: another request may work
BUSY = (5, 6)  # 5: it has begun, and wants to be asked again; 6: it has something better to do
UNIT_OFFLINE = (10, 11)
_MEANINGS: Mapping[int, str] = {
    1: "does not know this kind of request",
    2: "does not have these addresses",
    3: "refuses the size of the request",
    4: "reports a fault of its own",
    5: "has not finished yet",
    6: "is busy",
    7: "refuses the request",
    8: "reports a fault in its memory",
}


class RefusalError(Exception):
    """An exception answer: the line is well, and the machine says no."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class GarbledError(Exception):
    """An answer that breaks the rules of Modbus."""


def describe_refusal(code: int, unit_id: int, line: str) -> ConnectorError:
    if code in UNIT_OFFLINE:
        return UnreachableError(
            f"The gateway at {line} answers, but unit {unit_id} behind it does not (exception {code}). Check that the "
            "machine is switched on, its bus cable, and unit_id.",
            code="offline",
        )
    who = f"Unit {unit_id} at {line}"
    meaning = _MEANINGS.get(code, "refuses the request")
    if code in BUSY:
        advice = "We try again; if it stays so, poll less often, or set delay_between_requests."
    elif code in NOT_THERE:
        advice = "Compare table, address and address_base of the points with the maker's list."
        return ResponseError(f"{who} {meaning} (exception {code}). {advice}", code="mapping")
    else:
        advice = "We try again; if it stays so, look at the machine's own display, or restart it."
    return ResponseError(f"{who} {meaning} (exception {code}). {advice}", code="server")


def no_answer(who: str, seconds: float) -> ConnectorError:
    return UnreachableError(
        f"{who} did not answer within {seconds:g} s. Check that the machine is switched on, unit_id, and for a serial "
        "line or gateway cable, speed and parity; if it is only slow, set a longer request_timeout.",
        code="timeout",
    )


def no_connection(line: str, seconds: float) -> ConnectorError:
    return UnreachableError(
        f"{line} did not take a connection within {seconds:g} s. Check that the machine or its gateway is switched on "
        "and in the network.",
        code="timeout",
    )


def garbled(who: str, transport: str) -> ConnectorError:
    if transport in ("serial", "rtu_over_tcp"):
        advice = "Check speed and parity, that no other master is on the bus, and transport: perhaps it is tcp."
    else:
        advice = "Check the port, and transport: gateways that pass serial frames on want rtu_over_tcp."
    return ResponseError(f"{who} sent something that is not a Modbus answer. {advice}")


def nobody_there(line: str) -> ConnectorError:
    return UnreachableError(f"Nothing listens at {line}. Check the port, and that the machine is on.", code="refused")


def hung_up(who: str) -> ConnectorError:
    return UnreachableError(
        f"{who} broke the connection off. We try again; if it stays so, check whether the machine serves only one "
        "client and another one is connected, or set close_after_poll.",
        code="reset",
    )


def serial_error_table(device: str) -> ErrorTable:
    """For translate_errors, around opening a serial port. pyserial's errors are OSErrors."""
    return {OSError: lambda error: _no_serial_port(error, device), ValueError: lambda _: _strange_settings(device)}


def _no_serial_port(error: Exception, device: str) -> ConnectorError:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        sentence = f"There is no serial port {device} on the server that polls this machine. Is it plugged in?"
    elif number in (errno.EACCES, errno.EPERM):
        sentence = f"We may not open {device}. Add the server's user to the group that owns it, often dialout."
    elif number in (errno.EAGAIN, errno.EBUSY):
        sentence = (
            f"{device} is in use by another program, or by a machine here with another baudrate or parity. All "
            "machines of one serial line need the same."
        )
    else:
        return _strange_settings(device)
    return UnreachableError(sentence, code="refused")


def _strange_settings(device: str) -> ConnectorError:
    return ConfigurationError(
        f"{device} does not take these serial settings. Check the device, baudrate and parity.",
        fields={"endpoint": "This device does not take the serial settings."},
    )
