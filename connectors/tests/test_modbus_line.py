"""One line for several machines: whose turn it is, what silence and refusals cost, and that all of it heals."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from connectors import ConfigurationError, ConnectorError, Reading, ResponseError, UnreachableError, create_connector
from connectors.modbus import ModbusConnector
from connectors.modbus_line import ModbusLine

from .machines import LOOPBACK
from .registers import Answer, Asked, HangUp, RegisterMachine, frame, pdu_of, serve_registers

TEMPERATURE = {"field": "temperature", "table": "input", "address": 0, "type": "int16"}
SETPOINT = {"field": "target_temperature", "table": "holding", "address": 0, "type": "int16"}
DOOR = {"field": "door_status", "table": "coil", "address": 0, "enum": {"true": "open"}}
MEMORY: dict[str, dict[int, int]] = {"input": {0: 230}, "holding": {0: 240}, "coil": {0: 1}}


@pytest.fixture(autouse=True)
def _every_line_is_given_back() -> Iterator[None]:
    yield
    assert not ModbusLine._lines


async def until(condition: Any, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def recovered(connector: ModbusConnector, seconds: float = 60) -> Reading:
    """The first reading after a repair. A machine under load may need another try."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await connector.get_current_reading()
            except UnreachableError:
                await asyncio.sleep(0.01)


def impatient(connector: ModbusConnector) -> ModbusConnector:
    """From now on; connecting may take its time, because a machine under load pauses."""
    connector._pace = connector._pace._replace(request_timeout=0.2)
    return connector


async def failure(connector: ModbusConnector) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        await connector.get_current_reading()
    assert caught.value.__cause__ is None
    return caught.value


def silent(*units: int, machine: RegisterMachine) -> Any:
    async def answer(asked: Asked) -> Answer:
        return None if asked.unit in units else machine.look_up(asked)

    return answer


async def test_machines_of_one_gateway_share_its_connection() -> None:
    async with serve_registers(**MEMORY) as machine:
        first, second = machine.connector(TEMPERATURE, unit_id=1), machine.connector(TEMPERATURE, unit_id=2)
        async with first:
            async with second:
                await asyncio.gather(first.get_current_reading(), second.get_current_reading())
            assert (await first.get_current_reading()).temperature == 230
            assert machine.connections == 1
            assert {asked.unit for asked in machine.requests} == {1, 2}
        await until(lambda: machine.talking == 0)


async def test_a_name_in_other_letters_is_the_same_line() -> None:
    async with serve_registers(**MEMORY) as machine:
        ovens = []
        for unit, name in enumerate(("localhost", "LocalHost"), start=1):
            settings = machine.settings(TEMPERATURE, unit_id=unit) | {"endpoint": name}
            ovens.append(create_connector("modbus", "oven-7", settings, policy=LOOPBACK))
        async with ovens[0], ovens[1]:
            assert machine.connections == 1


async def test_another_port_is_another_line() -> None:
    async with serve_registers(**MEMORY) as one, serve_registers(**MEMORY) as other:
        async with one.connector(TEMPERATURE) as first, other.connector(TEMPERATURE) as second:
            await asyncio.gather(first.get_current_reading(), second.get_current_reading())
        assert (len(one.requests), len(other.requests)) == (1, 1)


async def test_one_request_is_out_at_a_time() -> None:
    async with serve_registers(**MEMORY) as machine:
        gate, most = asyncio.Event(), 0
        pending: set[Asked] = set()

        async def answer(asked: Asked) -> Answer:
            nonlocal most
            pending.add(asked)
            most = max(most, len(pending))
            await gate.wait()
            await asyncio.sleep(0.002)
            pending.discard(asked)
            return machine.look_up(asked)

        machine.answer = answer
        ovens = [machine.connector(TEMPERATURE, SETPOINT, DOOR, unit_id=unit) for unit in range(1, 6)]
        readings = [asyncio.create_task(oven.get_current_reading()) for oven in ovens]
        await until(lambda: machine.requests)
        gate.set()
        assert {reading.temperature for reading in await asyncio.gather(*readings)} == {230}
        assert (most, len(machine.requests)) == (1, 15)


async def test_a_machine_that_hangs_holds_up_the_others_for_its_own_time_out_only() -> None:
    async with serve_registers(**MEMORY) as machine:
        machine.answer = silent(1, machine=machine)
        hanging = machine.connector(TEMPERATURE, unit_id=1, retries=1)
        async with hanging, machine.connector(TEMPERATURE, SETPOINT, unit_id=2) as well:
            broken = asyncio.create_task(failure(impatient(hanging)))
            readings = [await well.get_current_reading() for _ in range(3)]
            error = await broken
            assert (type(error), error.code) == (UnreachableError, "timeout")
            assert f"Unit 1 at 127.0.0.1:{machine.port} did not answer" in str(error)
            assert {reading.target_temperature for reading in readings} == {240}
            machine.answer = None
            assert (await recovered(hanging)).temperature == 230


