"""A small simulated bakery on a real socket, and somebody who asks one of its ovens."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout

from connectors.simulators.fleet import FLEET
from connectors.simulators.http import SimulatedBakery

SMALL_FLEET = tuple(spec for spec in FLEET if spec.key in ("sol-1", "teide-1"))


@pytest.fixture
async def bakery() -> AsyncIterator[SimulatedBakery]:
    async with SimulatedBakery(SMALL_FLEET) as bakery:
        yield bakery


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=ClientTimeout(total=10)) as session:
        yield session


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Asker:
    """Asks one oven, signed in."""

    def __init__(self, bakery: SimulatedBakery, client: ClientSession, key: str = "sol-1") -> None:
        self._client = client
        self.oven = bakery.ovens[key]
        self._url = f"{bakery.url}/ovens/{key}/"
        self._headers = bearer(self.oven.token)

    async def __call__(self, path: str = "data", **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
        async with self._client.get(self._url + path, headers=self._headers | headers) as answer:
            return answer.status, await answer.read(), answer.headers

    async def document(self) -> dict[str, Any]:
        status, body, _ = await self()
        assert status == 200
        found: dict[str, Any] = json.loads(body)
        return found


@pytest.fixture
def ask(bakery: SimulatedBakery, client: ClientSession) -> Asker:
    return Asker(bakery, client)
