import asyncio
import gc
import weakref
from time import monotonic

import pytest
import uvloop

from connectors.deadlines import GRAIN_SECONDS, TimeLimit


async def test_what_takes_too_long_is_broken_off_in_time() -> None:
    began = monotonic()
    with pytest.raises(TimeoutError), TimeLimit(0.1):
        await asyncio.Event().wait()
    assert 0.1 <= monotonic() - began < 0.1 + 10 * GRAIN_SECONDS


async def test_what_is_quick_enough_goes_through() -> None:
    for _ in range(1000):
        with TimeLimit(0.2):
            await asyncio.sleep(0)


async def test_an_error_inside_stays_what_it_is() -> None:
    with pytest.raises(KeyError), TimeLimit(1):
        raise KeyError


async def test_the_inner_one_of_two_limits_strikes_alone() -> None:
    with TimeLimit(5):
        with pytest.raises(TimeoutError), TimeLimit(0.01):
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def test_the_outer_one_goes_through_the_inner_one() -> None:
    async def wait() -> None:
        with TimeLimit(5):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError), TimeLimit(0.01):
        await wait()


async def test_a_task_that_somebody_cancels_is_cancelled_and_not_late() -> None:
    async def wait() -> None:
        with TimeLimit(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_loop_that_is_closed_is_forgotten() -> None:
    async def limit() -> None:
        with TimeLimit(1):
            await asyncio.sleep(0)

    loop = uvloop.new_event_loop()
    loop.run_until_complete(limit())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None
