"""Which addresses our server may be made to dial."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors import AddressPolicy, ConfigurationError, create_connector
from connectors.addresses import AddressRefusedError

from .machines import LOOPBACK, assert_well, failure_of, serve

EVERYTHING = AddressPolicy(allow_loopback=True, allow_private=True)
NOTHING = AddressPolicy(allow_loopback=False, allow_private=False)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.1.1",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "::ffff:0.0.0.0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
    ],
)
def test_these_are_never_dialled(address: str) -> None:
    assert EVERYTHING.find_refusal(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
def test_our_own_server_only_by_setting(address: str) -> None:
    assert LOOPBACK.find_refusal(address) is None
    assert "our own server" in (AddressPolicy().find_refusal(address) or "")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.0.1", "192.168.1.20", "100.64.0.1", "fd12::1", "::ffff:192.168.1.1"]
)
def test_private_networks_unless_they_are_shut(address: str) -> None:
    assert AddressPolicy().find_refusal(address) is None
    assert "private" in (NOTHING.find_refusal(address) or "")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_always(address: str) -> None:
    assert NOTHING.find_refusal(address) is None


def test_no_socket_is_made_for_a_refused_address() -> None:
    where: tuple[Any, ...] = ("127.0.0.1", 80)
    with pytest.raises(AddressRefusedError):
        NOTHING.open_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", where))
    with LOOPBACK.open_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", where)) as made:
        assert made.type == socket.SOCK_STREAM


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
)
async def test_a_refused_endpoint_is_never_reached_and_says_whom_to_ask(host: str) -> None:
    async with serve() as machine:
        config = {"endpoint": f"http://{host}:{machine.port}"}
        error = await failure_of(create_connector("rest_api", "oven-7", config))
        assert isinstance(error, ConfigurationError)
        assert (error.code, error.retry) == ("address", False)
        assert list(error.fields) == ["endpoint"]
        assert host.strip("[]") in str(error)
        assert machine.requests == []
        await assert_well(create_connector("rest_api", "oven-7", {"endpoint": machine.endpoint}, policy=LOOPBACK))


class _LyingResolver(AbstractResolver):
    """A name server in the hands of somebody who wants us to call ourselves."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=6, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None: ...


async def test_a_name_that_leads_to_our_own_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as machine:
        config = {"endpoint": f"http://oven.example.com:{machine.port}"}
        resolver = _LyingResolver("169.254.169.254", "127.0.0.1")
        monkeypatch.setattr(aiohttp.connector, "DefaultResolver", lambda loop: resolver)
        assert (await failure_of(create_connector("rest_api", "oven-7", config))).code == "address"
        assert machine.requests == []
        # With the second address allowed, the refused first one does not stand in its way.
        await assert_well(create_connector("rest_api", "oven-7", config, policy=LOOPBACK))


async def test_lines_opened_under_one_policy_are_not_lent_to_another() -> None:
    async with serve() as machine, machine.connector() as allowed:
        await allowed.get_current_reading()
        error = await failure_of(create_connector("rest_api", "oven-7", {"endpoint": machine.endpoint}))
        assert error.code == "address"


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.2.3.4.5"])
def test_odd_spellings_of_addresses_are_refused_when_they_are_saved(host: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_connector("rest_api", "oven-7", {"endpoint": f"http://{host}/"}, policy=EVERYTHING)
    assert "192.168.1.20" in caught.value.fields["endpoint"]
