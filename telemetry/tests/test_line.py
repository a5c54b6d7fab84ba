import asyncio
from typing import Any

import pytest

from connectors import AddressPolicy, AuthenticationError, ConnectorError, UnreachableError
from connectors.simulators.http import SimulatedBakery
from telemetry.line import LONGEST_PAUSE_SECONDS, Line, LineSettings

POLICY = AddressPolicy(allow_loopback=True)


def make_line(interval: int = 10, uuid: str = "a-machine", **config: Any) -> Line:
    settings = LineSettings(
        equipment_id=1,
        version=1,
        uuid=uuid,
        name="Oven",
        protocol="rest_api",
        interval=interval,
        config=config,
        reported=("unknown", ""),
    )
    return Line(settings, POLICY)


def test_a_line_keeps_its_place_in_the_interval() -> None:
    line = make_line(interval=10)
    line.plan_next(1000.0)
    first = line.due
    line.plan_next(first + 0.3)  # the read took a moment
    assert line.due == pytest.approx(first + 10)
    line.plan_next(first + 10 + 25)  # it was slow: what was missed is not made up for
    assert line.due == pytest.approx(first + 40)


def test_machines_are_spread_over_the_interval() -> None:
    phases = sorted(make_line(interval=10, uuid=f"machine-{number}").phase for number in range(1000))
    assert phases[0] >= 0 and phases[-1] < 10
    assert all(50 < sum(second <= phase < second + 1 for phase in phases) < 150 for second in range(10))


def test_a_machine_that_fails_is_asked_less_and_less_often() -> None:
    line = make_line(interval=2)
    pauses = []
    for _ in range(40):
        line.plan_next(0.0, UnreachableError("no"))
        pauses.append(line.due)
    assert all(2 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses)
    assert max(pauses[-20:]) > max(pauses[:3])
    assert len(set(pauses[-10:])) == 10  # jitter
    line.plan_next(0.0)
    assert line.failures == 0


def test_a_machine_that_is_asked_seldom_anyway_is_not_asked_more_often_when_it_fails() -> None:
    line = make_line(interval=3600)
    line.plan_next(0.0, UnreachableError("no"))
    assert line.due == 3600


def test_the_machines_own_wish_counts() -> None:
    line = make_line(interval=1)
    line.plan_next(0.0, ConnectorError("slow down", retry_after=600))
    assert line.due == 600


def test_a_refused_password_ends_the_line() -> None:
    line = make_line()
    line.plan_next(0.0, AuthenticationError("no"))
    assert line.ended


async def test_a_line_stays_open_between_reads_and_is_down_after_a_failure() -> None:
    async with SimulatedBakery() as ovens:
        key = next(iter(ovens.ovens))
        line = make_line(**ovens.settings(key))
        reading, took_ms = await line.read()
        connector = line.connector
        assert reading.temperature is not None and took_ms >= 0
        await line.read()
        assert line.connector is connector

        ovens.ovens[key].fault = "http_500"
        with pytest.raises(ConnectorError):
            await line.read()
        assert line.connector is None

        ovens.ovens[key].fault = None
        await line.read()
        await line.stop()
        await line.stop()


async def test_stopping_gives_up_a_read_that_hangs() -> None:
    async with SimulatedBakery() as ovens:
        key = next(iter(ovens.ovens))
        line = make_line(**ovens.settings(key))
        ovens.ovens[key].fault = "hang"

        async def read() -> None:
            await line.read()

        line.task = asyncio.create_task(read())
        await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await line.stop()
        assert line.task.cancelled()


def test_settings_do_not_show_secrets() -> None:
    line = make_line(credentials={"token": "s3cret"})
    assert "s3cret" not in repr(line)
    assert "s3cret" not in repr(line.settings)
