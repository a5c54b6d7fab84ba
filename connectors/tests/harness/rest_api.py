"""An aiohttp server whose answer is replaced."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.rest_api import RestApiConnector
from connectors.tests.machines import Handler, always, answer_well, serve


@asynccontextmanager
async def _served(answer: Handler, **options: Any) -> AsyncIterator[dict[str, Any]]:
    async with serve(answer) as machine:
        example = RestApiConnector.example
        yield {
            "endpoint": machine.endpoint,
            "port": None,
            "credentials": example["credentials"],
            "additional_config": {**example["additional_config"], "timeout": 1, **options},
        }


def good() -> Any:
    return _served(answer_well, mapping={})


def refusing() -> Any:
    return _served(always(401))


def nonsense(data: bytes) -> Any:
    return _served(always(200, body=data))