async def test_a_late_answer_is_never_taken_for_the_next() -> None:
    async with serve_registers(**MEMORY) as machine:
        late, sent = asyncio.Event(), asyncio.Event()

        async def answer(asked: Asked) -> Answer:
            if asked.connection == 1:
                await late.wait()
                sent.set()
                return [111]
            late.set()
            await sent.wait()
            return [222]

        machine.answer = answer
        async with machine.connector(TEMPERATURE, retries=0) as connector:
            assert (await failure(impatient(connector))).code == "timeout"
            assert (await recovered(connector)).temperature == 222
        assert machine.connections >= 2


async def test_a_request_without_an_answer_is_repeated_on_a_fresh_connection() -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return None if asked.connection == 1 else machine.look_up(asked)

        machine.answer = answer
        async with machine.connector(TEMPERATURE, request_timeout=1.5, retries=5) as connector:
            assert (await connector.get_current_reading()).temperature == 230
        assert machine.connections >= 2


async def test_a_connection_that_breaks_in_mid_answer() -> None:
    async with serve_registers(**MEMORY) as machine:
        breaks = {1, 2}

        async def answer(asked: Asked) -> Answer:
            found = machine.look_up(asked)
            whole = frame(asked.number, asked.unit, pdu_of(asked, found))
            return HangUp(whole[:8]) if asked.connection in breaks else whole

        machine.answer = answer
        async with machine.connector(TEMPERATURE, retries=0) as connector:
            error = await failure(connector)
            assert (type(error), error.code) == (UnreachableError, "reset")
        async with machine.connector(TEMPERATURE, retries=1) as connector:
            assert (await connector.get_current_reading()).temperature == 230
        assert machine.connections == 3


async def test_a_machine_that_hangs_up_between_readings_is_dialled_again() -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return HangUp(frame(asked.number, asked.unit, pdu_of(asked, machine.look_up(asked))))

        machine.answer = answer
        async with machine.connector(TEMPERATURE, retries=0) as connector:
            for number in (1, 2, 3):
                assert (await connector.get_current_reading()).temperature == 230
                assert machine.connections == number
                await until(lambda: connector._line is not None and not connector._line.is_open)


async def test_close_after_poll() -> None:
    async with serve_registers(**MEMORY) as machine:
        connector = machine.connector(TEMPERATURE, SETPOINT, close_after_poll=True)
        async with connector:
            for number in (1, 2, 3):
                assert (await connector.get_current_reading()).temperature == 230
                await until(lambda: machine.talking == 0)
                assert machine.connections == number


async def test_pauses_after_connecting_and_between_requests() -> None:
    async with serve_registers(**MEMORY) as machine:
        pauses = {"delay_after_connect": 0.15, "delay_between_requests": 0.1}
        connector = machine.connector(TEMPERATURE, SETPOINT, DOOR, **pauses)
        begun = asyncio.get_running_loop().time()
        async with connector:
            await connector.get_current_reading()
            await connector.get_current_reading()
        moments = [asked.moment for asked in machine.requests]
        assert moments[0] - begun >= 0.14
        assert all(later - earlier >= 0.09 for earlier, later in zip(moments, moments[1:], strict=False))


@pytest.mark.parametrize("code", [5, 6])
async def test_a_busy_machine_is_asked_again(code: int) -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return code if len(machine.requests) < 4 else machine.look_up(asked)

        machine.answer = answer
        async with machine.connector(TEMPERATURE) as connector:
            assert (await connector.get_current_reading()).temperature == 230
        assert (len(machine.requests), machine.connections) == (4, 1)


async def test_a_machine_that_stays_busy_says_so_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.modbus._SHARE_FOR_BUSY", 0.02)
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return 6

        machine.answer = answer
        async with machine.connector(TEMPERATURE) as connector:
            error = await failure(connector)
            assert (type(error), error.code) == (ResponseError, "server")
            assert "is busy (exception 6)" in str(error)
            machine.answer = None
            assert (await recovered(connector)).temperature == 230


@pytest.mark.parametrize("code", [10, 11])
async def test_a_silent_unit_is_offline_and_the_gateway_is_not(code: int) -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return code if asked.unit == 1 else machine.look_up(asked)

        machine.answer = answer
        async with machine.connector(TEMPERATURE, unit_id=1) as gone, machine.connector(TEMPERATURE, unit_id=2) as well:
            error = await failure(gone)
            assert (type(error), error.code) == (UnreachableError, "offline")
            assert f"gateway at 127.0.0.1:{machine.port} answers, but unit 1" in str(error)
            assert (await well.get_current_reading()).temperature == 230
            machine.answer = None
            assert (await gone.get_current_reading()).temperature == 230
        assert machine.connections == 1


async def test_a_device_failure_is_the_machines_own_fault() -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return 4

        machine.answer = answer
        async with machine.connector(TEMPERATURE, SETPOINT) as connector:
            error = await failure(connector)
            assert (type(error), error.code) == (ResponseError, "server")
            assert "exception 4" in str(error)
            machine.answer = None
            assert (await connector.get_current_reading()).target_temperature == 240


