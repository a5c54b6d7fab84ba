import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.signals import request_finished, request_started
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from knox.models import AuthToken

from bakery_iot.request_threads import RequestThreads, StraightHandler
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


class Reader:
    """Asks for `/`, takes what is sent, and leaves after so many messages; None: it waits for all."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.leaves_after = leaves_after
        self.asked = False
        self.sent: list[Mapping[str, Any]] = []
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)
        if len(self.sent) == self.leaves_after:
            self.left.set()
        await asyncio.sleep(0)

    async def read(self, handler: StraightHandler, path: str = "/") -> bytes:
        scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"testserver")]}
        async with asyncio.timeout(10):
            await handler(scope, self.receive, self.send)
        return b"".join(message.get("body", b"") for message in self.sent)


async def test_a_request_is_answered_on_one_thread_between_its_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, int]] = []

    def note(step: str) -> None:
        steps.append((step, threading.get_ident()))

    def answer(request: HttpRequest) -> HttpResponse:
        note("view")
        return HttpResponse(b"fresh bread")

    def started(**_: Any) -> None:
        note("started")

    def finished(**_: Any) -> None:
        note("finished")

    handler = StraightHandler()
    monkeypatch.setattr(handler, "get_response", answer)
    request_started.connect(started)
    request_finished.connect(finished)
    try:
        assert await Reader().read(handler) == b"fresh bread"
    finally:
        request_started.disconnect(started)
        request_finished.disconnect(finished)
    assert [step for step, _ in steps] == ["started", "view", "finished"]
    assert len({thread for _, thread in steps} | {threading.get_ident()}) == 2  # one, and not that of the loop


async def test_a_download_ends_when_its_reader_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"bread "

    handler, reader = StraightHandler(), Reader(leaves_after=4)
    response = StreamingHttpResponse(endless())
    monkeypatch.setattr(handler, "get_response", lambda request: response)
    assert (await reader.read(handler)).startswith(b"bread bread ")
    assert response.closed


async def test_a_download_that_breaks_is_not_taken_for_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"bread "
        raise ZeroDivisionError

    handler, reader = StraightHandler(), Reader()
    monkeypatch.setattr(handler, "get_response", lambda request: StreamingHttpResponse(breaking()))
    with pytest.raises(ZeroDivisionError):
        await reader.read(handler)
    assert reader.sent[-1]["more_body"]


async def test_an_address_that_is_no_text_is_refused() -> None:
    reader = Reader()
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"\xff\xfe")]}
    await StraightHandler()(scope, reader.receive, reader.send)
    assert reader.sent[0]["status"] == 400
