"""The bell: rung before or while somebody waits, once for all rings since."""

import asyncio

from connectors.bell import Bell


async def test_it_wakes_who_waits_and_who_comes_later() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    bell.ring()
    bell.ring()
    await asyncio.wait_for(waiting, 1)
    bell.ring()
    await asyncio.wait_for(bell.wait(), 1)
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    assert not waiting.done(), "it has not rung since"
    waiting.cancel()


async def test_a_ring_is_not_lost_with_the_one_who_waited() -> None:
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    bell.ring()
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.wait_for(bell.wait(), 1)
