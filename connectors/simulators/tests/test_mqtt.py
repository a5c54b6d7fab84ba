"""Simulated ovens over MQTT, read by our connector, broken and repaired."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiomqtt
import pytest

from connectors import (
    AuthenticationError,
    BaseIoTConnector,
    ConnectorError,
    OperationalStatus,
    Reading,
    ResponseError,
    UnreachableError,
    create_connector,
)
from connectors.simulators import broker as broker_module
from connectors.simulators.broker import LocalBroker, NoBrokerError
from connectors.simulators.fleet import FLEET
from connectors.simulators.mqtt import MqttOvens
from connectors.simulators.served import ServedOven, make_ovens
from connectors.tests.brokers import Ears, eventually, listening, mosquitto
from connectors.tests.machines import LOOPBACK

JSON, RAW, SPARKPLUG = "teide-2", "sol-1", "sol-2"
SHAPES = {"json": JSON, "raw": RAW, "sparkplug_b": SPARKPLUG}
EACH_SHAPE = pytest.mark.parametrize("key", SHAPES.values(), ids=SHAPES)


@pytest.fixture
async def site() -> AsyncIterator[MqttOvens]:
    mosquitto()  # or skip: these are about wills and sessions
    async with MqttOvens(fast_ovens(*SHAPES.values()), pace_seconds=0.1) as found:
        yield found


def fast_ovens(*keys: str) -> Mapping[str, ServedOven]:
    """Ten seconds of theirs are one of ours. They begin ten minutes ago, and so are never ahead."""
    began = time.time()
    fleet = [spec for spec in FLEET if spec.key in keys]
    return make_ovens(fleet, seconds=lambda: began - 600 + 10 * (time.time() - began))


def reader(site: MqttOvens, key: str, **options: Any) -> BaseIoTConnector[Any]:
    settings = site.settings(key)
    settings["additional_config"] |= {"timeout": 30, **options}
    return create_connector("mqtt", key, settings, policy=LOOPBACK)


async def test_each_shape_gives_the_ovens_own_values(site: MqttOvens) -> None:
    for shape, key in SHAPES.items():
        assert site.settings(key)["additional_config"]["format"] == shape
        async with reader(site, key) as connector:
            reading = await connector.get_current_reading()
            assert reading.temperature is not None
            assert reading.energy_consumption_kwh is not None
            assert isinstance(reading.operational_status, OperationalStatus)
            assert set(reading.temperature_zones) == set(site.ovens[key].read().temperature_zones)
            assert isinstance(reading.additional_sensors["operating_hours"], float)
        result = await reader(site, key).test_connection()
        assert result.success, result.message
        assert len(result.details["points"]) > 10


async def missed_in_silence(site: MqttOvens, key: str, ears: Ears) -> None:
    assert isinstance(await ears.told("timeout"), UnreachableError)


async def missed_by_its_will(site: MqttOvens, key: str, ears: Ears) -> None:
    assert isinstance(await ears.told("offline"), UnreachableError)


async def told_as_garbage(site: MqttOvens, key: str, ears: Ears) -> None:
    if key == RAW:  # a value that is none is missing, and the others stay
        await shown_as_bad(site, key, ears)
    else:
        await eventually(lambda: any(isinstance(error, ResponseError) for error in ears.news))


async def shown_as_missing(site: MqttOvens, key: str, ears: Ears) -> None:
    await eventually(lambda: ears.readings[-1].temperature is None or ears.news)
    if not ears.news:
        assert ears.readings[-1].energy_consumption_kwh is None, "and not 0"


async def shown_as_bad(site: MqttOvens, key: str, ears: Ears) -> None:
    await eventually(lambda: ears.readings[-1].quality.get("temperature") == "bad")
    assert ears.readings[-1].temperature is None


@EACH_SHAPE
async def test_what_goes_wrong_is_seen_and_survived(site: MqttOvens, key: str) -> None:
    faults = {
        "hang": missed_in_silence,
        "refuse": missed_by_its_will,
        "garbage": told_as_garbage,
        "null_values": shown_as_missing,
        "sensor_break": shown_as_bad,
    }
    async with listening(reader(site, key, stale_after=2)) as ears:
        for fault, is_seen in faults.items():
            await ears.heard(1)
            ears.news.clear()
            site.ovens[key].fault = fault
            await is_seen(site, key, ears)
            site.ovens[key].fault = None
            count = len(ears.readings)
            await eventually(lambda: any(reading.temperature for reading in ears.readings[count:]))  # noqa: B023


async def test_times_that_stand_still_or_run_ahead(site: MqttOvens) -> None:
    async with listening(reader(site, JSON)) as ears:
        await ears.heard(1)
        site.ovens[JSON].fault = "frozen_timestamp"
        await eventually(
            lambda: len(ears.readings) > 3 and len({item.reading_time for item in ears.readings[-2:]}) == 1
        )
        site.ovens[JSON].fault = "clock_ahead"
        await eventually(lambda: ears.readings[-1].quality.get("reading_time") == "uncertain")
        site.ovens[JSON].fault = None
        await eventually(lambda: "reading_time" not in ears.readings[-1].quality)


async def test_a_password_that_no_longer_holds_ends_the_line(site: MqttOvens) -> None:
    async with listening(reader(site, JSON)) as ears, listening(reader(site, RAW)) as other:
        await ears.heard(1)
        site.ovens[JSON].fault = "http_401"
        await eventually(lambda: ears.ended)
        assert isinstance(ears.ended, AuthenticationError)
        count = len(other.readings)
        await other.heard(count + 1)
        assert other.ended is None
    site.ovens[JSON].fault = None
    assert await _lets_in(site)


async def _lets_in(site: MqttOvens) -> Reading:
    """The broker learns of its accounts a moment later."""
    while True:
        try:
            async with reader(site, JSON) as connector:
                return await connector.get_current_reading()
        except AuthenticationError:
            continue


async def test_all_come_back_with_their_broker(site: MqttOvens) -> None:
    async with listening(reader(site, JSON)) as json, listening(reader(site, SPARKPLUG)) as plc:
        for ears in (json, plc):
            await ears.heard(1)
        await site.stop()
        await eventually(lambda: json.news and plc.news)
        assert isinstance(json.news[0], ConnectorError)
        await site.start()
        for ears in (json, plc):
            await ears.heard(len(ears.readings) + 2)


async def test_a_lost_message_is_noticed_and_a_birth_asked_for(site: MqttOvens) -> None:
    async with listening(reader(site, SPARKPLUG)) as ears:
        await ears.heard(1)
        talk = site._talks[SPARKPLUG]
        births = talk.births  # type: ignore[attr-defined]
        talk._next()  # type: ignore[attr-defined]
        await eventually(lambda: talk.births > births)  # type: ignore[attr-defined]
        await ears.heard(len(ears.readings) + 1)


async def test_a_broker_keeps_strangers_out_and_its_port() -> None:
    async with mosquitto({"a": "right"}) as broker:
        port = broker.port
        strangers: list[dict[str, Any]] = [{"username": "a", "password": "wrong"}, {}]
        for wrong in strangers:
            with pytest.raises(aiomqtt.MqttError):
                await aiomqtt.Client("127.0.0.1", port, **wrong).__aenter__()
        await broker.stop()
        await broker.stop()
        await broker.start()
        assert broker.port == port
        async with aiomqtt.Client("127.0.0.1", port, username="a", password="right"):
            pass


async def test_without_any_broker_there_is_an_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    monkeypatch.setattr(broker_module, "AmqttBroker", None)
    with pytest.raises(NoBrokerError, match="apt-get install mosquitto"):
        await LocalBroker().start()


async def test_a_broker_that_does_not_start_says_why() -> None:
    with pytest.raises(NoBrokerError, match="ended with"):
        await mosquitto(listener=["no such setting"]).start()


async def test_where_mosquitto_is_missing_amqtt_serves_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("amqtt", reason="needs amqtt, which requirements-run.txt names")
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    monkeypatch.setattr("connectors.simulators.mqtt.find_mosquitto", lambda: None)
    ovens = fast_ovens(JSON, SPARKPLUG)
    async with MqttOvens(ovens, pace_seconds=0.1) as site:
        for key in ovens:
            async with listening(reader(site, key)) as ears:
                await ears.heard(2)
