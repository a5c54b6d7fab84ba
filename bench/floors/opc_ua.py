"""asyncua, one session for the 25 ovens of a server, one batched read of twelve values per oven."""

import functools
from typing import Any

from asyncua import Client, ua

from bench.fleet.opc_ua import NAMESPACE, OVENS_PER_SERVER, node_of
from bench.floors.rhythm import INTERVAL_SECONDS, Count
from bench.values import VALUES


async def start(ports: list[int], ovens: int, count: Count) -> None:
    for server, first in enumerate(range(0, ovens, OVENS_PER_SERVER)):
        client = Client(f"opc.tcp://127.0.0.1:{ports[server]}", timeout=60)
        await client.connect()
        index = await client.get_namespace_index(NAMESPACE)
        for oven in range(min(OVENS_PER_SERVER, ovens - first)):
            nodes = [ua.NodeId(node_of(oven, value.field), index) for value in VALUES]
            count.poll(functools.partial(_read, client, nodes), (first + oven) / ovens * INTERVAL_SECONDS)


async def _read(client: Client, nodes: list[Any]) -> list[Any]:
    answers = await client.uaclient.read_attributes(nodes, ua.AttributeIds.Value)
    return [answer.Value.Value for answer in answers]
