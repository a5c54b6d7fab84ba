"""The simulated bakery as a process: starts, stops, and continues the same bake after a kill."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from connectors.simulators.__main__ import main, parse_arguments
from connectors.simulators.installation import Installation

Starter = Callable[..., Awaitable[tuple[Process, str]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    running: list[Process] = []

    async def start_one(*arguments: str) -> tuple[Process, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connectors.simulators", "--port", "0", "--tokens", str(tmp_path / "ovens.json")),
            *arguments,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        running.append(process)
        assert process.stderr
        while line := (await asyncio.wait_for(process.stderr.readline(), 60)).decode():
            if found := re.search(r"12 simulated ovens at (http://\S+),", line):
                return process, found[1]
        raise AssertionError("it ended without a word")

    yield start_one
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def read(url: str, tokens: dict[str, str]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {tokens['sol-1']}"}
    async with ClientSession() as client, client.get(f"{url}/ovens/sol-1/data", headers=headers) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_when_told_to(start: Starter, number: int) -> None:
    process, _ = await start()
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_after_a_kill_the_same_bake_goes_on(start: Starter, tmp_path: Path) -> None:
    process, url = await start()
    tokens = Installation.open(tmp_path / "ovens.json", []).tokens
    before = await read(url, tokens)
    process.kill()
    await process.wait()
    _, url = await start()
    after = await read(url, tokens)
    assert after["additional_sensors"]["batch_number"] == before["additional_sensors"]["batch_number"]
    passed = after["cycle_progress_percentage"] - before["cycle_progress_percentage"]
    assert 0 <= passed < 10
    assert after["energy_consumption_kwh"] >= before["energy_consumption_kwh"]


def test_a_port_in_use_is_told_in_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["--host", "192.0.2.1", "--port", "9", "--tokens", str(tmp_path / "ovens.json")]) == 1
    assert "Choose another --port" in caplog.text


def test_a_speed_that_stands_still_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--speed", "0"])
    assert "--speed must be more than 0" in capsys.readouterr().err
