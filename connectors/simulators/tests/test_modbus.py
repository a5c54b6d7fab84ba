"""The ovens behind a Modbus gateway, read by our own connector: the same reading, each fault, and the recovery."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import AddressPolicy, ConnectorError, ResponseError, UnreachableError, create_connector
from connectors.modbus import ModbusConnector
from connectors.modbus_map import parse_registers
from connectors.modbus_settings import ModbusConfig
from connectors.reading import OperationalStatus, Reading
from connectors.simulators.fleet import FLEET, OvenSpec
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.modbus_registers import blank, list_points, write_registers
from connectors.simulators.oven import PhysicalFault
from connectors.simulators.served import ServedOven, make_ovens
from connectors.simulators.simulated import SimulatedOven

LOOPBACK = AddressPolicy(allow_loopback=True)
EPOCH = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = ("sol-1", "sol-2", "teide-4")
FEW = [spec for spec in FLEET if spec.key in KEYS]


def read_back(spec: OvenSpec, reading: Reading, *, through: Reading | None = None) -> Reading:
    options = {"points": list_points(spec)}
    config = ModbusConfig.model_validate({"endpoint": "10.0.0.5", "additional_config": options})
    points = config.additional_config.make_points()
    return parse_registers(write_registers(through or reading), points, received_at=reading.reading_time)


def told_by(reading: Reading) -> Reading:
    """Without the keys that hold nothing: a register is always there, also that of a probe that is not plugged in."""

    def known(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if value is not None}

    return replace(
        reading,
        temperature_zones=known(reading.temperature_zones),
        target_temperature_zones=known(reading.target_temperature_zones),
        additional_sensors=known(reading.additional_sensors),
    )


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: spec.key)
def test_a_day_is_read_back_as_it_was_told(spec: OvenSpec) -> None:
    oven = SimulatedOven(spec, EPOCH)
    for step in range(0, 24 * 60, 17):
        told = oven.read(EPOCH + timedelta(minutes=step))
        assert told_by(read_back(spec, told)) == told_by(told)


@pytest.mark.parametrize("fault", PhysicalFault)
@pytest.mark.parametrize("spec", FEW, ids=lambda spec: spec.key)
def test_a_broken_oven_is_read_back_as_it_was_told(spec: OvenSpec, fault: PhysicalFault) -> None:
    oven = SimulatedOven(spec, EPOCH)
    oven.oven.set_fault(fault, EPOCH.timestamp())
    told = oven.read(EPOCH + timedelta(minutes=3))
    assert told_by(read_back(spec, told)) == told_by(told)
    assert told.quality or told.additional_sensors["alarm"]


@pytest.mark.parametrize("spec", FEW, ids=lambda spec: spec.key)
def test_an_oven_without_its_instruments_tells_nothing_and_no_zeros(spec: OvenSpec) -> None:
    told = SimulatedOven(spec, EPOCH).read(EPOCH)
    found = read_back(spec, told, through=blank(told))
    assert told_by(found).features == ["door_status"]
    bad = {f"temperature_zones.{zone}" for zone in told.temperature_zones}
    assert set(found.quality) == bad | {"temperature", "humidity"}


class Gateway:
    """Three ovens on one port, and a connector to each."""

    def __init__(self, ovens: Mapping[str, ServedOven], served: ModbusOvens) -> None:
        self.ovens = ovens
        self.served = served

    def connector(self, key: str, **options: Any) -> ModbusConnector:
        settings = self.served.settings(key)
        settings["additional_config"] |= {"timeout": 30, "request_timeout": 20, **options}
        connector = create_connector("modbus", key, settings, policy=LOOPBACK)
        assert isinstance(connector, ModbusConnector)
        return connector


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    ovens = make_ovens(FEW)
    async with ModbusOvens(ovens) as served:
        yield Gateway(ovens, served)


async def failure(connector: ModbusConnector) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        await connector.get_current_reading()
    return caught.value


async def test_every_oven_behind_the_gateway_tells_its_own_values(gateway: Gateway) -> None:
    for key, oven in gateway.ovens.items():
        async with gateway.connector(key) as connector:
            for _ in range(60):  # unless the clock has just moved on
                before, found, after = oven.read(), await connector.get_current_reading(), oven.read()
                if before == after:
                    break
            assert told_by(found) == told_by(before)


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("http_500", ResponseError, "server"),
        ("unit_silent", UnreachableError, "offline"),
        ("refuse", UnreachableError, "reset"),
        ("reset", UnreachableError, "reset"),
        ("garbage", ResponseError, "parse"),
        ("hang", UnreachableError, "timeout"),
    ],
)
async def test_each_fault_is_told_apart_spares_the_neighbour_and_heals(
    gateway: Gateway, fault: str, kind: type[ConnectorError], code: str
) -> None:
    async with gateway.connector("sol-1", retries=0) as broken, gateway.connector("sol-2") as well:
        assert (await broken.get_current_reading()).temperature
        patience = broken._pace
        gateway.ovens["sol-1"].fault = fault
        broken._pace = patience._replace(request_timeout=0.3 if fault == "hang" else 20)
        error = await failure(broken)
        assert (type(error), error.code) == (kind, code)
        assert (await well.get_current_reading()).temperature
        gateway.ovens["sol-1"].fault = None
        broken._pace = patience
        assert (await broken.get_current_reading()).temperature


@pytest.mark.parametrize("fault", ["busy", "http_429", "http_503"])
async def test_a_busy_oven_is_waited_for(gateway: Gateway, fault: str) -> None:
    oven = gateway.ovens["sol-1"]
    oven.fault = fault
    async with gateway.connector("sol-1") as connector:
        reading = asyncio.create_task(connector.get_current_reading())
        asked = oven.requests
        async with asyncio.timeout(30):
            while oven.requests < asked + 2:
                oven.asked.clear()
                await oven.asked.wait()
        assert not reading.done()
        oven.fault = None
        assert (await reading).temperature


async def test_a_slow_oven_is_waited_for(gateway: Gateway) -> None:
    oven = gateway.ovens["sol-1"]
    oven.server.slow_seconds = 0.05
    oven.fault = "slow"
    async with gateway.connector("sol-1") as connector:
        assert (await connector.get_current_reading()).temperature


async def test_a_hole_costs_only_what_was_there_and_is_filled_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.connector("sol-2") as connector:
        gateway.ovens["sol-2"].fault = "hole"
        reading = await connector.get_current_reading()
        assert (reading.humidity, reading.quality) == (None, {"humidity": "bad"})
        assert reading.temperature and reading.energy_consumption_kwh
        gateway.ovens["sol-2"].fault = None
        assert (await connector.get_current_reading()).humidity is None
        monkeypatch.setattr("connectors.modbus_blocks.MERGE_AGAIN_SECONDS", 0)
        reading = await connector.get_current_reading()
        assert reading.humidity is not None and not reading.quality


async def test_values_that_are_not_there_are_not_zero(gateway: Gateway) -> None:
    gateway.ovens["sol-2"].fault = "null_values"
    async with gateway.connector("sol-2") as connector:
        reading = await connector.get_current_reading()
        assert reading.temperature is None and reading.energy_consumption_kwh is None
        assert reading.quality["temperature_zones.deck_1_top"] == "bad"
        gateway.ovens["sol-2"].fault = None
        assert (await connector.get_current_reading()).temperature


async def test_a_clock_that_is_ahead_is_not_believed(gateway: Gateway) -> None:
    gateway.ovens["sol-2"].fault = "clock_ahead"
    async with gateway.connector("sol-2") as connector:
        reading = await connector.get_current_reading()
        assert reading.quality == {"reading_time": "uncertain"}
        assert reading.operational_status is not OperationalStatus.UNKNOWN


async def test_a_gateway_that_was_off_is_found_again_at_the_same_port(gateway: Gateway) -> None:
    port = gateway.served.port
    async with gateway.connector("sol-1") as connector:
        assert (await connector.get_current_reading()).temperature
        await gateway.served.stop()
        assert (await failure(connector)).code in ("refused", "reset")
        assert (await failure(connector)).code == "refused"
        await gateway.served.start()
        assert gateway.served.port == port
        assert (await connector.get_current_reading()).temperature


async def test_a_unit_id_nobody_has_is_offline(gateway: Gateway) -> None:
    async with gateway.connector("sol-1", unit_id=77) as connector:
        assert (await failure(connector)).code == "offline"


async def test_settings_may_lead_through_a_proxy(gateway: Gateway) -> None:
    assert gateway.served.settings("sol-1")["port"] == gateway.served.port
    assert gateway.served.settings("sol-1", port=9)["port"] == 9
    assert [gateway.served.settings(key)["additional_config"]["unit_id"] for key in KEYS] == [1, 2, 3]
