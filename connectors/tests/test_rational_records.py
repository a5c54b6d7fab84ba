"""Fetching records from the simulated ConnectedCooking: sign-in, pages, days, and what can go wrong on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from connectors import (
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
)
from connectors.rational_records import RationalRecords
from connectors.rational_settings import RationalConfig
from connectors.records import RecordsFound, find_record_source, has_records
from connectors.simulators.rational import serial_number_of
from connectors.simulators.rational_records import ConnectedCookingRecords
from connectors.simulators.served import make_ovens

from .machines import LOOPBACK, always, serve

SERIAL = serial_number_of("sol-3")
NOW = datetime.now(UTC)


@pytest.fixture
async def cloud() -> AsyncIterator[ConnectedCookingRecords]:
    ovens = {key: oven for key, oven in make_ovens().items() if key in ("sol-3", "teide-3")}
    async with ConnectedCookingRecords(ovens, days=2, now=lambda: NOW) as cloud:
        yield cloud


def records(cloud: ConnectedCookingRecords, timeout: float = 5, secret: str = "", **options: Any) -> RationalRecords:
    client = {**cloud.credentials, **({"client_secret": secret} if secret else {})}
    config = RationalConfig.model_validate(
        {
            "credentials": {"username": "u", "password": "p", **client},
            "additional_config": {"unit_id": "1", "timeout": timeout, "haccp": cloud.options(**options)},
        }
    )
    return RationalRecords(config, policy=LOOPBACK)


async def fetch(source: RationalRecords, serial_number: str = SERIAL, **given: Any) -> RecordsFound:
    return await source.fetch(**{"since": None, "now": NOW, "serial_number": serial_number, **given})


async def failure(source: RationalRecords, **given: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        await fetch(source, **given)
    assert caught.value.__cause__ is None
    return caught.value


def own_batches(cloud: ConnectedCookingRecords) -> list[dict[str, Any]]:
    return [item for item in cloud.batches if item["deviceSerialNumber"] == SERIAL and item["finished"]]


async def test_all_pages_of_one_device_come_and_the_programmes(cloud: ConnectedCookingRecords) -> None:
    cloud.largest_page = 7
    found = await fetch(records(cloud))
    assert len(own_batches(cloud)) > 14
    assert {batch.batch_id for batch in found.batches} == {item["haccpId"] for item in own_batches(cloud)}
    assert {batch.serial_number for batch in found.batches} == {SERIAL}
    assert found.programmes is not None
    assert len(found.programmes) == len(cloud.programmes)
    assert found.trouble is None
    assert found.seen_until == datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
    sorts = {request.path: request.query["sort"] for request in cloud.requests}
    assert sorts == {"/api/public/haccp-service/haccps": "id,asc", "/api/public/cooking-programs": "id.asc"}


@pytest.mark.parametrize("headers", ["link", "x-total-count", "none"])
async def test_pages_are_counted_by_whatever_the_cloud_says(
    cloud: ConnectedCookingRecords, monkeypatch: pytest.MonkeyPatch, headers: str
) -> None:
    inner = cloud._answer_page

    def answer(request: web.Request, items: list[Any], path: str) -> web.Response:
        response = inner(request, items, path)
        for name in {"link", "x-total-count"} - {headers}:
            del response.headers[name]
        return response

    monkeypatch.setattr(cloud, "_answer_page", answer)
    item = own_batches(cloud)[0]
    cloud.batches += [{**item, "id": 1000 + number, "haccpId": f"extra-{number}"} for number in range(150)]
    found = await fetch(records(cloud))
    assert len(found.batches) == len(own_batches(cloud)) > 150


async def test_days_are_those_of_the_last_change_in_utc(cloud: ConnectedCookingRecords) -> None:
    await fetch(records(cloud))
    first = cloud.requests[0].query
    assert first["from"] == f"{NOW - timedelta(days=30):%Y-%m-%d}"
    assert first["to"] == f"{NOW:%Y-%m-%d}"
    cloud.requests.clear()
    await fetch(records(cloud), since=NOW - timedelta(days=3))
    assert cloud.requests[0].query["from"] == f"{NOW - timedelta(days=4):%Y-%m-%d}"
    cloud.requests.clear()
    await fetch(records(cloud, days=10), since=NOW - timedelta(days=300))
    assert cloud.requests[0].query["from"] == f"{NOW - timedelta(days=10):%Y-%m-%d}"


async def test_a_batch_that_was_changed_late_comes_again(cloud: ConnectedCookingRecords) -> None:
    old = own_batches(cloud)[0]
    old["updatedAt"] = (NOW - timedelta(days=20)).isoformat()
    since = NOW - timedelta(days=1)
    assert old["haccpId"] not in {batch.batch_id for batch in (await fetch(records(cloud), since=since)).batches}
    old |= {"updatedAt": NOW.isoformat(), "coreTemperatureReached": False}
    (again,) = [b for b in (await fetch(records(cloud), since=since)).batches if b.batch_id == old["haccpId"]]
    assert again.core_temperature_reached is False
    old["updatedAt"] = (NOW - timedelta(days=40)).isoformat()
    assert old["haccpId"] not in {batch.batch_id for batch in (await fetch(records(cloud))).batches}


async def test_batches_in_fahrenheit_say_so(cloud: ConnectedCookingRecords) -> None:
    own_batches(cloud)[0]["temperatureUnit"] = "F"
    found = await fetch(records(cloud, entries=True))
    assert sorted({batch.temperature_unit for batch in found.batches}) == ["C", "F"]
    assert all("entries" in batch.document for batch in found.batches)
    assert all("entries" not in batch.document for batch in (await fetch(records(cloud))).batches)


async def test_unfinished_batches_come_only_if_asked_for(cloud: ConnectedCookingRecords) -> None:
    own_batches(cloud)[0]["finished"] = False
    assert all(batch.finished for batch in (await fetch(records(cloud))).batches)
    assert any(batch.finished is False for batch in (await fetch(records(cloud, unfinished=True))).batches)


async def test_the_group_is_asked_for_and_programmes_can_be_left_out(cloud: ConnectedCookingRecords) -> None:
    found = await fetch(records(cloud, group_id=7, programmes=False))
    assert found.programmes is None
    assert found.trouble is None
    assert {request.query["groupId"] for request in cloud.requests} == {"7"}


async def test_without_a_serial_number_a_single_device_is_taken_and_several_are_named(
    cloud: ConnectedCookingRecords,
) -> None:
    error = await failure(records(cloud), serial_number="")
    assert isinstance(error, ConfigurationError)
    assert SERIAL in str(error)
    assert "serial number" in str(error)
    cloud.batches = own_batches(cloud)
    assert (await fetch(records(cloud), serial_number="")).batches


async def test_a_search_that_finds_the_serial_number_in_a_name_is_sorted_out(cloud: ConnectedCookingRecords) -> None:
    foreign = next(item for item in cloud.batches if item["deviceSerialNumber"] != SERIAL and item["finished"])
    foreign["name"] = f"As on {SERIAL}"
    assert {batch.serial_number for batch in (await fetch(records(cloud))).batches} == {SERIAL}


async def test_a_wrong_secret_is_told_and_the_right_one_works(cloud: ConnectedCookingRecords) -> None:
    error = await failure(records(cloud, secret="not the secret"))
    assert isinstance(error, AuthenticationError)
    assert "not the secret" not in str(error)
    assert (await fetch(records(cloud))).batches


async def test_a_token_that_ends_in_the_middle_is_renewed(
    cloud: ConnectedCookingRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.largest_page = 7
    inner, pages = cloud._answer_page, 0

    def answer(*args: Any) -> web.Response:
        nonlocal pages
        pages += 1
        if pages == 2:
            cloud.tokens.forget()
        return inner(*args)

    monkeypatch.setattr(cloud, "_answer_page", answer)
    found = await fetch(records(cloud))
    assert len(found.batches) == len(own_batches(cloud))


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (401, AuthenticationError, "auth"),
        (403, AuthenticationError, "forbidden"),
        (404, ResponseError, "not_found"),
        (429, ResponseError, "rate_limited"),
        (500, ResponseError, "server"),
    ],
)
async def test_a_refusal_is_told_and_then_it_fetches_again(
    cloud: ConnectedCookingRecords, fault: int, kind: type[ConnectorError], code: str
) -> None:
    cloud.fault = fault
    error = await failure(records(cloud))
    assert (type(error), error.code) == (kind, code)
    assert error.retry_after == (30.0 if fault == 429 else None)
    cloud.fault = None
    assert (await fetch(records(cloud))).batches


async def test_programmes_that_may_not_be_read_leave_the_batches_whole(
    cloud: ConnectedCookingRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await fetch(records(cloud, programmes_path="/api/public/nothing"))
    assert found.batches
    assert found.programmes is None
    assert found.trouble is not None
    assert found.trouble.code == "not_found"
    assert found.seen_until is not None


async def test_more_than_can_be_fetched_is_told_and_not_taken_as_all(
    cloud: ConnectedCookingRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.rational_records._MOST_PAGES", 2)
    cloud.largest_page = 5
    found = await fetch(records(cloud, programmes=False))
    assert len(found.batches) == 10
    assert found.seen_until is None
    assert found.trouble is not None
    assert "the first 10 are stored" in str(found.trouble)


async def test_a_cloud_that_sends_one_page_for_ever_is_stopped() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"token": "t"})
        return web.json_response([{"id": 1}], headers={"link": '</x?page=1>; rel="next"'})

    async with serve(answer) as machine:
        options = {"base_url": machine.endpoint, "token_url": "/token"}
        error = await failure(records_at(options))
    assert "the same page again" in str(error)


def records_at(options: dict[str, Any], timeout: float = 5) -> RationalRecords:
    credentials = {"username": "u", "password": "p", "client_id": "c", "client_secret": "s3cret"}
    more = {"unit_id": "1", "timeout": timeout, "haccp": options}
    config = RationalConfig.model_validate({"credentials": credentials, "additional_config": more})
    return RationalRecords(config, policy=LOOPBACK)


@pytest.mark.parametrize("way", ["form", "json", "basic"])
async def test_the_sign_in_can_be_set(way: str) -> None:
    seen: list[Any] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            body = await request.json() if way == "json" else dict(await request.post())
            seen.append((request.path_qs, body, request.headers.get("Authorization", "")[:5]))
            return web.json_response({"data": {"jwt": "t"}, "ttl": 600})
        return web.json_response([])

    async with serve(answer) as machine:
        options = {
            "base_url": machine.endpoint,
            "token_url": "/sign/in?tenant=1",
            "token_request": way,
            "client_id_field": "id",
            "client_secret_field": "key",
            "grant_type": "" if way == "json" else "client_credentials",
            "token_field": "data.jwt",
            "expires_field": "ttl",
        }
        assert (await fetch(records_at(options))).batches == ()
    body = {} if way == "basic" else {"id": "c", "key": "s3cret"}
    grant = {} if way == "json" else {"grant_type": "client_credentials"}
    assert seen == [("/sign/in?tenant=1", grant | body, "Basic" if way == "basic" else "")]


async def test_nobody_there_and_a_silent_cloud_are_unreachable(cloud: ConnectedCookingRecords) -> None:
    await cloud.stop()
    assert isinstance(await failure(records(cloud)), UnreachableError)
    await cloud.start()
    assert (await fetch(records(cloud))).batches

    let_go = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await let_go.wait()
        return web.Response()

    async with serve(hang) as machine:
        error = await failure(records_at({"base_url": machine.endpoint, "token_url": "/t"}, timeout=0.3))
        let_go.set()
    assert (type(error), error.code) == (UnreachableError, "timeout")


async def test_an_answer_of_another_kind(cloud: ConnectedCookingRecords) -> None:
    async with serve(always(200, text='{"token": "t"}')) as machine:
        error = await failure(records_at({"base_url": machine.endpoint, "token_url": "/t"}))
    assert (type(error), error.code) == (ResponseError, "mapping")


def test_only_rational_has_records_and_only_with_an_api_client() -> None:
    assert has_records("rational_connected_cooking")
    assert not has_records("rest_api")
    assert find_record_source("rest_api", {}) is None
    config = RationalConfig.model_validate(
        {"credentials": {"username": "u", "password": "p"}, "additional_config": {"unit_id": "1"}}
    )
    assert find_record_source("rational", config) is None
