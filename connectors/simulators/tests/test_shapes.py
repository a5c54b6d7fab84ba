"""The same moment, told in every shape and read back by our own connector's mapping, is the same reading."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors import parse_config
from connectors.reading import VALUE_FIELDS, OperationalStatus, Reading
from connectors.rest_api import RestApiOptions, parse_rest_document
from connectors.simulators.faults import HttpFault, Misbehaviour
from connectors.simulators.fleet import FLEET, OvenSpec
from connectors.simulators.mappings import connector_settings
from connectors.simulators.oven import PhysicalFault
from connectors.simulators.payloads import Shape, write_document, write_status
from connectors.simulators.simulated import SimulatedOven

EPOCH = datetime(2026, 11, 23, 12, tzinfo=UTC)


def options_of(spec: OvenSpec) -> RestApiOptions:
    config = parse_config("rest_api", connector_settings(spec, "http://127.0.0.1:1", "secret"))
    assert isinstance(config.additional_config, RestApiOptions)
    return config.additional_config


def read_back(spec: OvenSpec, reading: Reading) -> Reading:
    document = write_document(spec.shape, spec.key, reading)
    return parse_rest_document(document, options_of(spec), received_at=reading.reading_time)


def assert_same(found: Reading, told: Reading) -> None:
    for name in VALUE_FIELDS:
        assert getattr(found, name) == pytest.approx(getattr(told, name), abs=0.051), name
    for name in ("temperature_zones", "target_temperature_zones"):
        values = {zone: value for zone, value in getattr(found, name).items() if value is not None}
        assert values == pytest.approx(getattr(told, name), abs=0.11), name
    further = {name: value for name, value in found.additional_sensors.items() if value is not None}
    assert further == pytest.approx(dict(told.additional_sensors))
    assert abs(found.reading_time - told.reading_time) < timedelta(milliseconds=2)
    assert found.quality == {}


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: f"{spec.key}-{spec.shape}")
def test_a_day_is_read_back_as_it_was_told(spec: OvenSpec) -> None:
    oven = SimulatedOven(spec, EPOCH)
    for step in range(0, 24 * 60, 13):
        told = oven.read(EPOCH + timedelta(minutes=step))
        assert_same(read_back(spec, told), told)


@pytest.mark.parametrize("shape", Shape)
def test_every_shape_is_spoken_by_some_oven(shape: Shape) -> None:
    assert any(spec.shape is shape for spec in FLEET)


def test_every_way_to_sign_in_is_used() -> None:
    assert {spec.auth for spec in FLEET} == {"bearer", "api_key"}


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: f"{spec.key}-{spec.shape}")
def test_a_broken_sensor_is_a_bad_value_in_every_shape(spec: OvenSpec) -> None:
    oven = SimulatedOven(spec, EPOCH)
    oven.oven.set_fault(PhysicalFault.SENSOR_BREAK, EPOCH.timestamp())
    told = oven.read(EPOCH)
    found = read_back(spec, told)
    first = spec.body.zones[0].name
    assert told.temperature is None and found.temperature is None
    assert found.temperature_zones[first] is None
    assert found.operational_status is told.operational_status
    others = set(told.temperature_zones) - {first, "deck_1"}
    assert all(found.temperature_zones[name] is not None for name in others)
    assert found.additional_sensors["alarm"] == "Temperature sensor 1: open circuit"


@pytest.mark.parametrize("spec", FLEET, ids=lambda spec: f"{spec.key}-{spec.shape}")
def test_a_burner_fault_is_an_error_in_every_shape(spec: OvenSpec) -> None:
    oven = SimulatedOven(spec, EPOCH)
    oven.oven.set_fault(PhysicalFault.BURNER_FAULT, EPOCH.timestamp())
    found = read_back(spec, oven.read(EPOCH + timedelta(minutes=1)))
    assert found.operational_status is OperationalStatus.ERROR
    assert found.additional_sensors["alarm"] == "Burner 2: no flame"


@pytest.mark.parametrize("shape", Shape)
async def test_null_values_keep_the_time_and_nothing_else(shape: Shape) -> None:
    spec = next(spec for spec in FLEET if spec.shape is shape)
    server = Misbehaviour()
    server.set(HttpFault.NULL_VALUES, EPOCH)
    told = SimulatedOven(spec, EPOCH).read(EPOCH)
    document = server.spoil(write_document(shape, spec.key, told))
    text = repr(document)
    assert str(told.temperature) not in text
    assert spec.key in text
    assert any(mark in text for mark in (f"{EPOCH:%Y-%m-%dT%H:%M}", str(int(EPOCH.timestamp()))))


def test_the_status_answer_is_short_and_in_the_guides_words() -> None:
    reading = replace(SimulatedOven(FLEET[0], EPOCH).read(EPOCH))
    assert write_status("sol-1", reading) == {
        "equipment_id": "sol-1",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "operational_status": "running",
        "cycle_stage": "baking",
        "door_status": "closed",
    }


def test_the_settings_name_the_right_secret() -> None:
    by_auth = {spec.auth: connector_settings(spec, "http://127.0.0.1:1", "secret") for spec in FLEET}
    assert by_auth["bearer"]["credentials"] == {"token": "secret"}
    assert by_auth["api_key"]["credentials"] == {"api_key": "secret"}
