"""The simulated REMOTE cloud; for nonsense, a server whose every answer is replaced."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.simulators.served import make_ovens
from connectors.simulators.wachtel import WachtelOvens
from connectors.tests.machines import always, serve
from connectors.wachtel import WachtelConnector


@asynccontextmanager
async def good() -> AsyncIterator[dict[str, Any]]:
    async with WachtelOvens(make_ovens()) as cloud:
        config = cloud.settings("sol-2")
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
        example = WachtelConnector.example
        options = {**example["additional_config"], "timeout": 1}
        yield {**example, "endpoint": machine.endpoint, "port": None, "additional_config": options}
