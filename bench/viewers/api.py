"""A program that asks for the realtime data of its machines, one after the other, and begins again."""

import asyncio
import time
from typing import Any

import aiohttp
import orjson

from bench.viewers.sight import FirstSight, Task

# How often each machine is asked for: what this adds to the age of what is seen.
INTERVAL_SECONDS = 0.1


async def look(task: Task, say: Any) -> dict[str, Any]:
    sight = FirstSight()
    headers = {"Authorization": f"Token {task.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        end = time.time() + task.seconds
        say({})
        await asyncio.gather(*(_ask(session, task, machine, sight, end) for machine in task.machines))
    return sight.to_json()


async def _ask(session: aiohttp.ClientSession, task: Task, machine: Any, sight: FirstSight, end: float) -> None:
    url = f"http://{task.address}/api/v1/equipment/{machine.uuid}/realtime-data"
    while (now := time.time()) < end:
        async with session.get(url, raise_for_status=True) as answer:
            sight.see(machine, orjson.loads(await answer.read())["temperature"], time.time())
        await asyncio.sleep(max(now + INTERVAL_SECONDS - time.time(), 0))
