"""Opening a line: the policy holds for what a name leads to, and every failure has its sentence."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from connectors import AddressPolicy, ConfigurationError, ConnectorError, UnreachableError, dialing
from connectors.addresses import AddressRefusedError
from connectors.base import translate_errors
from connectors.dialing import dial, dial_error_table

from .machines import LOOPBACK

DEAD_IPV6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", 9, 0, 0))


@contextmanager
def listening() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def ipv4(host: str, port: int) -> tuple[Any, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))


def resolve(monkeypatch: pytest.MonkeyPatch, *found: Any) -> None:
    """Makes oven.example lead to these addresses."""
    loop = asyncio.get_running_loop()
    original = loop.getaddrinfo

    async def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        return list(found) if host == "oven.example" else await original(host, *args, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)


async def test_a_number_and_a_name_are_dialled() -> None:
    with listening() as port:
        for host in ("127.0.0.1", "localhost"):
            with closing(await dial(host, port, LOOPBACK)) as line:
                assert line.getpeername()[1] == port
                assert not line.getblocking()


async def test_what_a_name_leads_to_is_what_counts() -> None:
    with listening() as port:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(AddressRefusedError):
                await dial(host, port, AddressPolicy())


async def test_the_next_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        resolve(monkeypatch, ipv4("169.254.169.254", port), DEAD_IPV6, ipv4("127.0.0.1", port))
        with closing(await dial("oven.example", port, LOOPBACK)) as line:
            assert line.getpeername() == ("127.0.0.1", port)


async def test_an_address_that_never_answers_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "_ONE_OF_SEVERAL_SECONDS", 0.05)
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def hang(line: socket.socket, where: Any) -> None:
        if where[0] == "127.0.0.2":
            await asyncio.Event().wait()
        await connect(line, where)

    monkeypatch.setattr(loop, "sock_connect", hang)
    with listening() as port:
        resolve(monkeypatch, ipv4("127.0.0.2", port), ipv4("127.0.0.1", port))
        with closing(await dial("oven.example", port, LOOPBACK)) as line:
            assert line.getpeername() == ("127.0.0.1", port)


async def test_nobody_there_and_no_such_name() -> None:
    with listening() as port:
        pass
    assert (await failure("127.0.0.1", port)).code == "refused"
    assert (await failure("no-such-machine.invalid", port)).code == "dns"


async def failure(host: str, port: int) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught, translate_errors(dial_error_table(f"{host}:{port}")):
        await dial(host, port, LOOPBACK)
    assert str(port) in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (AddressRefusedError("it is our own server"), ConfigurationError, "address"),
        (socket.gaierror(), UnreachableError, "dns"),
        (UnicodeError(), ConfigurationError, "address"),
        (TimeoutError(), UnreachableError, "timeout"),
        (ConnectionRefusedError(), UnreachableError, "refused"),
        (ConnectionResetError(), UnreachableError, "reset"),
        (BrokenPipeError(), UnreachableError, "reset"),
        (OSError(errno.EHOSTUNREACH, "no"), UnreachableError, "refused"),
        (OSError(errno.ENETUNREACH, "no"), UnreachableError, "refused"),
    ],
)
def test_every_failure_is_sorted(raised: Exception, kind: type, code: str) -> None:
    with pytest.raises(ConnectorError, match="oven:4840") as caught, translate_errors(dial_error_table("oven:4840")):
        raise raised
    assert (type(caught.value), caught.value.code) == (kind, code)


async def test_a_cancelled_call_closes_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    lines: list[socket.socket] = []
    begun = asyncio.Event()

    async def hang(line: socket.socket, where: Any) -> None:
        lines.append(line)
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(loop, "sock_connect", hang)
    calling = asyncio.create_task(dial("127.0.0.1", 9, LOOPBACK))
    await begun.wait()
    calling.cancel()
    await asyncio.wait([calling])
    assert [line.fileno() for line in lines] == [-1]
