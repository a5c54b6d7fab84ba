"""Every way a machine's web server can fail us, over real sockets, each followed by its recovery."""

import asyncio
import gzip
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web

from connectors import (
    AuthenticationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
    create_connector,
)
from connectors.http_client import LARGEST_ANSWER
from connectors.http_errors import parse_retry_after

from .machines import (
    GOOD,
    LOOPBACK,
    always,
    answer_well,
    assert_well,
    failure_of,
    serve,
    serve_bytes,
)

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code", "words"),
    [
        (401, {}, AuthenticationError, "auth", "Enter it again"),
        (403, {}, AuthenticationError, "forbidden", "Ask for the right"),
        (404, {}, ResponseError, "not_found", "/api/v1/equipment/oven-7/data"),
        (409, {}, ResponseError, "rejected", "HTTP 409"),
        (429, {"Retry-After": "30"}, ResponseError, "rate_limited", "wait 30 s"),
        (429, {}, ResponseError, "rate_limited", "poll less often"),
        (503, {"Retry-After": "7"}, ResponseError, "rate_limited", "wait 7 s"),
        (503, {}, ResponseError, "server", "HTTP 503"),
        (500, {}, ResponseError, "server", "fault of its own"),
        (304, {}, ResponseError, "rejected", "HTTP 304"),
    ],
)
async def test_a_status_becomes_a_sentence_and_the_next_reading_recovers(
    status: int, headers: dict[str, str], kind: type[ConnectorError], code: str, words: str
) -> None:
    async with serve(always(status, headers)) as machine:
        connector = machine.connector()
        async with connector:
            with pytest.raises(kind) as caught:
                await connector.get_current_reading()
            assert (caught.value.code, words in str(caught.value)) == (code, True), str(caught.value)
            assert f"127.0.0.1:{machine.port}" in str(caught.value)
            machine.answer = answer_well
            assert (await connector.get_current_reading()).humidity == 65


async def test_retry_after_is_handed_on_in_seconds_and_as_a_date_and_capped() -> None:
    async with serve(always(429, {"Retry-After": "30"})) as machine:
        assert (await failure_of(machine.connector())).retry_after == 30
    now = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert parse_retry_after("Mon, 23 Nov 2026 00:02:00 GMT", now=now) == 120
    assert parse_retry_after("Sun, 22 Nov 2026 00:00:00 GMT", now=now) == 0
    assert parse_retry_after("999999999999999999999", now=now) == 3600
    for nonsense in (None, "", "soon", "-5", "1e9", "٣", "Mon, 99 Nov 99999 00:00:00 GMT"):
        assert parse_retry_after(nonsense, now=now) in (None, 0, 3), nonsense


async def test_a_dead_port_is_named_and_the_machine_is_found_once_it_listens() -> None:
    async with serve() as machine:
        await assert_well(machine.connector())
    error = await failure_of(machine.connector())
    assert isinstance(error, UnreachableError)
    assert (error.code, error.status, error.retry) == ("refused", "disconnected", True)
    assert f"Nothing listens at 127.0.0.1:{machine.port}" in str(error)
    async with serve() as again:
        await assert_well(again.connector())


async def test_an_unknown_name_is_a_dns_error() -> None:
    config = {"endpoint": "http://oven.invalid"}
    error = await failure_of(create_connector("rest_api", "oven-7", config, policy=LOOPBACK))
    assert (type(error), error.code) == (UnreachableError, "dns")
    assert "oven.invalid:80 is not known" in str(error)


async def test_a_hanging_server_costs_its_timeout_and_holds_up_nobody_else() -> None:
    release = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.json_response(GOOD)

    async with serve(hang) as hanging, serve() as well:
        started = time.monotonic()
        waiting = asyncio.create_task(failure_of(hanging.connector(timeout=0.4)))
        await assert_well(well.connector())
        assert not waiting.done()
        error = await waiting
        assert 0.3 < time.monotonic() - started < 2
        assert (type(error), error.code) == (UnreachableError, "timeout")
        assert "within 0.4 s" in str(error)
        release.set()
        await assert_well(hanging.connector(timeout=0.4))