async def test_a_failure_of_one_request_costs_its_values_and_is_not_remembered() -> None:
    async with serve_registers(**MEMORY) as machine:

        async def answer(asked: Asked) -> Answer:
            return 4 if asked.table == "holding" else machine.look_up(asked)

        machine.answer = answer
        async with machine.connector(TEMPERATURE, SETPOINT) as connector:
            reading = await connector.get_current_reading()
            assert (reading.temperature, reading.quality) == (230, {"target_temperature": "bad"})
            machine.answer = None
            assert (await connector.get_current_reading()).target_temperature == 240


async def test_the_whole_reading_has_a_time_limit_and_leaves_the_line_usable() -> None:
    async with serve_registers(**MEMORY) as machine:
        machine.answer = silent(1, machine=machine)
        hanging = machine.connector(TEMPERATURE, unit_id=1, timeout=1.5)
        async with hanging, machine.connector(TEMPERATURE, unit_id=2) as well:
            error = await failure(hanging)
            assert (type(error), error.code) == (UnreachableError, "timeout")
            assert (await well.get_current_reading()).temperature == 230


async def test_a_reading_that_is_cancelled_leaves_no_answer_behind() -> None:
    async with serve_registers(**MEMORY) as machine:
        gate = asyncio.Event()

        async def answer(asked: Asked) -> Answer:
            if asked.connection == 1:
                await gate.wait()
                return [111]
            return machine.look_up(asked)

        machine.answer = answer
        async with machine.connector(TEMPERATURE) as connector:
            reading = asyncio.create_task(connector.get_current_reading())
            await until(lambda: machine.requests)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            gate.set()
            assert (await connector.get_current_reading()).temperature == 230


@pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp", "udp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "0.0.0.0"])
async def test_the_policy_holds_for_the_address_that_is_dialled(transport: str, host: str) -> None:
    config = {"endpoint": host, "port": 9, "additional_config": {"points": [TEMPERATURE], "transport": transport}}
    with pytest.raises(ConfigurationError) as caught:
        async with create_connector("modbus", "oven-7", config):
            pass
    assert (caught.value.code, set(caught.value.fields)) == ("address", {"endpoint"})


async def test_a_name_nobody_knows() -> None:
    config = {"endpoint": "no-such-oven.invalid", "additional_config": {"points": [TEMPERATURE]}}
    result = await create_connector("modbus", "oven-7", config, policy=LOOPBACK).test_connection()
    assert (result.success, result.error_code) == (False, "dns")


async def test_a_web_server_is_not_modbus() -> None:
    async with serve_registers() as machine:

        async def answer(asked: Asked) -> Answer:
            return HangUp(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        machine.answer = answer
        async with machine.connector(TEMPERATURE) as connector:
            error = await failure(connector)
            assert (type(error), error.code) == (ResponseError, "parse")
            assert "rtu_over_tcp" in str(error)


async def test_as_in_the_guide_a_line_that_is_not_open_is_opened_for_one_call() -> None:
    async with serve_registers(**MEMORY) as machine:
        connector = machine.connector(TEMPERATURE)
        assert (await connector.get_current_reading()).temperature == 230
        assert (await connector.get_capabilities()).supported_features == ("temperature",)
        assert not connector.is_open
        await until(lambda: machine.talking == 0)


async def test_the_connection_test_shows_every_point() -> None:
    points = (TEMPERATURE, {"field": "humidity", "table": "input", "address": 1, "type": "float32"}, SETPOINT)
    async with serve_registers(input={0: 230, 1: 0, 2: 0x4283}, holding={0: 240}) as machine:
        result = await machine.connector(*points).test_connection()
        assert (result.success, result.status) == (True, "connected")
        assert "CDAB (65.5) looks right" in result.message
        assert [row["value"] for row in result.details["points"]] == [230, None, 240]
        assert result.details["points"][1]["plausible"] == ["CDAB"]
        assert result.reading is not None and result.reading.quality == {"humidity": "bad"}


async def test_the_connection_test_shows_the_points_also_when_every_value_is_bad() -> None:
    humidity = {"field": "humidity", "table": "input", "address": 1, "type": "float32"}
    async with serve_registers(input={0: 0xFFFF, 1: 0, 2: 0x4283}) as machine:
        result = await machine.connector(humidity).test_connection()
        assert result.details["points"][0]["CDAB"] == 65.5
        assert "CDAB (65.5) looks right" in result.message


async def test_the_connection_test_asks_next_door() -> None:
    humidity = {"field": "humidity", "table": "input", "address": 20, "type": "float32"}
    async with serve_registers(input={0: 230, 19: 0x4283, 20: 0, 21: 0, 22: 0x1234}) as machine:
        result = await machine.connector(TEMPERATURE, {**humidity, "min": 1}).test_connection()
        assert "at 30020 it would be 65.5" in result.message
    async with serve_registers(input={0: 230}) as machine:
        result = await machine.connector(TEMPERATURE, humidity).test_connection()
        assert result.success and "does not have these registers: humidity (30021)" in result.message
