"""The only code that sends through the channel layer, and that knows who listens there.

The layer lives on one loop and thread of this process: with a loop for each call it would open a connection for each.
"""

import asyncio
import logging
import threading
from collections.abc import Collection, Coroutine, Mapping, Sequence
from functools import cache
from typing import Any

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

SEND_SECONDS = 5.0


def group_of(bakery_id: int) -> str:
    return f"bakery.{bakery_id}"


def send(messages: Mapping[int, Sequence[bytes]]) -> None:
    """Texts for the pages of each bakery. Without Redis the pages miss them and say so; the caller goes on."""
    if not messages:
        return
    try:
        _run(_group_send(messages))
    except (RedisError, OSError) as error:
        logger.warning("Pages were not told, Redis is away: %s", error)


def list_watched(bakery_ids: Collection[int]) -> set[int]:
    """Those of the bakeries that any page, of any web process, follows at this moment.

    A page follows first and reads its snapshot after, so what is not sent to it here is in that snapshot. Without an
    answer from Redis all count as watched.
    """
    groups = {pk: f"asgi__group__{group_of(pk)}" for pk in bakery_ids}  # as channels_redis.pubsub names them
    try:
        listening = {name.decode(): count for name, count in _redis().pubsub_numsub(*groups.values())}
    except (RedisError, OSError):
        return set(bakery_ids)
    return {pk for pk, name in groups.items() if listening.get(name)}


async def _group_send(messages: Mapping[int, Sequence[bytes]]) -> None:
    layer = get_channel_layer()
    for bakery_id, texts in messages.items():
        for text in texts:
            await layer.group_send(group_of(bakery_id), {"bakery_id": bakery_id, "text": text.decode()})


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    waiting = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    try:
        waiting.result(SEND_SECONDS)
    except TimeoutError:
        waiting.cancel()
        raise


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="channel", daemon=True).start()
    return loop


@cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=SEND_SECONDS, socket_connect_timeout=SEND_SECONDS)
