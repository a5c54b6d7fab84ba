"""The guide's REST configuration, whose errors do not depend on OPC UA; that way has tests of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.rational import RationalConnector
from connectors.simulators.rational import RationalOvens
from connectors.simulators.served import make_ovens
from connectors.tests.machines import always, serve


@asynccontextmanager
async def good() -> AsyncIterator[dict[str, Any]]:
    async with RationalOvens(make_ovens()) as cloud:
        config = cloud.settings("sol-3")
        config["additional_config"]["timeout"] = 2
        yield config


@asynccontextmanager
async def refusing() -> AsyncIterator[dict[str, Any]]:
    async with good() as config:
        config["credentials"]["password"] = "not the password"
        yield config


@asynccontextmanager
async def nonsense(data: bytes) -> AsyncIterator[dict[str, Any]]:
    async with serve(always(200, body=data)) as machine:
        example = RationalConnector.example
        options = {"unit_id": "12345", "timeout": 1}
        yield {**example, "endpoint": machine.endpoint, "port": None, "additional_config": options}
