"""The generic connector from the settings to the reading: recorded cases, and whole dialogues over a socket."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors import OperationalStatus, Reading, ResponseError, create_connector, parse_config
from connectors.mapping import merge_readings
from connectors.rest_api import RestApiConfig, parse_rest_document, parse_status_document

from .machines import GOOD, LOOPBACK, Handler, always, answer_well, serve
from .test_reading import NOON

CASES = sorted((Path(__file__).parent / "cases" / "rest_api").iterdir())


def options_of(case: Path) -> Any:
    written = json.loads((case / "config.json").read_text()) if (case / "config.json").exists() else {}
    config = parse_config("rest_api", {"endpoint": "http://h", "additional_config": written})
    assert isinstance(config, RestApiConfig)
    return config.additional_config


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_answer_gives_its_reading(case: Path) -> None:
    options = options_of(case)
    reading = parse_rest_document(json.loads((case / "payload.json").read_text()), options, received_at=NOON)
    if (case / "status.json").exists():
        status = parse_status_document(json.loads((case / "status.json").read_text()), options, received_at=NOON)
        reading = merge_readings(reading, status)
    expected = json.loads((case / "reading.json").read_text())
    assert reading == Reading(**{**expected, "reading_time": datetime.fromisoformat(expected["reading_time"])})


def by_path(**answers: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await answers[request.path.rpartition("/")[2]](request)

    return answer


async def test_the_machines_own_id_is_quoted_into_the_path() -> None:
    async with serve() as machine:
        for device_id, path in (
            (None, "/api/v1/equipment/oven-7/data"),
            ("Ofen 1/a?", "/api/v1/equipment/Ofen%201%2Fa%3F/data"),
        ):
            async with machine.connector(device_id=device_id) as connector:
                await connector.get_current_reading()
            assert machine.requests[-1].rel_url.raw_path == path
        async with machine.connector(device_id="9", data_endpoint="units/{device_id}?deck={equipment_id}") as connector:
            await connector.get_current_reading()
        assert machine.requests[-1].path_qs == "/units/9?deck=9"


async def test_the_endpoints_own_path_comes_first() -> None:
    async with serve() as machine:
        options = {"data_endpoint": "/d"}
        config = {"endpoint": "http://127.0.0.1/base/", "port": machine.port, "additional_config": options}
        connector = create_connector("rest_api", "x", config, policy=LOOPBACK)
        async with connector:
            await connector.get_current_reading()
        assert machine.requests[0].path == "/base/d"


async def test_as_in_the_guide_a_line_that_is_not_open_is_opened_for_one_call() -> None:
    async with serve() as machine:
        connector = machine.connector()
        assert (await connector.test_connection()).success
        assert (await connector.get_current_reading()).temperature == 185.5
        assert (await connector.get_capabilities()).supports_humidity
        assert not connector.is_open  # type: ignore[attr-defined]
        await connector.close()
        await connector.close()


async def test_a_test_reads_once_and_asks_for_the_state_once() -> None:
    async with serve() as machine:
        result = await machine.connector(status_endpoint="/status").test_connection()
        assert (result.success, result.status) == (True, "connected")
        assert result.supported_features == ["humidity", "operational_status", "temperature", "temperature_zones"]
        assert [request.path for request in machine.requests] == ["/api/v1/equipment/oven-7/data", "/status"]


async def test_a_missing_state_path_is_a_remark_and_not_a_failure() -> None:
    async with serve(by_path(data=answer_well, status=always(404))) as machine:
        connector = machine.connector(status_endpoint="/status")
        result = await connector.test_connection()
        assert result.success
        assert "status_endpoint does not answer" in result.message
        machine.answer = answer_well
        assert "status_endpoint" not in (await connector.test_connection()).message


async def test_a_mapped_state_is_read_with_every_reading_and_cached_apart() -> None:
    async def state(request: web.Request) -> web.StreamResponse:
        if "If-None-Match" in request.headers:
            return web.Response(status=304)
        return web.json_response({"mode": "Reinigung"}, headers={"ETag": "s"})

    data = always(200, text='{"temperature": 40}')
    status_mapping = {"operational_status": {"path": "mode", "enum": {"Reinigung": "cleaning"}}}
    async with serve(by_path(data=data, status=state)) as machine:
        connector = machine.connector(status_endpoint="/status", status_mapping=status_mapping)
        async with connector:
            for _ in range(2):
                reading = await connector.get_current_reading()
                assert (reading.temperature, reading.operational_status) == (40.0, OperationalStatus.CLEANING)
        assert len(machine.requests) == 4


async def test_one_bad_answer_does_not_end_the_line() -> None:
    async with serve(always(200, text='{"x": 1}')) as machine, machine.connector() as connector:
        with pytest.raises(ResponseError, match="Found: x"):
            await connector.get_current_reading()
        machine.answer = answer_well
        assert (await connector.get_current_reading()).temperature == GOOD["temperature"]


async def test_old_values_and_open_passwords_are_remarked_on() -> None:
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    async with serve(always(200, text=json.dumps({"temperature": 1, "timestamp": old}))) as machine:
        message = (await machine.connector({"token": "t"}).test_connection()).message
        assert "time zone" in message
        assert "not encrypted" in message
        assert "not encrypted" not in (await machine.connector().test_connection()).message
