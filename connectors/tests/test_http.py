"""How one client serves all machines of a loop without mixing them up."""

import asyncio
import logging

import pytest
from aiohttp import web

from connectors import (
    ResponseError,
    create_connector,
)
from connectors.http_client import SharedClient

from .machines import (
    GOOD,
    Machine,
    always,
    answer_well,
    assert_well,
    failure_of,
    serve,
)


async def test_redirects_stay_at_the_machine() -> None:
    async def wander(request: web.Request) -> web.StreamResponse:
        where = {"/api/v1/equipment/oven-7/data": "/a", "/a": "/b?x=1", "/b": "/c"}
        if target := where.get(request.path):
            raise web.HTTPFound(target)
        return web.json_response(GOOD)

    async with serve(wander) as machine, serve() as elsewhere:
        await assert_well(machine.connector({"token": "geheim"}))
        assert [request.path_qs for request in machine.requests][1:] == ["/a", "/b?x=1", "/c"]
        assert machine.requests[-1].headers["Authorization"] == "Bearer geheim"
        machine.answer = always(302, {"Location": f"{elsewhere.endpoint}/steal?token=abc"})
        error = await failure_of(machine.connector({"token": "geheim"}))
        assert (type(error), error.code) == (ResponseError, "redirect")
        assert f"127.0.0.1:{elsewhere.port}" in str(error)
        assert "abc" not in str(error)
        assert elsewhere.requests == []
        for location in ("https://127.0.0.1/", "/round", "http://[", "//other/"):
            machine.answer = always(302, {"Location": location})
            assert (await failure_of(machine.connector())).code == "redirect"


async def test_an_unchanged_answer_is_the_last_reading_seen_again() -> None:
    async def cached(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"v1"':
            assert request.headers["If-Modified-Since"] == "Mon, 23 Nov 2026 00:00:00 GMT"
            return web.Response(status=304)
        headers = {"ETag": '"v1"', "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"}
        return web.json_response(GOOD, headers=headers)

    async with serve(cached) as machine, machine.connector() as connector:
        first = await connector.get_current_reading()
        second = await connector.get_current_reading()
        assert second.temperature_zones == first.temperature_zones
        assert second.reading_time > first.reading_time
        assert len(machine.requests) == 2
        machine.answer = answer_well
        assert (await connector.get_current_reading()).humidity == 65


async def test_a_304_nobody_asked_for_is_an_error() -> None:
    async with serve() as machine, machine.connector() as connector:
        await connector.get_current_reading()
        machine.answer = always(304)
        with pytest.raises(ResponseError, match="HTTP 304"):
            await connector.get_current_reading()
        machine.answer = answer_well
        await connector.get_current_reading()


async def test_a_bad_answer_with_an_etag_is_asked_for_again_in_full() -> None:
    async with serve(always(200, {"ETag": '"v1"'}, body=b'{"no": 1}')) as machine, machine.connector() as connector:
        for _ in range(2):
            with pytest.raises(ResponseError):
                await connector.get_current_reading()
        assert "If-None-Match" not in machine.requests[1].headers


async def test_cookies_are_neither_kept_nor_shared() -> None:
    async with serve(always(200, {"Set-Cookie": "session=1; Path=/"}, body=b'{"temperature": 1}')) as machine:
        async with machine.connector() as first, machine.connector() as second:
            for connector in (first, second, first):
                await connector.get_current_reading()
        assert all("Cookie" not in request.headers for request in machine.requests)


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serve() as machine:
        await assert_well(machine.connector())


async def test_lines_stay_open_and_the_last_connector_closes_the_client() -> None:
    async with serve() as machine:
        async with machine.connector() as first:
            async with machine.connector() as second:
                await first.get_current_reading()
                await second.get_current_reading()
                ports = {
                    request.transport.get_extra_info("peername") for request in machine.requests if request.transport
                }
                assert len(ports) == 1
                assert len(SharedClient._clients) == 1
            await second.close()
            await first.get_current_reading()
        assert SharedClient._clients == {}


async def test_a_line_the_machine_has_closed_meanwhile_is_opened_again() -> None:
    async def close(request: web.Request) -> web.StreamResponse:
        response = web.json_response(GOOD)
        response.force_close()
        return response

    async with serve(close) as machine, machine.connector() as connector:
        for _ in range(3):
            await connector.get_current_reading()
        assert len({request.transport for request in machine.requests} - {None}) <= 3
        machine.answer = answer_well
        await connector.get_current_reading()


async def test_each_event_loop_has_its_own_client() -> None:
    async with serve() as machine, machine.connector() as here:
        await here.get_current_reading()
        # The connection test runs on a thread of its own while the collector's loop reads.
        results = await asyncio.gather(
            *[asyncio.to_thread(lambda: asyncio.run(machine.connector().test_connection())) for _ in range(3)]
        )
        assert all(result.success for result in results)
        await here.get_current_reading()
        assert len(SharedClient._clients) == 1


def test_the_place_is_written_as_one_would_dial_it() -> None:
    for endpoint, port, place in (
        ("http://192.168.1.20", None, "192.168.1.20:80"),
        ("https://oven.local", None, "oven.local:443"),
        ("https://oven.local/base", 8443, "oven.local:8443"),
        ("https://oven.local:8443", 8443, "oven.local:8443"),
        ("http://[fd12::1]:81", None, "[fd12::1]:81"),
        ("https://öfen.example", 443, "öfen.example:443"),
    ):
        assert create_connector("rest_api", "x", {"endpoint": endpoint, "port": port}).place == place


async def test_hundreds_of_lines_at_once_are_not_throttled() -> None:
    waiting = 0
    everybody = asyncio.Event()

    async def meet(request: web.Request) -> web.StreamResponse:
        nonlocal waiting
        waiting += 1
        if waiting == 300:
            everybody.set()
        await everybody.wait()
        return web.json_response(GOOD)

    async with serve(meet) as machine, machine.connector() as holder:
        await asyncio.gather(*[assert_well(machine.connector()) for _ in range(299)], holder.get_current_reading())


async def test_no_key_shows_in_logs_errors_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = {"api_key_in": "query", "data_endpoint": "/data?pin=4711geheim"}
    async with serve() as machine:
        connector = machine.connector({"api_key": "streng-geheim"}, **options)
        await assert_well(connector)
        assert machine.requests[0].path_qs == "/data?pin=4711geheim&api_key=streng-geheim"
        machine.answer = always(404)
        error = await failure_of(connector)
    shown = caplog.text + str(error) + repr(error) + repr(connector) + repr(connector.config) + repr(vars(connector))
    assert "streng-geheim" not in shown
    assert "4711geheim" not in caplog.text + str(error)


async def test_a_cancelled_reading_gives_the_client_back() -> None:
    started = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        started.set()
        await asyncio.Event().wait()
        return web.Response()

    async def read(machine: Machine) -> None:
        async with machine.connector() as connector:
            await connector.get_current_reading()

    async with serve(hang) as machine:
        task = asyncio.create_task(read(machine))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert SharedClient._clients == {}
