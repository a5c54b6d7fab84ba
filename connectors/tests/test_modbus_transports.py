"""The same machine over every transport, served by pymodbus; and on uvloop, which the poll worker runs."""

import asyncio
import os
import re
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvloop
from pymodbus.framer import FramerType
from pymodbus.server import ModbusBaseServer, ModbusSerialServer, ModbusTcpServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors import ConnectorError, Reading, UnreachableError, create_connector
from connectors.modbus import ModbusConnector
from connectors.modbus_line import ModbusLine

from .machines import LOOPBACK

POINTS: list[dict[str, Any]] = [
    {"field": "temperature", "table": "input", "address": 0, "type": "int16", "scale": 0.1},
    {"field": "humidity", "table": "input", "address": 20, "type": "float32"},
    {"field": "motor_speed", "table": "input", "address": 30, "type": "uint16"},
    {"field": "target_temperature", "table": "holding", "address": 100, "type": "int16", "scale": 0.1},
    {"field": "energy_consumption_kwh", "table": "holding", "address": 110, "type": "uint64", "unit": "Wh"},
    {"field": "door_status", "table": "discrete", "address": 1, "enum": {"true": "open", "false": "closed"}},
    {"field": "additional_sensors.light", "table": "coil", "address": 5},
]


def oven(unit: int) -> SimDevice:
    coils = SimData(0, values=[False, False, False, False, False, True, False, False] * 2, datatype=DataType.BITS)
    doors = SimData(0, values=[False, True, False, False, False, False, False, False] * 2, datatype=DataType.BITS)
    inputs = [
        SimData(0, values=2325 + unit, datatype=DataType.INT16),
        SimData(20, values=65.5, datatype=DataType.FLOAT32),
    ]
    holdings = [
        SimData(100, values=2350, datatype=DataType.INT16),
        SimData(110, values=12500, datatype=DataType.UINT64),
    ]
    return SimDevice(unit, ([coils], [doors], holdings, inputs))


def assert_read(reading: Reading, unit: int) -> None:
    assert reading.temperature == round((2325 + unit) / 10, 1)
    assert (reading.humidity, reading.target_temperature) == (65.5, 235)
    assert (reading.energy_consumption_kwh, reading.door_status) == (12.5, "open")
    assert reading.additional_sensors == {"light": True}
    assert reading.quality == {"motor_speed": "bad"}  # not in the machine


