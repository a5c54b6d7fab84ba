import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from knox.models import AuthToken

from bakery_iot.request_threads import RequestThreads
from equipment.tests.factories import make_bakery, make_user


class House:
    """Notes on which thread each request is served; those in `barrier` wait for each other."""

    def __init__(self, together: int) -> None:
        self.barrier = threading.Barrier(together, timeout=20)
        self.threads: list[int] = []

    async def __call__(self, *args: Any) -> None:
        self.threads.append(await sync_to_async(self.serve)())
        assert await sync_to_async(threading.get_ident)() in self.threads

    def serve(self) -> int:
        self.barrier.wait()
        return threading.get_ident()


async def ask(threads: RequestThreads, times: int) -> None:
    asked: Any = ({"type": "http"}, None, None)
    await asyncio.gather(*(threads(*asked) for _ in range(times)))


async def test_one_request_after_the_other_has_the_same_thread() -> None:
    threads = RequestThreads(house := House(1))
    for _ in range(5):
        await ask(threads, 1)
    assert len(set(house.threads)) == 1
    threads.close()


async def test_requests_at_once_do_not_wait_for_each_other_and_few_threads_stay() -> None:
    threads = RequestThreads(house := House(6), most_idle=2)
    await ask(threads, 6)
    assert len(set(house.threads)) == 6
    assert len(threads.idle) == 2
    threads.close()
    assert threads.idle == []


async def test_a_request_that_fails_or_is_given_up_gives_its_thread_back() -> None:
    async def fail(*args: Any) -> None:
        raise ZeroDivisionError

    async def hang(*args: Any) -> None:
        await asyncio.Event().wait()

    asked: Any = ({"type": "http"}, None, None)
    failing, hanging = RequestThreads(fail), RequestThreads(hang)
    with pytest.raises(ZeroDivisionError):
        await failing(*asked)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hanging(*asked), 0.1)
    assert len(failing.idle) == len(hanging.idle) == 1


def test_many_requests_need_few_database_connections(transactional_db: None, site: str) -> None:
    make_bakery(user := make_user("staff"))
    _, token = AuthToken.objects.create(user)

    def ask_often(times: int) -> list[int]:
        with httpx.Client(headers={"Authorization": f"Token {token}"}) as client:
            return [client.get(f"{site}/api/v1/equipment").status_code for _ in range(times)]

    with ThreadPoolExecutor(2) as pool:
        assert {code for codes in pool.map(ask_often, [15, 15]) for code in codes} == {200}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (sessions,) = cursor.fetchone()
    assert sessions <= 10  # 30 where each request opens its own
