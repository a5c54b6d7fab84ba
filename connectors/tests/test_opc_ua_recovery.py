"""Servers that restart, halt and hang: what the connector says, and that it is well again as soon as they are.

The line below does what the collector does: one try an interval, a new connector after each failure.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from connectors import ConnectorError, Reading, ResponseError, UnreachableError, create_connector, opc_ua
from connectors import opc_ua_subscription as subscription
from connectors.opc_ua import OpcUaConnector
from connectors.simulators.proxy import FaultyProxy, LineFault

from .machines import LOOPBACK, failure_of, serve_bytes
from .opc_ua_server import ALL_SECURITY, COMBI, OpcUaMachine, bad, server_tasks, until

DEVICE = "CombiSteamerDevice_1"
MODE, CHAMBER = "CombiSteamer/CombiSteamerMode", "CombiSteamer/ActualTemperatureChamber_0"
RESTARTS = 100


@pytest.fixture
async def machine() -> AsyncIterator[OpcUaMachine]:
    machine = OpcUaMachine(security=ALL_SECURITY)
    await machine.add("combi", DEVICE, COMBI)
    async with machine:
        yield machine


def connector(machine: OpcUaMachine, *, port: int | None = None, **options: Any) -> OpcUaConnector:
    config = machine.options(**{"timeout": 20, **options})
    config["endpoint"] = config["endpoint"].replace(str(machine.port), str(port or machine.port))
    found = create_connector("opc_ua", "oven-7", config, policy=LOOPBACK)
    assert isinstance(found, OpcUaConnector)
    return found


class Line:
    """An open connector, or none."""

    def __init__(self, machine: OpcUaMachine, **options: Any) -> None:
        self.machine, self.options = machine, options
        self.connector: OpcUaConnector | None = None

    async def try_once(self) -> Reading | ConnectorError:
        try:
            if self.connector is None:
                self.connector = await connector(self.machine, **self.options).__aenter__()
            return await self.connector.get_current_reading()
        except ConnectorError as error:
            await self.close()
            return error

    async def close(self) -> None:
        found, self.connector = self.connector, None
        if found:
            await found.__aexit__(None, None, None)


def hurry(found: OpcUaConnector) -> None:
    """From here on a failure is expected: do not wait long for it. Opening the line had all the time it may need."""
    options = found.config.additional_config.model_copy(update={"timeout": 0.4})
    found.config = found.config.model_copy(update={"additional_config": options})


async def restart_and_count(machine: OpcUaMachine, line: Line, *, seen_down: bool) -> int:
    """How many tries after the server is back until a reading is from after that."""
    await machine.stop()
    if seen_down:
        error = await line.try_once()
        assert isinstance(error, UnreachableError), error
        assert (error.retry, error.code) in ((True, "reset"), (True, "refused"))
        assert isinstance(await line.try_once(), UnreachableError)
    back_at = datetime.now(UTC)
    await machine.start()
    await machine.write(DEVICE, MODE, 6)
    for tries in range(1, 10):
        reading = await line.try_once()
        if isinstance(reading, Reading) and reading.reading_time >= back_at:
            return tries
    raise AssertionError("no fresh value in nine tries")


@pytest.mark.parametrize("mode", ["none", "SignAndEncrypt"])
async def test_fresh_values_within_two_intervals_after_every_restart(machine: OpcUaMachine, mode: str) -> None:
    line = Line(machine, security_mode=mode)
    before = asyncio.all_tasks()
    assert isinstance(await line.try_once(), Reading)
    counts = [await restart_and_count(machine, line, seen_down=bool(number % 2)) for number in range(RESTARTS // 2)]
    # One try for a restart that we saw; one more to find out, where the line had seemed fine.
    assert counts == [2 - number % 2 for number in range(RESTARTS // 2)]
    await line.close()
    await until(lambda: asyncio.all_tasks() - before <= server_tasks())


@pytest.mark.parametrize("fault", [fault for fault in LineFault if fault is not LineFault.SLOW])
async def test_every_fault_of_the_line_ends_in_an_error_and_then_in_a_reading(
    machine: OpcUaMachine, fault: LineFault
) -> None:
    async with FaultyProxy(machine.port) as proxy:
        found = connector(machine, port=proxy.port)
        async with found:
            assert (await found.get_current_reading()).temperature == 180.0
            await proxy.turn(fault)
            hurry(found)
            with pytest.raises((UnreachableError, ResponseError)) as caught:
                await found.get_current_reading()
            assert caught.value.retry
        error = await failure_of(connector(machine, port=proxy.port, timeout=0.5))
        assert error.retry
        await proxy.turn(None)
        async with connector(machine, port=proxy.port) as well:
            assert (await well.get_current_reading()).temperature == 180.0


@pytest.mark.parametrize("fault", [LineFault.SILENT, LineFault.HALF])
async def test_hanging_up_on_a_server_that_hangs_does_not_hang(machine: OpcUaMachine, fault: LineFault) -> None:
    before = asyncio.all_tasks()
    async with FaultyProxy(machine.port) as proxy:
        found = await connector(machine, port=proxy.port).__aenter__()
        await found.get_current_reading()
        await proxy.turn(fault)
        async with asyncio.timeout(30):
            await found.close()
            await found.close()
        await proxy.turn(None)
    await until(lambda: asyncio.all_tasks() - before <= server_tasks())


async def test_a_reading_that_is_cancelled_leaves_nothing_behind(machine: OpcUaMachine) -> None:
    before = asyncio.all_tasks()
    async with FaultyProxy(machine.port) as proxy:
        for fault in (LineFault.SILENT, None):
            await proxy.turn(fault)
            found = connector(machine, port=proxy.port)
            reading = asyncio.create_task(read(found))
            await until(lambda: proxy.connections)
            reading.cancel()
            await asyncio.wait([reading])
            await proxy.turn(None)
            async with connector(machine, port=proxy.port) as well:
                assert await well.get_current_reading()
    await until(lambda: asyncio.all_tasks() - before <= server_tasks())


async def read(found: OpcUaConnector) -> Reading:
    async with found:
        return await found.get_current_reading()


async def take(found: OpcUaConnector, count: int = 1) -> list[Any]:
    """So many items of a line that pushes."""
    items = []
    async with asyncio.timeout(60):
        async for item in found.readings():
            items.append(item)
            if len(items) == count:
                break
    return items


async def test_a_subscription_gives_one_reading_for_all_that_changed(machine: OpcUaMachine) -> None:
    found = connector(machine, mode="subscribe", publishing_interval=0.2)
    assert found.pushes
    assert not connector(machine).pushes
    async with found:
        stream = found.readings()
        first = await anext(stream)
        assert (first.temperature, first.humidity) == (180.0, 65.0)  # type: ignore[union-attr]
        await machine.write(DEVICE, CHAMBER, 190.0)
        await machine.write(DEVICE, "CombiSteamer/ActualHumidity", 70)
        latest = await anext(stream)
        while (latest.temperature, latest.humidity) != (190.0, 70.0):  # type: ignore[union-attr]
            latest = await anext(stream)  # the two may fall into two intervals
        await machine.write(DEVICE, CHAMBER, 191.0)
        assert (await anext(stream)).temperature == 191.0  # type: ignore[union-attr]
        await stream.aclose()  # type: ignore[attr-defined]


async def test_signs_of_life_are_readings_only_where_the_time_is_ours(
    machine: OpcUaMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "_KEEP_ALIVE_SECONDS", 0.1)
    async with connector(machine, mode="subscribe", publishing_interval=0.05, timestamp="received") as found:
        first, second, third = await take(found, 3)
        assert first.reading_time < second.reading_time < third.reading_time
    async with connector(machine, mode="subscribe", publishing_interval=0.05) as found:
        stream = found.readings()
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.wait([waiting], timeout=0.5)
        assert not waiting.done(), "nothing has changed"
        await machine.write(DEVICE, CHAMBER, 182.5)
        assert (await asyncio.wait_for(waiting, 60)).temperature == 182.5  # type: ignore[union-attr]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[subscription.OpcUaSubscription]:
    """The subscriptions that connectors open."""
    made: list[subscription.OpcUaSubscription] = []

    class Noted(subscription.OpcUaSubscription):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(opc_ua, "OpcUaSubscription", Noted)
    return made


async def test_a_long_interval_gathers_while_signs_of_life_go_on(
    machine: OpcUaMachine, made: list[subscription.OpcUaSubscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Any = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(subscription, "_KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(opc_ua, "time", clock)
    async with connector(machine, mode="subscribe", publishing_interval=600) as found:
        stream = found.readings()
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        for temperature in (191.0, 192.0, 193.0):
            await machine.write(DEVICE, CHAMBER, temperature)
            await until(lambda latest=temperature: latest in [sample.value for sample in made[0].samples])  # type: ignore[misc]
        assert not waiting.done()
        clock.now += 600
        assert (await asyncio.wait_for(waiting, 60)).temperature == 193.0  # type: ignore[union-attr]


async def test_a_machine_that_is_off_behind_its_server_is_news_and_not_the_end(machine: OpcUaMachine) -> None:
    async with connector(machine, mode="subscribe", publishing_interval=0.05) as found:
        stream = found.readings()
        assert isinstance(await anext(stream), Reading)
        for path in (path for path in COMBI if "/" in path):
            await machine.write(DEVICE, path, bad("BadNoCommunication"))
        async with asyncio.timeout(60):
            item = await anext(stream)
            while isinstance(item, Reading):
                item = await anext(stream)
        assert isinstance(item, UnreachableError)
        await machine.write(DEVICE, MODE, 6)
        assert isinstance(await anext(stream), Reading)


async def test_a_subscription_ends_with_its_server_and_a_new_one_begins(machine: OpcUaMachine) -> None:
    before = asyncio.all_tasks()
    for _ in range(3):
        found = await connector(machine, mode="subscribe", publishing_interval=0.05).__aenter__()
        stream = found.readings()
        await anext(stream)
        listening = asyncio.ensure_future(anext(stream))
        await machine.stop()
        with pytest.raises(UnreachableError):
            await asyncio.wait_for(listening, 60)
        await found.__aexit__(None, None, None)
        await machine.start()
    async with connector(machine, mode="subscribe") as well:
        assert await take(well)
    await until(lambda: asyncio.all_tasks() - before <= server_tasks())


async def test_silence_ends_a_subscription(machine: OpcUaMachine, made: list[subscription.OpcUaSubscription]) -> None:
    async with FaultyProxy(machine.port) as proxy:
        options = {"mode": "subscribe", "publishing_interval": 0.05}
        async with connector(machine, port=proxy.port, **options) as found:
            stream = found.readings()
            await anext(stream)
            assert 5 <= made[0]._silence <= 25.1
            await proxy.turn(LineFault.SILENT)
            made[0]._silence = 0.3
            with pytest.raises(UnreachableError) as caught:
                async with asyncio.timeout(60):
                    await anext(stream)
            assert caught.value.code == "timeout"
        await proxy.turn(None)
        async with connector(machine, port=proxy.port, **options) as well:
            assert await take(well)


async def test_whatever_arrives_instead_of_an_answer_is_one_of_our_errors(machine: OpcUaMachine) -> None:
    """A real server's bytes, some of them changed on the way."""
    chance = random.Random(11)
    before = asyncio.all_tasks()
    outcomes: set[type] = set()
    for _ in range(60):
        async with Mutilator(machine.port, chance) as between:
            try:
                outcomes.add(type(await read(connector(machine, port=between.port, timeout=0.25))))
            except ConnectorError as error:
                outcomes.add(type(error))
    assert ResponseError in outcomes
    assert Reading in outcomes or UnreachableError in outcomes
    await until(lambda: asyncio.all_tasks() - before <= server_tasks())
    assert (await read(connector(machine))).temperature == 180.0


