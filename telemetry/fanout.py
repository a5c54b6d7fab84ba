"""One ear per web process for what is sent to the bakeries' pages, and a bounded mailbox for each page.

Channels would unpack each message once per page and hand it over through threads; here it is unpacked once for all.
"""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from functools import lru_cache
from typing import Any

from channels.layers import get_channel_layer

from telemetry.channel import group_of

# Some seconds of a few large bakeries; the texts are the same for all pages, so they cost little. A page that is
# further behind gets a snapshot, when it takes anything again.
MOST_WAITING = 128


# The bakeries of one batch come as messages of their own within a moment; a page gets them as one.
GATHER_SECONDS = 0.02
LONGEST_TEXT = 250_000  # clients refuse messages beyond a limit of theirs, often a million bytes
_IS_STATES, _STATES, _END = '"type":"states"', '"states":[', "]}"


@lru_cache(maxsize=32)
def join_states(texts: tuple[str, ...]) -> str:
    """Messages of `states` as one, in their order, of the last one's time. The same text for all who need the same."""
    if len(texts) == 1:
        return texts[0]
    begin = texts[-1].index(_STATES) + len(_STATES)
    inner = (text[text.index(_STATES) + len(_STATES) : -len(_END)] for text in texts)
    return texts[-1][:begin] + ",".join(inner) + _END


def is_states(text: str) -> bool:
    return _IS_STATES in text[:80]


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
        """The next text, or all states up to the next text of another kind; None for: a snapshot comes first."""
        while not self._texts and not self._wants_snapshot:
            self._stirred.clear()
            await self._stirred.wait()
        if self._wants_snapshot:
            self._wants_snapshot = False
            return None
        first = self._texts.popleft()
        if not is_states(first):
            return first
        states, length = [first], len(first)
        while self._texts and is_states(self._texts[0]) and (length := length + len(self._texts[0])) < LONGEST_TEXT:
            states.append(self._texts.popleft())
        return join_states(tuple(states))


class Fanout:
    """The ear of one event loop. It lives as long as anybody follows a bakery."""

    _running: "dict[asyncio.AbstractEventLoop, Fanout]" = {}

    def __init__(self) -> None:
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._followers: dict[int, set[Mailbox]] = defaultdict(set)
        self._joining = asyncio.Lock()  # who comes second must not read its snapshot before the first has joined
        self._listening: asyncio.Task[None] | None = None
        self._arrived: list[dict[str, Any]] = []

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
            if not self._arrived:
                asyncio.get_running_loop().call_later(GATHER_SECONDS, self._distribute)
            self._arrived.append(event)

    def _distribute(self) -> None:
        arrived, self._arrived = self._arrived, []
        for event in arrived:
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