async def test_a_slow_drip_does_not_outlive_the_timeout() -> None:
    head = JSON_HEAD + b"Content-Length: 1000\r\n\r\n"
    async with serve_bytes(head, *[b" "] * 200, pause=0.05) as machine:
        started = time.monotonic()
        assert (await failure_of(machine.connector(timeout=0.3))).code == "timeout"
        assert time.monotonic() - started < 2


async def test_an_answer_of_ten_megabytes_is_cut_off() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(160):
            await response.write(b"x" * 65536)
            sent += 65536
        return response

    async with serve(flood) as machine:
        error = await failure_of(machine.connector())
        assert (type(error), error.code) == (ResponseError, "too_large")
        assert "enter the one for the current values" in str(error)
        assert sent < 10 * LARGEST_ANSWER
        machine.answer = always(200, body=b"x" * (LARGEST_ANSWER + 1))
        assert (await failure_of(machine.connector())).code == "too_large"
        machine.answer = answer_well
        await assert_well(machine.connector())


async def test_a_packed_bomb_counts_unpacked_and_honest_gzip_is_read() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 60_000
    async with serve(always(200, {"Content-Encoding": "gzip"}, body=bomb)) as machine:
        assert (await failure_of(machine.connector())).code == "too_large"
        machine.answer = always(200, {"Content-Encoding": "gzip"}, body=b"not gzip")
        assert "cannot be unpacked" in str(await failure_of(machine.connector()))
        machine.answer = always(200, {"Content-Encoding": "br"}, body=b"x")
        assert "did not ask for" in str(await failure_of(machine.connector()))
        machine.answer = always(200, {"Content-Encoding": "gzip"}, body=gzip.compress(b'{"temperature": 185.5}'))
        await assert_well(machine.connector())


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<!doctype html><p>Sign in", "text/html", "a web page"),
        (b"  <?xml version='1.0'?>", "application/json", "a web page"),
        (b"", "application/json", "empty answer"),
        (b"\xff\xfe\x00garbage", "application/json", "not JSON"),
        (b'{"temperature": 18', "application/json", "not JSON"),
        (b"[" * 100_000, "application/json", "not JSON"),
        (b"9" * 10_000, "application/json", "not JSON"),
        (b"185.5", "application/json", "not an object"),
        (b'{"temp": 1, "deck": {"top": 2}}', "application/json", "Found: temp, deck.top."),
    ],
)
async def test_what_is_not_a_reading_is_described(body: bytes, content_type: str, words: str) -> None:
    async with serve(always(200, {"Content-Type": content_type}, body=body)) as machine:
        error = await failure_of(machine.connector())
        assert isinstance(error, ResponseError)
        assert words in str(error)
        machine.answer = answer_well
        await assert_well(machine.connector())


async def test_sloppy_json_is_understood() -> None:
    for body in (b'\xef\xbb\xbf{"temperature": 185.5}', b'{"temperature": 185.5, "unit": "\xb0C"}'):
        async with serve(always(200, body=body)) as machine:
            await assert_well(machine.connector())


async def test_a_line_broken_in_mid_answer_is_a_reset() -> None:
    for pieces in (
        (JSON_HEAD + b"Content-Length: 500\r\n\r\n", b'{"temperature": 18'),
        (JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10\r\nabc"),
        (),
    ):
        async with serve_bytes(*pieces) as machine:
            error = await failure_of(machine.connector())
            assert (type(error), error.code) == (UnreachableError, "reset")


async def test_what_is_no_web_server_is_told_apart() -> None:
    async with serve_bytes(b"220 oven FTP ready\r\n\r\n") as machine:
        assert "not a web server" in str(await failure_of(machine.connector()))
