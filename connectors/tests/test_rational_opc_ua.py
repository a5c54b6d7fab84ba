"""Rational's published way, against the simulated ConnectedCooking server: each failure goes on to the recovery."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors import (
    AuthenticationError,
    OperationalStatus,
    Reading,
    UnreachableError,
    create_connector,
)
from connectors.rational import RationalConnector
from connectors.simulators.opc_ua_cloud import ConnectedCookingOvens
from connectors.simulators.rational import serial_number_of
from connectors.simulators.served import ServedOven, make_ovens

from .machines import LOOPBACK, failure_of

KEYS = ("sol-3", "teide-3", "sol-2")


@pytest.fixture(scope="module")
def ovens() -> dict[str, ServedOven]:
    return {key: oven for key, oven in make_ovens().items() if key in KEYS}


@pytest.fixture
async def cloud(ovens: dict[str, ServedOven]) -> AsyncIterator[ConnectedCookingOvens]:
    users = {"sol": ("the password of sol", ("sol-3", "sol-2")), "teide": ("the password of teide", ("teide-3",))}
    async with ConnectedCookingOvens(ovens, users=users) as cloud:
        yield cloud
        for oven in ovens.values():
            oven.fault = None


def connect(cloud: ConnectedCookingOvens, key: str = "sol-3", **options: Any) -> RationalConnector:
    return with_settings(cloud.settings(key, **{"timeout": 20, **options}))


def with_settings(config: dict[str, Any]) -> RationalConnector:
    connector = create_connector("rational", "oven-7", config, policy=LOOPBACK)
    assert isinstance(connector, RationalConnector)
    return connector


async def read(connector: RationalConnector) -> Reading:
    async with connector:
        return await connector.get_current_reading()


async def test_the_unit_reads_as_it_is(cloud: ConnectedCookingOvens) -> None:
    reading = await read(connect(cloud))
    real = cloud.ovens["sol-3"].oven.read(reading.reading_time)
    assert reading.temperature == pytest.approx(real.temperature, abs=0.2)
    assert set(reading.temperature_zones) == {"cabinet", "core"}
    assert reading.temperature_zones["core"] == pytest.approx(real.temperature_zones["core"], abs=0.2)
    assert reading.humidity == pytest.approx(real.humidity, abs=1)
    for field in ("operational_status", "door_status", "time_remaining_minutes"):
        assert getattr(reading, field) == getattr(real, field)
    assert reading.additional_sensors["programme"] == real.additional_sensors["programme"]


async def test_cleaning_is_a_state(cloud: ConnectedCookingOvens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cloud,
        "write",
        lambda oven, reading, write=cloud.write: {**write(oven, reading), "CombiSteamer/CombiSteamerMode": 8},
    )
    reading = await read(connect(cloud))
    assert (reading.operational_status, reading.cycle_stage) == ("cleaning", "cleaning")


async def test_it_promises_neither_energy_nor_remote_control_and_lists_the_units(
    cloud: ConnectedCookingOvens,
) -> None:
    result = await connect(cloud).test_connection()
    assert result.success, result.message
    assert "unverified with the manufacturer" in result.message
    assert "no energy meter and no remote control" in result.message
    assert "energy_consumption_kwh" not in result.supported_features
    serials = {row["serial_number"] for row in result.details["devices"]}
    assert serials == {serial_number_of("sol-3"), serial_number_of("sol-2")}, "only the account's own"
    found = await connect(cloud).get_capabilities()
    assert (found.supports_humidity, found.supports_energy_monitoring, found.supports_remote_control) == (
        True,
        False,
        False,
    )
    assert found.temperature_zones == ("cabinet", "core")


@pytest.mark.parametrize("unit_id", ["sol-3", serial_number_of("sol-3"), "CombiSteamerDevice_sol-3"])
async def test_the_unit_is_found_by_its_id_and_its_serial_number(cloud: ConnectedCookingOvens, unit_id: str) -> None:
    assert (await read(connect(cloud, unit_id=unit_id))).temperature is not None


async def test_an_oven_with_decks_has_zones_per_deck(cloud: ConnectedCookingOvens) -> None:
    assert {"deck_1_top", "deck_3_bottom"} <= set((await read(connect(cloud, "sol-2"))).temperature_zones)


async def test_a_unit_that_is_not_the_accounts_is_named_by_our_setting_and_the_units_are_listed(
    cloud: ConnectedCookingOvens,
) -> None:
    config = cloud.settings("sol-3", timeout=20)
    config["additional_config"]["unit_id"] = "teide-3"
    error = await failure_of(with_settings(config))
    assert (error.code, error.retry) == ("not_found", True)
    assert "CombiSteamerDevice_sol-3" in str(error)
    assert "additional_config.unit_id" in str(error)
    assert "config.device" not in str(error)
    result = await with_settings(config).test_connection()
    assert not result.success
    assert len(result.details["devices"]) == 2


async def test_a_wrong_password_ends_the_line(cloud: ConnectedCookingOvens) -> None:
    config = cloud.settings("sol-3", timeout=20)
    right = config["credentials"]["password"]
    config["credentials"]["password"] = "not the password"
    error = await failure_of(with_settings(config))
    assert isinstance(error, AuthenticationError)
    assert "not the password" not in str(error)
    config["credentials"]["password"] = right
    assert (await read(with_settings(config))).temperature is not None


@pytest.mark.parametrize("options", [{"security_mode": "Sign"}, {"security_policy": "Aes256_Sha256_RsaPss"}])
async def test_every_published_kind_of_security(cloud: ConnectedCookingOvens, options: dict[str, Any]) -> None:
    assert (await read(connect(cloud, **options))).temperature is not None


async def test_a_bad_sensor_is_a_bad_value_and_recovers(cloud: ConnectedCookingOvens) -> None:
    oven = cloud.ovens["sol-3"]
    async with connect(cloud) as connector:
        assert (await connector.get_current_reading()).temperature is not None
        oven.fault = "sensor_break"
        broken = await until(connector, lambda reading: reading.temperature is None)
        assert broken.quality["temperature"] == "bad"
        oven.fault = None
        await until(connector, lambda reading: reading.temperature is not None)


async def test_an_error_condition_is_an_alarm(cloud: ConnectedCookingOvens) -> None:
    cloud.ovens["sol-3"].fault = "burner_fault"
    async with connect(cloud) as connector:
        reading = await until(connector, lambda reading: reading.operational_status is OperationalStatus.ERROR)
    assert "alarm" in reading.additional_sensors


async def test_a_restart_of_the_server(cloud: ConnectedCookingOvens) -> None:
    assert (await read(connect(cloud))).temperature is not None
    await cloud.stop()
    assert isinstance(await failure_of(connect(cloud)), UnreachableError)
    await cloud.start()
    assert (await read(connect(cloud))).temperature is not None


async def test_it_may_be_asked_without_being_opened_as_in_the_guide(cloud: ConnectedCookingOvens) -> None:
    connector = connect(cloud)
    assert (await connector.get_current_reading()).temperature is not None
    await connector.close()
    await connector.close()


async def until(connector: RationalConnector, condition: Any) -> Reading:
    """The first reading that fulfils it; the control measures once a second."""
    async with asyncio.timeout(60):
        while True:
            reading = await connector.get_current_reading()
            if condition(reading):
                return reading