class Mutilator:
    """Changes a few bytes of what the server says."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self.machine_port, self.chance, self.port = port, chance, 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> "Mutilator":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        back, out = await asyncio.open_connection("127.0.0.1", self.machine_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, out, harm=False))
                group.create_task(self._pass_on(back, writer, harm=True))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            out.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, harm: bool) -> None:
        while data := bytearray(await source.read(65_536)):
            if harm and self.chance.random() < 0.3:
                for _ in range(self.chance.choice((1, 1, 4))):
                    data[self.chance.randrange(len(data))] = self.chance.randrange(256)
            target.write(bytes(data))
            await target.drain()
        raise ConnectionResetError


@pytest.mark.parametrize(
    "announced",
    [b"MSGF\xff\xff\xff\x7f", b"ACKF\xff\xff\xff\x7f", b"OPNF\x00\x00\x20\x00" + b"\0" * 100_000],
    ids=["message", "acknowledge", "channel"],
)
async def test_an_announcement_of_gigabytes_is_not_waited_for(announced: bytes) -> None:
    async with serve_bytes(announced, at_once=True) as server:
        config = {"endpoint": f"opc.tcp://127.0.0.1:{server.port}", "additional_config": {"security_mode": "none"}}
        error = await failure_of(create_connector("opc_ua", "x", config, policy=LOOPBACK))
        assert (type(error), error.code) == (ResponseError, "too_large")


async def read_restart_and_subscribe() -> None:
    machine = OpcUaMachine(security=ALL_SECURITY)
    await machine.add("combi", DEVICE, COMBI)
    async with machine:
        line = Line(machine, security_mode="SignAndEncrypt")
        assert isinstance(await line.try_once(), Reading)
        assert await restart_and_count(machine, line, seen_down=True) == 1
        await line.close()
        async with connector(machine, mode="subscribe", publishing_interval=0.05) as found:
            assert await take(found)
        async with FaultyProxy(machine.port) as proxy:
            await proxy.turn(LineFault.SILENT)
            assert isinstance(await failure_of(connector(machine, port=proxy.port, timeout=0.3)), UnreachableError)
            await proxy.turn(LineFault.RESET)
            assert isinstance(await failure_of(connector(machine, port=proxy.port, timeout=5)), UnreachableError)


def test_all_this_on_the_other_loop_too() -> None:
    """The tests above run on the poll worker's, uvloop."""
    asyncio.run(read_restart_and_subscribe())