@asynccontextmanager
async def served(transport: str, port: int = 0) -> AsyncIterator[tuple[str, int | None]]:
    """(endpoint, port) of two ovens behind one server."""
    units = [oven(1), oven(2)]
    if transport == "serial":
        with joined_terminals() as (ours, theirs):
            serial = ModbusSerialServer(units, framer=FramerType.RTU, port=theirs, baudrate=9600)
            await serial.serve_forever(background=True)
            try:
                yield ours, None
            finally:
                await serial.shutdown()  # type: ignore[no-untyped-call]
        return
    kind = ModbusUdpServer if transport == "udp" else ModbusTcpServer
    framer = FramerType.RTU if transport == "rtu_over_tcp" else FramerType.SOCKET
    server: ModbusBaseServer = kind(units, framer=framer, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    endpoint: Any = server.transport
    address = endpoint.get_extra_info("sockname") if transport == "udp" else endpoint.sockets[0].getsockname()
    try:
        yield "127.0.0.1", address[1]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


def _pass_on(source: int, target: int) -> None:
    os.write(target, os.read(source, 1000))


@contextmanager
def joined_terminals() -> Iterator[tuple[str, str]]:
    """Two serial ports with a cable between them: two pseudo terminals, joined by this loop."""
    loop = asyncio.get_running_loop()
    pairs = [os.openpty(), os.openpty()]
    masters = [master for master, _ in pairs]
    for master, slave in pairs:
        tty.setraw(slave)
        os.set_blocking(master, False)
    for source, target in (masters, masters[::-1]):
        loop.add_reader(source, _pass_on, source, target)
    try:
        yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    finally:
        for master, slave in pairs:
            loop.remove_reader(master)
            os.close(master)
            os.close(slave)


def connector_to(endpoint: str, port: int | None, transport: str, unit: int, **options: Any) -> ModbusConnector:
    given = {"transport": transport, "unit_id": unit, "points": POINTS, "timeout": 30, "request_timeout": 20, **options}
    config = {"endpoint": endpoint, "port": port, "additional_config": given}
    connector = create_connector("modbus", "oven-7", config, policy=LOOPBACK)
    assert isinstance(connector, ModbusConnector)
    return connector


async def read_both(transport: str) -> None:
    async with served(transport) as (endpoint, port):
        first, second = (connector_to(endpoint, port, transport, unit) for unit in (1, 2))
        async with first, second:
            assert len(ModbusLine._lines) == 1
            for _ in range(3):
                both = await asyncio.gather(first.get_current_reading(), second.get_current_reading())
                assert_read(both[0], 1)
                assert_read(both[1], 2)
    assert not ModbusLine._lines


TRANSPORTS = ["tcp", "rtu_over_tcp", "udp", "serial"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_two_ovens_on_one_line(transport: str) -> None:
    await read_both(transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_ovens_on_one_line_in_the_poll_workers_loop(transport: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(read_both(transport))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_unit_that_is_not_there_and_one_that_is(transport: str) -> None:
    async with served(transport) as (endpoint, port):
        gone = connector_to(endpoint, port, transport, 9, retries=0)
        async with gone, connector_to(endpoint, port, transport, 1) as well:
            gone._pace = gone._pace._replace(request_timeout=0.2)
            with pytest.raises(ConnectorError, match="Unit 9"):
                await gone.get_current_reading()
            assert_read(await well.get_current_reading(), 1)


@pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp", "udp"])
async def test_a_server_that_is_restarted_is_found_again(transport: str) -> None:
    async with served(transport) as (endpoint, port):
        assert port
        connector = connector_to(endpoint, port, transport, 1)
        await connector.connect()
        assert_read(await connector.get_current_reading(), 1)
    connector._pace = connector._pace._replace(request_timeout=0.5)
    with pytest.raises(UnreachableError):
        await connector.get_current_reading()
    connector._pace = connector._pace._replace(request_timeout=20)
    async with served(transport, port):
        assert_read(await connector.get_current_reading(), 1)
        await connector.close()


async def test_a_serial_port_that_is_not_there() -> None:
    result = await connector_to("/dev/ttyUSB99", None, "serial", 1).test_connection()
    assert (result.success, result.error_code) == (False, "refused")
    assert "There is no serial port /dev/ttyUSB99" in result.message


async def test_a_serial_port_that_somebody_else_uses_or_with_other_settings() -> None:
    async with served("serial") as (endpoint, port):
        async with connector_to(endpoint, port, "serial", 1) as connector:
            result = await connector_to(endpoint, port, "serial", 2, baudrate=19200).test_connection()
            assert (result.success, result.error_code) == (False, "refused")
            assert "in use" in result.message and "baudrate" in result.message
            assert_read(await connector.get_current_reading(), 1)
        assert_read(await connector_to(endpoint, port, "serial", 2, baudrate=19200).get_current_reading(), 2)


async def test_a_serial_port_that_refuses_its_settings_is_given_back() -> None:
    async with served("serial") as (endpoint, port):
        for parity in ("even", "odd", "even"):  # the second time a pseudo terminal says that it has no parity
            result = await connector_to(endpoint, port, "serial", 1, parity=parity).test_connection()
            assert result.error_code in (None, "configuration"), result.message
        assert_read(await connector_to(endpoint, port, "serial", 1).get_current_reading(), 1)


async def test_a_device_that_is_no_serial_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.modbus_settings._DEVICE", re.compile("/dev/null"))
    result = await connector_to("/dev/null", None, "serial", 1).test_connection()
    assert (result.success, result.error_code) == (False, "configuration")


async def test_a_serial_cable_that_is_pulled_out_is_a_hang_up() -> None:
    with joined_terminals() as (ours, _):
        connector = connector_to(ours, None, "serial", 1, retries=0)
        await connector.connect()
    with pytest.raises(UnreachableError):
        await connector.get_current_reading()
    await connector.close()
