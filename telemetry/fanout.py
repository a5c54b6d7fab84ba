"""One ear per web process for what is sent to the bakeries' pages, and a bounded mailbox for each page.

Channels would unpack each message once per page and hand it over through threads; here it is unpacked once for all.
"""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from telemetry.channel import group_of

# Some seconds of a few large bakeries; the texts are the same for all pages, so they cost little. A page that is
# further behind gets a snapshot, when it takes anything again.
MOST_WAITING = 128


class Mailbox:
    """The texts on their way to one page. Whoever fills it never waits."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._wants_snapshot = False
        self._stirred = asyncio.Event()

    def put(self, text: str) -> None:
        if len(self._texts) >= MOST_WAITING:
            self._texts.clear()
            self._wants_snapshot = True
        self._texts.append(text)
        self._stirred.set()

    def ask_for_snapshot(self) -> None:
        self._wants_snapshot = True
        self._stirred.set()

    async def take(self) -> str | None:
        """The next text; None where the page needs a snapshot first."""
        while not self._texts and not self._wants_snapshot:
            self._stirred.clear()
            await self._stirred.wait()
        if self._wants_snapshot:
            self._wants_snapshot = False
            return None
        return self._texts.popleft()


class Fanout:
    """The ear of one event loop. It lives as long as anybody follows a bakery."""

    _running: "dict[asyncio.AbstractEventLoop, Fanout]" = {}

    def __init__(self) -> None:
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._followers: dict[int, set[Mailbox]] = defaultdict(set)
        self._joining = asyncio.Lock()  # who comes second must not read its snapshot before the first has joined
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    def here(cls) -> "Fanout":
        return cls._running.setdefault(asyncio.get_running_loop(), cls())

    async def follow(self, bakery_id: int, mailbox: Mailbox) -> None:
        """From the moment this returns, nothing that is sent to the bakery is missed. Raises Redis's errors."""
        async with self._joining:
            if self._listening is None:
                self._channel = await self._layer.new_channel()
                self._listening = asyncio.create_task(self._listen())
            if not self._followers[bakery_id]:
                await self._layer.group_add(group_of(bakery_id), self._channel)
            self._followers[bakery_id].add(mailbox)

    async def leave(self, bakery_id: int, mailbox: Mailbox) -> None:
        async with self._joining:
            followers = self._followers.get(bakery_id, set())
            followers.discard(mailbox)
            if followers:
                return
            if self._followers.pop(bakery_id, None) is not None:
                await self._layer.group_discard(group_of(bakery_id), self._channel)
            if not self._followers:
                await self._end()

    async def _listen(self) -> None:
        while True:
            event = await self._layer.receive(self._channel)
            text = event["text"]
            for mailbox in self._followers.get(event["bakery_id"], ()):
                # An empty text means that machines came or went.
                if text:
                    mailbox.put(text)
                else:
                    mailbox.ask_for_snapshot()

    async def _end(self) -> None:
        self._running.pop(asyncio.get_running_loop(), None)
        listening, self._listening = self._listening, None
        if listening:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
