"""A broker with a password, and a machine that publishes to it ten times a second."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from connectors.mqtt import MqttConnector
from connectors.simulators.broker import LocalBroker
from connectors.simulators.mqtt import end_tasks
from connectors.tests.machines import GOOD

_USER, _PASSWORD = "bakery", "the broker's own password"
_TOPIC = "bakery/oven-1/data"


@asynccontextmanager
async def _served(payload: bytes, password: str = _PASSWORD) -> AsyncIterator[dict[str, Any]]:
    async with LocalBroker({_USER: _PASSWORD}) as broker:
        publishing = asyncio.create_task(_publish(broker.port, payload))
        options = {**MqttConnector.example["additional_config"], "timeout": 1, "mapping": {}}
        try:
            yield {
                "endpoint": "mqtt://127.0.0.1",
                "port": broker.port,
                "credentials": {"username": _USER, "password": password},
                "additional_config": options,
            }
        finally:
            await end_tasks([publishing])


async def _publish(port: int, payload: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", port, username=_USER, password=_PASSWORD) as machine:
        while True:
            await machine.publish(_TOPIC, payload, 1)
            await asyncio.sleep(0.1)


def good() -> Any:
    return _served(json.dumps(GOOD).encode())


def refusing() -> Any:
    return _served(b"{}", password="another one")


def nonsense(data: bytes) -> Any:
    return _served(data)
