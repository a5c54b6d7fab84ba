import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from connectors.simulators.proxy import FaultyProxy

ANSWER = b"0123456789"


@pytest.fixture
async def proxy() -> AsyncIterator[FaultyProxy]:
    """In front of a machine that answers each line with ten bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.readline():
                writer.write(ANSWER)
        writer.close()

    machine = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with machine, FaultyProxy(machine.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, expected: int = len(ANSWER)) -> bytes:
        self.writer.write(b"?\n")
        return await self.hear(expected)

    async def hear(self, expected: int = len(ANSWER)) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.readexactly(expected)

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(0.2):
                return not await self.reader.read(1)
        except TimeoutError:
            return True


async def connect(proxy: FaultyProxy) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", proxy.port))


async def test_without_a_fault_everything_passes(proxy: FaultyProxy) -> None:
    client = await connect(proxy)
    assert [await client.ask() for _ in range(3)] == [ANSWER] * 3
    client.writer.close()
    assert proxy.connections == 1


async def test_who_listens_no_longer_has_cut_the_open_lines_and_comes_back_at_the_same_port(proxy: FaultyProxy) -> None:
    port, client = proxy.port, await connect(proxy)
    await client.ask()
    await proxy.turn("refuse")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.ask()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    await proxy.turn(None)
    assert proxy.port == port
    assert await (await connect(proxy)).ask() == ANSWER


async def test_silence_keeps_the_line_and_its_end_brings_the_late_answer(proxy: FaultyProxy) -> None:
    old = await connect(proxy)
    await old.ask()
    await proxy.turn("silent")
    new = await connect(proxy)
    for client in (old, new):
        client.writer.write(b"?\n")
        assert await client.hears_nothing()
    await proxy.turn(None)
    assert [await client.hear() for client in (old, new)] == [ANSWER, ANSWER]


async def test_half_an_answer_and_then_nothing_until_the_repair_resets_the_line(proxy: FaultyProxy) -> None:
    client = await connect(proxy)
    await client.ask()
    await proxy.turn("half")
    assert await client.ask(5) == ANSWER[:5]
    assert await client.hears_nothing()
    await proxy.turn(None)
    with pytest.raises(ConnectionResetError):
        await client.hear()
    assert await (await connect(proxy)).ask() == ANSWER


async def test_a_reset_comes_in_the_middle_of_the_answer(proxy: FaultyProxy) -> None:
    client = await connect(proxy)
    await proxy.turn("reset")
    with pytest.raises(ConnectionResetError):
        await client.ask()
    await proxy.turn(None)
    assert await (await connect(proxy)).ask() == ANSWER


async def test_garbage_comes_in_place_of_the_answer(proxy: FaultyProxy) -> None:
    client = await connect(proxy)
    await proxy.turn("garbage")
    assert await client.ask() != ANSWER
    await proxy.turn(None)
    assert await client.ask() == ANSWER


async def test_a_slow_line_delivers(proxy: FaultyProxy) -> None:
    proxy.slow_seconds = 0.05
    await proxy.turn("slow")
    assert await (await connect(proxy)).ask() == ANSWER
    proxy.slow_seconds = 60.0
    client = await connect(proxy)
    client.writer.write(b"?\n")
    assert await client.hears_nothing()
    await proxy.turn(None)
    assert await client.hear() == ANSWER


async def test_the_machine_hanging_up_is_passed_on(proxy: FaultyProxy) -> None:
    client = await connect(proxy)
    client.writer.write_eof()
    async with asyncio.timeout(20):
        assert await client.reader.read() == b""


async def test_an_unknown_fault_is_refused(proxy: FaultyProxy) -> None:
    with pytest.raises(ValueError, match="gremlins"):
        await proxy.turn("gremlins")
