"""The pages' socket: a snapshot, then full states as they come, and a heartbeat between them.

Messages and close codes are described in `docs/websocket.md`.
"""

import asyncio
import contextlib

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError

from telemetry.fanout import Fanout, Mailbox
from telemetry.live import HEARTBEAT_SECONDS, encode
from telemetry.narrowing import NarrowingConsumer
from telemetry.snapshots import find_bakeries, make_snapshot

NOT_SIGNED_IN = 4401
NO_BAKERY = 4404
TOO_SLOW = 1013  # "try again later"
# A page that takes nothing for this long is gone, or behind a line that cannot carry what it wants.
STUCK_SECONDS = 30.0
# Whoever is signed out or taken from a bakery sees nothing more after this time.
BEATS_PER_ACCESS_CHECK = 6
# Heals what a page has missed, and turns "energy today" over at midnight.
BEATS_PER_SNAPSHOT = 60


class LiveConsumer(NarrowingConsumer):
    """One viewer."""

    channel_layer_alias = "none"  # the process has one ear for all its viewers: `fanout.py`
    bakeries: frozenset[int] = frozenset()
    tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        # A browser is told the close code only after the socket was accepted.
        await self.accept()
        self.user = self.scope["user"]
        self.mailbox, self.fanout = Mailbox(), Fanout.here()
        if not self.user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
        elif not (bakeries := await database_sync_to_async(find_bakeries)(self.user)):
            await self.close(NO_BAKERY)
        else:
            await self._follow(bakeries)
            self.mailbox.ask_for_snapshot()
            self.tasks = (asyncio.create_task(self._deliver()), asyncio.create_task(self._beat()))

    async def disconnect(self, code: int) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for bakery_id in self.bakeries:
            await self.fanout.leave(bakery_id, self.mailbox)

    async def send_all_again(self) -> None:
        self.mailbox.ask_for_snapshot()

    async def _follow(self, bakeries: frozenset[int]) -> None:
        # Before the snapshot: what happens between the two comes twice rather than never.
        for bakery_id in bakeries - self.bakeries:
            self.bakeries |= {bakery_id}
            await self.fanout.follow(bakery_id, self.mailbox)
        for bakery_id in self.bakeries - bakeries:
            self.bakeries -= {bakery_id}
            await self.fanout.leave(bakery_id, self.mailbox)

    async def _deliver(self) -> None:
        """Send what comes, as fast as this page takes it."""
        while True:
            text = await self.mailbox.take() or await self._make_snapshot()
            try:
                async with asyncio.timeout(STUCK_SECONDS):
                    await self.send(text_data=text)
            except TimeoutError:
                await self._follow(frozenset())  # its closing handshake will take its time too
                await self.close(TOO_SLOW)
                return

    async def _make_snapshot(self) -> str:
        """Without the database a sign of life: the page keeps its line, and what it shows ages by itself."""
        try:
            return await make_snapshot(self.user, self.bakeries)
        except (OperationalError, InterfaceError):
            asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self.mailbox.ask_for_snapshot)
            return encode({"type": "heartbeat"}).decode()

    async def _beat(self) -> None:
        beat = 0
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            beat += 1
            # Without the database the pages keep their line: what they show ages by itself.
            with contextlib.suppress(OperationalError, InterfaceError):
                if beat % BEATS_PER_ACCESS_CHECK == 0 and not await self._check_access():
                    return
                if beat % BEATS_PER_SNAPSHOT == 0:
                    self.mailbox.ask_for_snapshot()
            self.mailbox.put(encode({"type": "heartbeat"}).decode())

    async def _check_access(self) -> bool:
        """Follow a change of memberships; False, and the socket closed, when nothing is left to see."""
        self.user = await self.scope["find_user"]()
        bakeries = await database_sync_to_async(find_bakeries)(self.user)
        if not self.user.is_authenticated or not bakeries:
            await self.close(NO_BAKERY if self.user.is_authenticated else NOT_SIGNED_IN)
            return False
        if bakeries != self.bakeries:
            await self._follow(bakeries)
            self.mailbox.ask_for_snapshot()
        return True
