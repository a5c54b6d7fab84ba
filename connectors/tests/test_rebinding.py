"""A name server in the hands of somebody who wants us to call ourselves: good for the first look-up, bad later.

What counts is the address a socket is about to connect to, at every connection of every protocol.
"""

import asyncio
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import ThreadedResolver, web

from connectors import PROTOCOLS, AddressPolicy, ConfigurationError, create_connector

from .harness import harness_of
from .machines import LOOPBACK, failure_of, serve

NAME = "oven.example"
METADATA = "169.254.169.254"


class NameServer:
    """Answers for `NAME` with one address after the other, and then with the last one for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0
        self._loop = asyncio.get_running_loop()
        self._original = self._loop.getaddrinfo
        monkeypatch.setattr(self._loop, "getaddrinfo", self._find)
        monkeypatch.setattr(aiohttp.connector, "DefaultResolver", ThreadedResolver)

    async def _find(self, host: Any, port: Any, **options: Any) -> Any:
        if host != NAME:
            return await self._original(host, port, **options)
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, int(port)))]


def by_name(config: dict[str, Any]) -> dict[str, Any]:
    here = next(host for host in ("127.0.0.1", "localhost") if host in config["endpoint"])
    return {**config, "endpoint": config["endpoint"].replace(here, NAME)}


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
async def test_a_name_that_turns_into_another_address_is_refused(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with harness_of(protocol).good() as config:
        names = NameServer(monkeypatch, "127.0.0.1")
        async with create_connector(protocol, "oven-7", by_name(config), policy=LOOPBACK) as connector:
            assert await connector.get_current_reading()
        looked_up = names.asked
        assert looked_up
        # The same machine, still listening; only that loopback is not allowed here.
        error = await failure_of(create_connector(protocol, "oven-7", by_name(config), policy=AddressPolicy()))
        assert isinstance(error, ConfigurationError) and error.code == "address"
        names.answers = [METADATA]
        error = await failure_of(create_connector(protocol, "oven-7", by_name(config), policy=LOOPBACK))
        assert isinstance(error, ConfigurationError) and error.code == "address"
        assert names.asked > looked_up


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
async def test_one_connection_asks_for_the_name_once(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a look-up that is judged and a second one that is dialled there would be room for another answer."""
    async with harness_of(protocol).good() as config:
        names = NameServer(monkeypatch, "127.0.0.1", METADATA)
        try:
            async with create_connector(protocol, "oven-7", by_name(config), policy=LOOPBACK) as connector:
                assert await connector.get_current_reading()
            assert names.asked == 1
        except ConfigurationError as error:  # OPC UA connects twice, and the second time is judged by itself
            assert (error.code, names.asked, "opc" in config["endpoint"]) == ("address", 2, True)


@pytest.mark.parametrize("place", ["http://{name}:{port}/latest", "http://127.0.0.1:{port}/latest"])
async def test_a_redirect_leads_nowhere_that_was_not_asked_for(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first machine answers by itself and sends us on: to a name of its own, or to our own server."""
    NameServer(monkeypatch, "127.0.0.1", METADATA)
    async with serve() as inside, serve() as machine:

        async def send_on(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(place.format(name="other.example", port=inside.port))

        machine.answer = send_on
        config = {"endpoint": f"http://{NAME}:{machine.port}"}
        error = await failure_of(create_connector("rest_api", "oven-7", config, policy=LOOPBACK))
        assert error.code == "redirect"
        assert inside.requests == []
