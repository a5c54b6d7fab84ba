"""Opens the TCP line below the protocols that are not HTTP: only to addresses the policy allows.

A name is resolved once and the numeric address dialled, so that a second answer of the name server changes nothing.
"""

import asyncio
import errno
import socket

from .addresses import AddressPolicy, AddressRefusedError
from .base import ErrorTable
from .errors import ConfigurationError, ConnectorError, UnreachableError

_ONE_OF_SEVERAL_SECONDS = 3.0  # a name with a dead IPv6 address must not use up the time of the living one


async def dial(host: str, port: int, policy: AddressPolicy) -> socket.socket:
    """A connected, non-blocking socket to the first address that answers. OSError, as `dial_error_table` sorts them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: Exception = OSError(errno.EHOSTUNREACH, "no address")
    for last, info in ((index == len(found) - 1, info) for index, info in enumerate(found)):
        try:
            line = policy.open_socket(info)
        except AddressRefusedError as error:
            failure = error
            continue
        line.setblocking(False)
        try:
            async with asyncio.timeout(None if last else _ONE_OF_SEVERAL_SECONDS):
                await loop.sock_connect(line, info[4])
            return line
        except (OSError, TimeoutError) as error:
            line.close()
            failure = error
        except BaseException:  # cancelled: nobody else knows of this socket
            line.close()
            raise
    raise failure


def dial_error_table(place: str) -> ErrorTable:
    """For translate_errors, around `dial` and around reading from the line it opened. `place` is host:port."""
    return {
        AddressRefusedError: lambda error: _refused_address(error, place),
        socket.gaierror: lambda _: UnreachableError(
            f"The name in {place} is not known in the network. Check its spelling, or enter the machine's IP address.",
            code="dns",
        ),
        UnicodeError: lambda _: ConfigurationError(
            f"{place} is not an address we can dial. Correct it.",
            fields={"endpoint": "This is not an address we can dial. Check its spelling."},
            code="address",
        ),
        TimeoutError: lambda _: UnreachableError(
            f"{place} did not answer in time. Check that the machine is switched on.", code="timeout"
        ),
        ConnectionRefusedError: lambda _: UnreachableError(
            f"Nothing listens at {place}. Check the port, and that the machine and its service are on.", code="refused"
        ),
        ConnectionError: lambda _: UnreachableError(
            f"{place} broke the connection off. We try again by ourselves; if it stays so, restart the machine's "
            "service.",
            code="reset",
        ),
        OSError: lambda error: _no_way(error, place),
    }


def _refused_address(error: Exception, place: str) -> ConnectorError:
    return ConfigurationError(
        f"We may not connect to {place}: {error}. Enter the machine's own address, or ask whoever runs this server.",
        fields={"endpoint": f"This address may not be used: {error}."},
        code="address",
    )


def _no_way(error: Exception, place: str) -> ConnectorError:
    if getattr(error, "errno", None) == errno.ETIMEDOUT:
        return UnreachableError(f"{place} did not answer. Check that the machine is switched on.", code="timeout")
    return UnreachableError(
        f"There is no way to {place}. Check the address, and that the machine is in the network.", code="refused"
    )
