"""As many requests for realtime data as the web process answers, by a few clients that ask one after the other."""

import asyncio
import itertools
import time
from typing import Any

import aiohttp

from bench.ranks import ranks
from bench.viewers.sight import Task


async def look(task: Task, say: Any) -> dict[str, Any]:
    urls = [f"http://{task.address}/api/v1/equipment/{machine.uuid}/realtime-data" for machine in task.machines]
    took: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Token {task.token}"}) as session:
        async with session.get(urls[0], raise_for_status=True) as answer:
            body = await answer.read()
        say({"body": body.decode()})
        end = time.monotonic() + task.seconds
        await asyncio.gather(*(_ask(session, itertools.cycle(urls), end, took) for _ in range(task.viewers)))
    return {"requests": len(took), "took": ranks(took)}


async def _ask(session: aiohttp.ClientSession, urls: Any, end: float, took: list[float]) -> None:
    while (begun := time.monotonic()) < end:
        async with session.get(next(urls), raise_for_status=True) as answer:
            await answer.read()
        took.append(time.monotonic() - begun)
