"""The pages' socket: a snapshot, then full states as they come, and a heartbeat between them.

Messages and close codes are described in `docs/websocket.md`.
"""

import asyncio
import contextlib
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError

from equipment.selectors import bakeries_for
from telemetry.channel import group_of
from telemetry.live import HEARTBEAT_SECONDS, encode
from telemetry.selectors import live_snapshot

NOT_SIGNED_IN = 4401
NO_BAKERY = 4404
# Whoever is signed out or taken from a bakery sees nothing more after this time.
BEATS_PER_ACCESS_CHECK = 6
# Heals what a page has missed, and turns "energy today" over at midnight.
BEATS_PER_SNAPSHOT = 60


def _find_bakeries(user: Any) -> frozenset[int]:
    return frozenset(bakeries_for(user).values_list("pk", flat=True)) if user.is_active else frozenset()


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One viewer. It may send anything; nothing is expected."""

    bakeries: frozenset[int] = frozenset()
    heart: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # A browser is told the close code only after the socket was accepted.
        await self.accept()
        self.user = self.scope["user"]
        if not self.user.is_authenticated:
            await self.close(NOT_SIGNED_IN)
        elif not (bakeries := await database_sync_to_async(_find_bakeries)(self.user)):
            await self.close(NO_BAKERY)
        else:
            await self._follow(bakeries)
            await self._send_snapshot()
            self.heart = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:
        if self.heart:
            self.heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.heart
        for bakery_id in self.bakeries:
            await self.channel_layer.group_discard(group_of(bakery_id), self.channel_name)

    async def live_event(self, event: dict[str, str]) -> None:
        """A text for the page as it is; an empty one means that machines came or went."""
        if event["text"]:
            await self.send(text_data=event["text"])
        else:
            await self._send_snapshot()

    async def _follow(self, bakeries: frozenset[int]) -> None:
        # Before the snapshot: what happens between the two comes twice rather than never.
        for bakery_id in bakeries - self.bakeries:
            await self.channel_layer.group_add(group_of(bakery_id), self.channel_name)
        for bakery_id in self.bakeries - bakeries:
            await self.channel_layer.group_discard(group_of(bakery_id), self.channel_name)
        self.bakeries = bakeries

    async def _send_snapshot(self) -> None:
        snapshot = await database_sync_to_async(live_snapshot)(self.user)
        await self.send(text_data=encode(snapshot).decode())

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
                    await self._send_snapshot()
            await self.send(text_data=encode({"type": "heartbeat"}).decode())

    async def _check_access(self) -> bool:
        """Follow a change of memberships; False, and the socket closed, when nothing is left to see."""
        self.user = await self.scope["find_user"]()
        bakeries = await database_sync_to_async(_find_bakeries)(self.user)
        if not self.user.is_authenticated or not bakeries:
            await self.close(NO_BAKERY if self.user.is_authenticated else NOT_SIGNED_IN)
            return False
        if bakeries != self.bakeries:
            await self._follow(bakeries)
            await self._send_snapshot()
        return True
