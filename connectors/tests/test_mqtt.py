"""The connector against Mosquitto: what is kept, confirmed, repeated, and how a line comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiomqtt
import pytest
import uvloop

from connectors import Reading, ResponseError, UnreachableError
from connectors.mqtt_broker import SharedBroker
from connectors.simulators.broker import LocalBroker
from connectors.simulators.sparkplug_writer import DOUBLE, WrittenMetric, write_payload

from .brokers import TOPIC, Ears, connect, eventually, listening, machine, mosquitto, numbered, publish

VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


@pytest.fixture
async def broker() -> AsyncIterator[LocalBroker]:
    async with mosquitto() as found:
        yield found
    assert not SharedBroker._brokers, "all connections were given back"
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, left


@VERSIONS
async def test_messages_are_read_as_they_come(broker: LocalBroker, version: str) -> None:
    async with listening(connect(broker, version=version)) as ears:
        await publish(broker, *map(numbered, range(100)))
        await ears.heard(100)
    assert ears.temperatures == list(range(100))


@VERSIONS
async def test_what_was_confirmed_does_not_come_again_and_the_rest_does(broker: LocalBroker, version: str) -> None:
    async with listening(connect(broker, version=version), confirms=False) as first:
        await publish(broker, *map(numbered, range(10)))
        await first.heard(10)
        await first.connector.confirm(first.readings[:4])
    async with listening(connect(broker, version=version)) as second:
        await second.heard(6)
    assert second.temperatures == list(range(4, 10))
    async with listening(connect(broker, version=version)) as third:
        await publish(broker, numbered(99))
        await third.heard(1)
    assert third.temperatures == [99]


async def test_in_the_order_of_their_coming_whatever_the_order_of_confirming(broker: LocalBroker) -> None:
    async with listening(connect(broker), confirms=False) as ears:
        await publish(broker, *map(numbered, range(3)))
        await ears.heard(3)
        await ears.connector.confirm(list(reversed(ears.readings)))
    async with listening(connect(broker)) as again:
        await publish(broker, numbered(7))
        await again.heard(1)
    assert again.temperatures == [7]


@VERSIONS
async def test_a_session_outlives_our_absence_and_a_restart_of_the_broker(broker: LocalBroker, version: str) -> None:
    async with connect(broker, version=version):
        pass
    await publish(broker, *map(numbered, range(50)))
    await broker.stop()
    await broker.start()
    await publish(broker, *map(numbered, range(50, 100)))
    async with listening(connect(broker, version=version)) as ears:
        await ears.heard(100)
    assert ears.temperatures == list(range(100))


@VERSIONS
async def test_more_than_the_broker_lets_be_open_goes_on_as_it_is_confirmed(broker: LocalBroker, version: str) -> None:
    """Mosquitto has 20 messages under way to a client of MQTT 3.1.1."""
    async with listening(connect(broker, version=version), confirms=False) as ears:
        await publish(broker, *map(numbered, range(300)))
        confirmed = 0
        while confirmed < 300:
            await ears.heard(confirmed + 1)
            count = len(ears.readings)
            await ears.connector.confirm(ears.readings[confirmed:count])
            confirmed = count
    assert ears.temperatures == list(range(300))


async def test_a_line_comes_back_by_itself_and_loses_and_doubles_nothing(broker: LocalBroker) -> None:
    async with listening(connect(broker), confirms=False) as ears:
        await publish(broker, *map(numbered, range(5)))
        await ears.heard(5)
        await broker.stop()
        await eventually(lambda: ears.news)
        assert isinstance(ears.news[0], UnreachableError)
        await broker.start()
        await publish(broker, *map(numbered, range(5, 10)))
        await ears.heard(10)
        assert ears.temperatures == list(range(10)), "the broker sent the first five again"
        await ears.connector.confirm(ears.readings)
    async with listening(connect(broker)) as again:
        await publish(broker, numbered(77))
        await again.heard(1)
    assert again.temperatures == [77], "also what came by the broken connection is answered for"


async def test_a_hiccup_of_the_broker_is_not_worth_a_word(broker: LocalBroker) -> None:
    async with listening(connect(broker)) as ears:
        share = ears.connector._share  # type: ignore[attr-defined]
        for number in range(2):
            await eventually(lambda: share.broker._link)
            share.broker._link._break_off()
            await publish(broker, numbered(number))
            await ears.heard(number + 1)
    assert ears.news == []


async def test_a_machine_that_publishes_nonsense_is_told_of_and_listened_to(broker: LocalBroker) -> None:
    async with listening(connect(broker)) as ears:
        await publish(broker, b"\xff\x00", b"{", numbered(1), b"[]")
        await ears.heard(1)
        await eventually(lambda: len(ears.news) == 3)
    assert all(isinstance(error, ResponseError) for error in ears.news)


async def test_a_last_will_and_the_return(broker: LocalBroker) -> None:
    will = aiomqtt.Will("bakery/oven-7/status", "offline", 1, True)
    async with listening(connect(broker, availability_topic="bakery/oven-7/status")) as ears:
        async with machine(broker, will=will) as oven:
            await oven.publish(TOPIC, json.dumps(numbered(1)), 1)
            await ears.heard(1)
            oven._client._sock_close()
            error = await ears.told("offline")
            assert isinstance(error, UnreachableError)
        await publish(broker, numbered(2))
        await ears.heard(2)


async def test_a_machine_that_is_away_by_its_will_is_not_read_from_memory(broker: LocalBroker) -> None:
    await publish(broker, b"offline", topic="bakery/oven-7/status", retain=True)
    await publish(broker, numbered(1), retain=True)
    result = await connect(broker, availability_topic="bakery/{device_id}/status", device_id="oven-7").test_connection()
    assert (result.success, result.status, result.error_code) == (False, "disconnected", "offline")
    await publish(broker, b"online", topic="bakery/oven-7/status", retain=True)
    assert (await connect(broker, availability_topic="bakery/oven-7/status").test_connection()).success


async def test_what_is_retained_is_the_last_known_and_not_of_now(broker: LocalBroker) -> None:
    await publish(broker, {"temperature": 185.5}, retain=True)
    result = await connect(broker).test_connection()
    assert result.success
    assert result.reading is not None
    assert dict(result.reading.quality) == {"temperature": "stale"}
    assert "the machine itself has said nothing" in result.message
    async with listening(connect(broker)) as ears:
        await publish(broker, numbered(1))
        await ears.heard(1)
    assert ears.temperatures == [1], "nor is it stored as a reading of now"


async def test_a_test_beside_a_live_line_disturbs_nothing(broker: LocalBroker) -> None:
    async with listening(connect(broker)) as ears:
        await publish(broker, numbered(0), retain=True)
        await ears.heard(1)
        for _ in range(3):
            assert (await connect(broker).test_connection()).success
        await publish(broker, numbered(1))
        await ears.heard(2)
    assert (ears.temperatures, ears.news) == ([0, 1], [])


async def test_a_silent_topic_is_named_in_the_answer(broker: LocalBroker) -> None:
    result = await connect(broker, timeout=0.5).test_connection()
    assert (result.success, result.status, result.error_code) == (False, "disconnected", "timeout")
    assert TOPIC in result.message
    publishing = asyncio.create_task(_publish_forever(broker, {"id": "oven-8", "temperature": 1}))
    result = await connect(broker, timeout=1, device_path="id").test_connection()
    assert "other machines came" in result.message
    assert "oven-8" in result.message
    publishing.cancel()
    await asyncio.wait((publishing,))


async def _publish_forever(broker: LocalBroker, document: Any) -> None:
    async with machine(broker) as found:
        while True:
            await found.publish(TOPIC, json.dumps(document), 0)
            await asyncio.sleep(0.1)


async def test_as_in_the_guide_a_line_that_is_not_open_is_opened_for_one_call(broker: LocalBroker) -> None:
    await publish(broker, {"temperature": 185.5, "humidity": 61}, retain=True)
    connector = connect(broker)
    assert (await connector.get_current_reading()).temperature == 185.5
    assert (await connector.get_capabilities()).supports_humidity
    assert not connector.is_open  # type: ignore[attr-defined]
    async with connector:
        await publish(broker, *map(numbered, (1, 2, 3)))
        await eventually(lambda: len(connector._inbox._messages) >= 4)  # type: ignore[attr-defined]
        assert (await connector.get_current_reading()).temperature == 0.3, "the newest of what has come"


async def test_a_test_lists_the_values_with_their_paths(broker: LocalBroker) -> None:
    await publish(broker, {"t": 1805, "odd-key": {"x": [True, "a"]}, "ts": 1790000000}, retain=True)
    mapping = {"timestamp": {"path": "ts", "unit": "s"}, "temperature": {"path": "t", "scale": 0.1}}
    details = (await connect(broker, mapping=mapping).test_connection()).details
    assert details["points"] == [
        {"path": "t", "value": 1805, "field": "temperature"},
        {"path": '"odd-key".x[0]', "value": True, "field": ""},
        {"path": '"odd-key".x[1]', "value": "a", "field": ""},
        {"path": "ts", "value": 1790000000, "field": "timestamp"},
    ]


async def test_a_test_lists_what_is_announced_for_home_assistant(broker: LocalBroker) -> None:
    sensor = {"name": "Chamber", "state_topic": TOPIC, "unit_of_measurement": "°C", "device": {"name": "Horno 7"}}
    nothing = await connect(broker, discovery_prefix="homeassistant").test_connection()
    assert "Nothing is announced" in nothing.message
    await publish(broker, sensor, topic="homeassistant/sensor/oven7/config", retain=True)
    found = await connect(broker, discovery_prefix="homeassistant").test_connection()
    assert (found.success, found.error_code) == (False, "configuration")
    (device,) = found.details["devices"]
    assert device["name"] in found.message
    await publish(broker, b"180.5", retain=True)
    result = await connect(broker, **device["settings"]).test_connection()
    assert result.reading is not None
    assert result.reading.temperature_zones == {"chamber": 180.5}


class Bakery:
    """Several machines of one account."""

    def __init__(self, broker: LocalBroker) -> None:
        self.broker = broker
        self.stack = AsyncExitStack()

    async def open(self, name: str, *, topic: str | None = None, confirms: bool = True) -> Ears:
        connector = connect(self.broker, name, topic=topic or f"bakery/{name}/data")
        return await self.stack.enter_async_context(listening(connector, confirms=confirms))


@pytest.fixture
async def bakery(broker: LocalBroker) -> AsyncIterator[Bakery]:
    found = Bakery(broker)
    async with found.stack:
        yield found


async def test_machines_of_one_account_share_one_connection(bakery: Bakery) -> None:
    lines = [await bakery.open(f"oven-{number}") for number in range(5)]
    assert len(SharedBroker._brokers) == 1
    for number in range(5):
        await publish(bakery.broker, numbered(number), topic=f"bakery/oven-{number}/data")
    for number, ears in enumerate(lines):
        await ears.heard(1)
        assert ears.temperatures == [number]
    another = connect(bakery.broker, "oven-9", version="3.1.1")
    async with another:
        assert len(SharedBroker._brokers) == 2, "other settings are another connection, under another name"
    assert all(ears.news == [] for ears in lines)


async def test_a_message_for_two_machines_is_answered_when_both_have_it(bakery: Bakery) -> None:
    first = await bakery.open("a", topic="bakery/all", confirms=False)
    second = await bakery.open("b", topic="bakery/all", confirms=False)
    await publish(bakery.broker, numbered(1), numbered(2), topic="bakery/all")
    await first.heard(2)
    await second.heard(2)
    await first.connector.confirm(first.readings)
    await second.connector.confirm(second.readings[:1])
    await bakery.stack.aclose()
    first, second = [await bakery.open(name, topic="bakery/all") for name in ("a", "b")]
    await second.heard(1)
    await first.heard(1)
    await publish(bakery.broker, numbered(3), topic="bakery/all")
    await first.heard(2)
    await second.heard(2)
    assert first.temperatures == second.temperatures == [2, 3]


async def test_what_was_kept_for_machines_whose_lines_come_later_waits_for_them(bakery: Bakery) -> None:
    names = ("a", "b", "c")
    for name in names:
        await bakery.open(name)
    await bakery.stack.aclose()
    for number, name in enumerate(names):
        await publish(bakery.broker, *map(numbered, range(10 * number, 10 * number + 10)), topic=f"bakery/{name}/data")
    first = await bakery.open("a")
    await first.heard(10)
    second = await bakery.open("b", confirms=False)
    await second.heard(10)
    await bakery.stack.aclose()
    again = [await bakery.open(name) for name in names]
    await again[1].heard(10)
    await again[2].heard(10)
    assert [ears.temperatures for ears in again] == [[], list(range(10, 20)), list(range(20, 30))]


async def test_a_line_that_closes_leaves_its_messages_to_the_next_one(bakery: Bakery) -> None:
    other = await bakery.open("other")
    async with listening(connect(bakery.broker, "a", topic="bakery/a/data"), confirms=False) as ears:
        await publish(bakery.broker, numbered(1), numbered(2), topic="bakery/a/data")
        await ears.heard(2)
        await ears.connector.confirm(ears.readings[:1])
    await publish(bakery.broker, numbered(3), topic="bakery/a/data")
    await publish(bakery.broker, numbered(9), topic="bakery/other/data")
    await other.heard(1)
    again = await bakery.open("a")
    await again.heard(2)
    assert again.temperatures == [2, 3]


async def test_a_line_with_new_settings_no_longer_hears_the_old_topic(bakery: Bakery) -> None:
    await bakery.open("other")
    async with listening(connect(bakery.broker, "a", topic="bakery/old")):
        pass
    again = await bakery.open("a", topic="bakery/new")
    await publish(bakery.broker, numbered(1), topic="bakery/old")
    await publish(bakery.broker, numbered(2), topic="bakery/new")
    await again.heard(1)
    assert again.temperatures == [2]


async def test_other_settings_under_the_same_client_id_are_refused_and_not_thrown_out(bakery: Bakery) -> None:
    async with listening(connect(bakery.broker, client_id="mine")) as ears:
        with pytest.raises(ResponseError, match="additional_config.client_id"):
            await connect(bakery.broker, "b", client_id="mine", version="5").__aenter__()
        await publish(bakery.broker, numbered(1))
        await ears.heard(1)
    async with connect(bakery.broker, "b", client_id="mine", version="5"):
        pass


async def test_a_stranger_with_our_client_id_is_named_and_when_it_goes_we_are_back(broker: LocalBroker) -> None:
    async with listening(connect(broker, client_id="mine")) as ears:
        connection = ears.connector._share.broker  # type: ignore[attr-defined]
        for _ in range(10):
            async with machine(broker, identifier="mine"):
                await eventually(lambda: connection._link is None)
            connection._hurry.set()  # the pauses grow
            await eventually(lambda: connection._link)
            if ears.news:
                break
        assert "additional_config.client_id" in str(ears.news[0])
        await publish(broker, numbered(1))
        await ears.heard(1)


def test_on_the_loop_of_the_poll_worker() -> None:
    async def bake() -> list[float]:
        async with mosquitto() as broker, listening(connect(broker)) as ears:
            await publish(broker, *map(numbered, range(50)))
            await ears.heard(50)
            # By its answer the broker has read what we have acknowledged; one under load would send all that again.
            link = ears.connector._share.broker._link  # type: ignore[attr-defined]
            assert not await link.ask_for([TOPIC], 1)
            await broker.stop()
            await broker.start()
            await publish(broker, numbered(50))
            await ears.heard(51)
            return ears.temperatures

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(bake()) == list(range(51))


async def test_a_persistent_session_can_be_declined(broker: LocalBroker) -> None:
    connector = connect(broker, persistent_session=False)
    assert not connector.repeats
    async with connector:
        pass
    await publish(broker, numbered(1))
    async with listening(connect(broker, persistent_session=False)) as ears:
        await publish(broker, numbered(2))
        await ears.heard(1)
    assert ears.temperatures == [2]


async def test_a_rebirth_is_asked_for_where_we_may_and_where_we_may_not_it_is_said(broker: LocalBroker) -> None:
    settings: dict[str, Any] = {"format": "sparkplug_b", "group_id": "g", "edge_node_id": "e"}
    value = WrittenMetric(name="temperature", alias=1, datatype=DOUBLE, value=180.5)
    async with machine(broker) as node, listening(connect(broker, **settings)) as quiet:
        await node.subscribe("spBv1.0/g/NCMD/e", 1)
        unknown = write_payload([WrittenMetric(alias=1, value=1.0)], timestamp=None, seq=7)
        await node.publish("spBv1.0/g/NDATA/e", unknown, 0)
        assert "allow_rebirth" in str(await quiet.told("mapping"))
        assert len(node.messages) == 0
        async with listening(connect(broker, "another", allow_rebirth=True, **settings)) as ears:
            await anext(node.messages)
            await node.publish("spBv1.0/g/NBIRTH/e", write_payload([value], timestamp=None, seq=0), 0)
            await ears.heard(1)
            await quiet.heard(1)
    assert isinstance(ears.readings[0], Reading)
    assert ears.readings[0].temperature == 180.5
