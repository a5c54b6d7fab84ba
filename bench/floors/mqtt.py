"""aiomqtt, one subscription for all ovens with QoS 1, as our own: what is acknowledged is not what is stored here."""

import asyncio
import json

import aiomqtt

from bench.floors.rhythm import Count


async def start(ports: list[int], ovens: int, count: Count) -> None:
    count.tasks.append(asyncio.create_task(_listen(ports[0], count)))


async def _listen(port: int, count: Count) -> None:
    async with aiomqtt.Client("127.0.0.1", port, identifier="bench-floor") as client:
        await client.subscribe("bench/+/data", qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            json.loads(message.payload)
            count.readings += 1
