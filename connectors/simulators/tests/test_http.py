"""The simulated bakery over real sockets: answers, keys, speed, its control endpoint."""

import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import ClientSession

from connectors.simulators.faults import FAULTS
from connectors.simulators.http import SimulatedBakery

from .conftest import SMALL_FLEET, Asker, bearer


async def test_an_oven_answers_in_the_guides_words(ask: Asker) -> None:
    document = await ask.document()
    assert document["operational_status"] == "running"
    assert document["cycle_stage"] == "baking"
    assert 200 < document["temperature"] < 260
    assert set(document["temperature_zones"]) == {"cabinet", "core"}
    age = datetime.now(UTC) - datetime.fromisoformat(document["timestamp"])
    assert timedelta(0) <= age < timedelta(seconds=3)
    status, body, _ = await ask("status")
    assert (status, json.loads(body)["operational_status"]) == (200, "running")
    assert ask.oven.requests == 2


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), {"X-API-Key": "wrong"}, {"Authorization": "Bearer \u00e9"}])
async def test_without_its_key_it_says_401(
    bakery: SimulatedBakery, client: ClientSession, headers: dict[str, str]
) -> None:
    for key in bakery.ovens:
        async with client.get(f"{bakery.url}/ovens/{key}/data", headers=headers) as answer:
            assert answer.status == 401


async def test_one_ovens_key_does_not_open_another(bakery: SimulatedBakery, client: ClientSession) -> None:
    token = bakery.ovens["sol-1"].token
    async with client.get(f"{bakery.url}/ovens/teide-1/data", headers={"X-API-Key": token}) as answer:
        assert answer.status == 401
    async with client.get(
        f"{bakery.url}/ovens/teide-1/data", headers={"X-API-Key": bakery.ovens["teide-1"].token}
    ) as answer:
        assert answer.status == 200


async def test_an_unknown_oven_is_404(bakery: SimulatedBakery, client: ClientSession) -> None:
    async with client.get(f"{bakery.url}/ovens/nobody/data") as answer:
        assert answer.status == 404


async def test_an_unchanged_answer_is_304(client: ClientSession) -> None:
    moment = 1_800_000_000.0
    async with SimulatedBakery(SMALL_FLEET, seconds=lambda: moment) as bakery:
        ask = Asker(bakery, client)
        _, _, headers = await ask()
        moment += 0.4
        status, body, again = await ask(**{"If-None-Match": headers["ETag"]})
        assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
        moment += 1
        status, body, _ = await ask(**{"If-None-Match": headers["ETag"]})
        assert status == 200 and body


async def test_speed_makes_the_oven_faster_but_not_its_clock(client: ClientSession) -> None:
    moment = 1_800_000_000.0

    async def progress_after(speed: float, seconds: float) -> tuple[float, str]:
        nonlocal moment
        moment = 1_800_000_000.0
        async with SimulatedBakery(SMALL_FLEET, speed=speed, seconds=lambda: moment) as bakery:
            moment += seconds
            document = await Asker(bakery, client).document()
            return document["cycle_progress_percentage"], document["timestamp"]

    at_once, _ = await progress_after(1, 0)
    slowly, slow_time = await progress_after(1, 5)
    fast, fast_time = await progress_after(60, 5)
    assert fast_time == slow_time == "2027-01-15T08:00:05.000Z"
    assert slowly - at_once == pytest.approx(100 * 5 / 1200, abs=0.2)
    assert fast - at_once == pytest.approx(100 * 300 / 1200, abs=0.2)


async def test_a_fault_of_one_oven_leaves_the_others_alone(bakery: SimulatedBakery, client: ClientSession) -> None:
    bakery.ovens["sol-1"].fault = "http_500"
    key = {"X-API-Key": bakery.ovens["teide-1"].token}
    async with client.get(f"{bakery.url}/ovens/teide-1/data", headers=key) as answer:
        assert answer.status == 200


async def test_an_unknown_fault_is_refused_with_the_known_ones(ask: Asker) -> None:
    with pytest.raises(ValueError, match="hang"):
        ask.oven.fault = "explode"
    assert ask.oven.fault is None


async def test_it_can_be_switched_off_and_on_at_the_same_port(bakery: SimulatedBakery, ask: Asker) -> None:
    assert await ask.document()
    url = bakery.url
    await bakery.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask()
    await bakery.stop()
    await bakery.start()
    assert bakery.url == url
    assert await ask.document()


async def test_the_control_endpoint_breaks_and_repairs(
    bakery: SimulatedBakery, client: ClientSession, ask: Asker
) -> None:
    headers = bearer(bakery.installation.control_token)
    url = f"{bakery.url}/control"
    async with client.post(f"{url}/sol-1", json={"fault": "http_503"}, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"oven": "sol-1", "fault": "http_503"})
    assert (await ask())[0] == 503
    async with client.get(url, headers=headers) as answer:
        assert await answer.json() == {
            "ovens": {"sol-1": "http_503", "teide-1": None},
            "requests": {"sol-1": 1, "teide-1": 0},
            "faults": sorted(FAULTS),
        }
    async with client.post(f"{url}/sol-1", json={"fault": None}, headers=headers) as answer:
        assert answer.status == 200
    assert (await ask())[0] == 200


async def test_the_control_endpoint_is_guarded_and_explains_itself(
    bakery: SimulatedBakery, client: ClientSession
) -> None:
    url = f"{bakery.url}/control"
    oven_key = bearer(bakery.ovens["sol-1"].token)
    for headers in ({}, oven_key):
        async with client.get(url, headers=headers) as answer:
            assert answer.status == 401
        async with client.post(f"{url}/sol-1", json={"fault": "hang"}, headers=headers) as answer:
            assert answer.status == 401
    headers = bearer(bakery.installation.control_token)
    async with client.post(f"{url}/nobody", json={"fault": None}, headers=headers) as answer:
        assert answer.status == 404 and "sol-1" in await answer.text()
    for body in (b"{", b"[]", b'{"fault": "explode"}', b'{"fault": 7}', b'{"fault": []}', b"{}"):
        async with client.post(f"{url}/sol-1", data=body, headers=headers) as answer:
            assert answer.status == 400, body
            assert "hang" in await answer.text()
    assert bakery.ovens["sol-1"].fault is None
