"""httpx on the transport of aiohttp, one client for all ovens, connections kept open."""

import functools
from typing import Any

import httpx
from httpx_aiohttp import HttpxAiohttpClient

from bench.floors.rhythm import INTERVAL_SECONDS, Count


async def start(ports: list[int], ovens: int, count: Count) -> None:
    everything = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = HttpxAiohttpClient(limits=everything, timeout=None, trust_env=False)
    for number, port in enumerate(ports[:ovens]):
        read = functools.partial(_read, client, f"http://127.0.0.1:{port}/data")
        count.poll(read, number / ovens * INTERVAL_SECONDS)


async def _read(client: httpx.AsyncClient, url: str) -> Any:
    answer = await client.get(url)
    return answer.json()
