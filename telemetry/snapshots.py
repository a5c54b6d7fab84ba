"""One snapshot for all who ask for the same one: after a restart five hundred pages do so at once."""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from django.db import connection, transaction

from equipment.selectors import bakeries_for
from telemetry.live import encode
from telemetry.selectors import live_snapshot

_Key = tuple[asyncio.AbstractEventLoop, frozenset[int]]
# Those that are asked for and not begun: who joins one of them gets what was read after joining.
_coming: "dict[_Key, asyncio.Task[str | None]]" = {}


def find_bakeries(user: Any) -> frozenset[int]:
    """The primary keys of the bakeries whose machines the user may see."""
    return frozenset(bakeries_for(user).values_list("pk", flat=True)) if user.is_active else frozenset()


async def make_snapshot(user: Any, bakeries: frozenset[int]) -> str:
    """The snapshot for a user of these bakeries, read after this call. Raises the database's errors."""
    key = (asyncio.get_running_loop(), bakeries)
    if (coming := _coming.get(key)) is None:
        coming = _coming[key] = asyncio.create_task(_make(key, user))
        coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # those who wait are told
    shared = await asyncio.shield(coming)
    return shared or encode(await database_sync_to_async(live_snapshot)(user)).decode()


async def _make(key: _Key, user: Any) -> str | None:
    try:
        text: str | None = await database_sync_to_async(_read)(key, user)
        return text
    finally:
        if _coming.get(key) is asyncio.current_task():  # it failed before it was begun
            del _coming[key]


def _read(key: _Key, user: Any) -> str | None:
    """None if this user's bakeries are no longer those of the others who wait."""
    _coming.pop(key, None)
    with transaction.atomic():
        # What the user may see and what is there must be of one moment: others will be shown it.
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if find_bakeries(user) != key[1]:
            return None
        return encode(live_snapshot(user)).decode()
