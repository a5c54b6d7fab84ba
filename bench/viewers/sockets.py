"""Many viewers of the same machines, each with a socket of its own that may be compressed as a browser's may.

All get the same texts, so that a text is parsed once, whoever it came to.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import orjson

from bench.ranks import ranks
from bench.viewers.sight import FirstSight, Task

# What was read at the end of the window still reaches the viewers.
GRACE_SECONDS = 2.0
# Of so many viewers one notes when things came; of all it is noted that they came.
_NOTES_OF_ONE_IN = 25
_LARGEST_TEXT = 64 << 20
_AT_ONCE = 20
_DEFLATE_WINDOW_BITS = 15


@dataclass
class Text:
    """The readings in one message: their bits, and when each was received."""

    mask: int = 0
    received: list[tuple[int, float]] = field(default_factory=list)  # (bit, moment)
    temperatures: list[tuple[str, float | None]] = field(default_factory=list)


@dataclass
class Viewers:
    task: Task
    begin: float = 0.0
    messages: int = 0
    characters: int = 0
    lateness: list[float] = field(default_factory=list)
    sight: FirstSight = field(default_factory=FirstSight)
    masks: dict[int, int] = field(default_factory=dict)
    _texts: dict[str, Text] = field(default_factory=dict)
    _bits: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return self.begin + self.task.seconds

    def take(self, viewer: int, content: str) -> None:
        now = time.time()
        if (text := self._texts.get(content)) is None:
            text = self._texts[content] = self._parse(content)
        old = self.masks.get(viewer, 0)
        self.masks[viewer] = old | text.mask
        if self.begin <= now < self.end:
            self.messages += 1
            self.characters += len(content)
        if viewer % _NOTES_OF_ONE_IN == 0:
            self.lateness += [now - moment for bit, moment in text.received if not old & bit]
        if viewer == 0:
            machines = {machine.uuid: machine for machine in self.task.machines}
            for uuid, temperature in text.temperatures:
                if uuid in machines:
                    self.sight.see(machines[uuid], temperature, now)

    def _parse(self, content: str) -> Text:
        text = Text()
        for state in orjson.loads(content).get("states", ()):
            text.temperatures.append((state["equipment_id"], state["temperature"]))
            if not state.get("received_at"):
                continue
            moment = datetime.fromisoformat(state["received_at"]).timestamp()
            if self.begin and self.begin <= moment < self.end:
                key = (state["equipment_id"], state["timestamp"])
                bit = 1 << self._bits.setdefault(key, len(self._bits))
                text.mask |= bit
                text.received.append((bit, moment))
        return text


async def look(task: Task, say: Any) -> dict[str, Any]:
    viewers = Viewers(task)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Token {task.token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        gate = asyncio.Semaphore(_AT_ONCE)
        open_ones = [await _connect(session, task, gate) for _ in range(task.viewers)]
        tasks = [asyncio.create_task(_follow(viewers, number, line)) for number, line in enumerate(open_ones)]
        viewers.begin = time.time()
        say({"begin": viewers.begin, "end": viewers.end})
        await asyncio.sleep(task.seconds)
        say({"messages": viewers.messages, "characters": viewers.characters})
        await asyncio.sleep(GRACE_SECONDS)
        gone = sum(one.done() for one in tasks)
        for one in tasks:
            one.cancel()
    return {
        "gone": gone,
        "delivered": sum(mask.bit_count() for mask in viewers.masks.values()),
        "lateness": ranks(viewers.lateness),
        **viewers.sight.to_json(),
    }


async def _connect(session: aiohttp.ClientSession, task: Task, gate: asyncio.Semaphore) -> Any:
    async with gate:
        return await session.ws_connect(
            f"ws://{task.address}/ws/live/", compress=_DEFLATE_WINDOW_BITS, max_msg_size=_LARGEST_TEXT
        )


async def _follow(viewers: Viewers, number: int, line: Any) -> None:
    async for message in line:
        if message.type is aiohttp.WSMsgType.TEXT:
            viewers.take(number, message.data)
