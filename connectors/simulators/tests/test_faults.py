"""Each fault over a real socket, and the recovery; then the same as our own connector meets it."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from connectors import AddressPolicy, ConnectorError, create_connector
from connectors.reading import OperationalStatus
from connectors.simulators.http import SimulatedBakery

from .conftest import SMALL_FLEET, Asker

LOOPBACK = AddressPolicy(allow_loopback=True)


STATUSES = ("http_401", "http_403", "http_404", "http_429", "http_500", "http_503")


@pytest.mark.parametrize("fault", STATUSES)
async def test_it_answers_with_the_status_asked_for_and_recovers(ask: Asker, fault: str) -> None:
    ask.oven.fault = fault
    status, _, headers = await ask()
    assert status == int(fault.removeprefix("http_"))
    assert headers.get("Retry-After") == ("20" if status in (429, 503) else None)
    ask.oven.fault = None
    assert (await ask.document())["operational_status"] == "running"


@pytest.mark.parametrize("fault", ["refuse", "reset"])
async def test_it_hangs_up_and_recovers(ask: Asker, fault: str) -> None:
    ask.oven.fault = fault
    with pytest.raises(aiohttp.ClientError):
        await ask()
    ask.oven.fault = None
    assert (await ask.document())["operational_status"] == "running"


async def test_it_hangs_until_it_is_repaired(ask: Asker) -> None:
    ask.oven.fault = "hang"
    waiting = asyncio.create_task(ask())
    await ask.oven.asked.wait()
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    ask.oven.fault = None
    status, _, _ = await waiting
    assert status == 200


async def test_a_hanging_oven_does_not_hold_up_the_stop(bakery: SimulatedBakery, ask: Asker) -> None:
    ask.oven.fault = "hang"
    waiting = asyncio.create_task(ask())
    await ask.oven.asked.wait()
    begun = time.monotonic()
    await bakery.stop()
    assert time.monotonic() - begun < 3
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_it_is_slow_and_recovers(ask: Asker) -> None:
    ask.oven.server.slow_seconds = 0.3
    ask.oven.fault = "slow"
    begun = time.monotonic()
    assert (await ask())[0] == 200
    assert time.monotonic() - begun >= 0.3
    ask.oven.server.slow_seconds = 30
    ask.oven.asked.clear()
    waiting = asyncio.create_task(ask())
    await ask.oven.asked.wait()
    ask.oven.fault = None
    assert (await waiting)[0] == 200


async def test_html_and_broken_json_are_not_json(ask: Asker) -> None:
    ask.oven.fault = "html"
    status, body, headers = await ask()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<html>" in body
    ask.oven.fault = "broken_json"
    status, body, headers = await ask()
    assert (status, headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Unterminated|Expecting"):
        json.loads(body)
    ask.oven.fault = None
    assert await ask.document()


async def test_ten_megabytes_come_without_an_announced_length(ask: Asker) -> None:
    ask.oven.fault = "too_large"
    status, body, headers = await ask()
    assert (status, headers.get("Content-Length")) == (200, None)
    assert len(body) > 10_000_000 and json.loads(body)
    ask.oven.fault = None
    assert len((await ask())[1]) < 5000


async def test_a_frozen_clock_stands_still_while_the_values_go_on(client: ClientSession) -> None:
    moment = 1_800_000_000.0
    async with SimulatedBakery(SMALL_FLEET, seconds=lambda: moment) as bakery:
        ask = Asker(bakery, client)
        ask.oven.fault = "frozen_timestamp"
        before = await ask.document()
        moment += 60
        after = await ask.document()
        assert after["timestamp"] == before["timestamp"]
        assert after["cycle_progress_percentage"] > before["cycle_progress_percentage"]
        ask.oven.fault = None
        assert (await ask.document())["timestamp"] == "2027-01-15T08:01:00.000Z"


async def test_a_clock_that_is_ahead_comes_back(ask: Asker) -> None:
    ask.oven.fault = "clock_ahead"
    ahead = datetime.fromisoformat((await ask.document())["timestamp"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < ahead <= timedelta(hours=2)
    ask.oven.fault = None
    assert datetime.fromisoformat((await ask.document())["timestamp"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("fault", "is_shown"),
    [
        ("null_values", lambda document: document["temperature"] is None and document["humidity"] is None),
        ("sensor_break", lambda document: document["temperature"] is None and document["humidity"] is not None),
        ("door_open", lambda document: document["door_status"] == "open"),
        ("burner_fault", lambda document: document["operational_status"] == "error"),
    ],
)
async def test_faults_of_the_oven_itself_are_shown_and_repaired(
    ask: Asker, fault: str, is_shown: Callable[[dict[str, Any]], bool]
) -> None:
    ask.oven.fault = fault
    assert ask.oven.fault == fault
    assert is_shown(await ask.document())
    ask.oven.fault = None
    assert not is_shown(await ask.document())


async def test_our_connector_reads_every_oven_of_the_fleet() -> None:
    async with SimulatedBakery() as bakery:
        for key in bakery.ovens:
            async with create_connector("rest_api", key, bakery.settings(key), policy=LOOPBACK) as connector:
                reading = await connector.get_current_reading()
                assert reading.temperature is not None and reading.data_points >= 10, key
                assert reading.operational_status not in (None, OperationalStatus.UNKNOWN), key
                assert reading.quality == {}, key


SENTENCE_CODES = {
    "http_401": "auth",
    "http_403": "forbidden",
    "http_404": "not_found",
    "http_429": "rate_limited",
    "http_500": "server",
    "http_503": "rate_limited",  # it says when to come back
    "html": "parse",
    "broken_json": "parse",
    "too_large": "too_large",
    "refuse": "reset",
    "reset": "reset",
    "hang": "timeout",
}


@pytest.mark.parametrize(("fault", "code"), SENTENCE_CODES.items())
async def test_our_connector_names_each_fault_and_recovers(bakery: SimulatedBakery, fault: str, code: str) -> None:
    settings = bakery.settings("sol-1")
    settings["additional_config"]["timeout"] = 0.5 if fault == "hang" else 5
    bakery.ovens["sol-1"].fault = fault
    connector = create_connector("rest_api", "sol-1", settings, policy=LOOPBACK)
    async with connector:
        with pytest.raises(ConnectorError) as caught:
            await connector.get_current_reading()
        assert caught.value.code == code
        bakery.ovens["sol-1"].fault = None
        assert (await connector.get_current_reading()).temperature is not None
