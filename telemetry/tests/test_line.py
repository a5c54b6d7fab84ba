import asyncio
from itertools import pairwise
from typing import Any

import pytest

from connectors import AddressPolicy, AuthenticationError, ConnectorError, UnreachableError
from connectors.simulators.http import SimulatedBakery
from telemetry.line import LONGEST_PAUSE_SECONDS, PATIENCE_SECONDS, Line, LineSettings
from telemetry.news import News

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
    return Line(settings, POLICY, News(1, "Oven", settings.reported, lambda event: None))


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


def test_a_machine_that_has_just_worked_is_asked_at_its_interval() -> None:
    """Whoever restarts it waits for it; a machine that stays away is asked less often in the end."""
    line = make_line(interval=2)
    line.plan_next(1000.0)
    tries = [line.due]
    while tries[-1] < 1000 + PATIENCE_SECONDS - 2:
        line.plan_next(tries[-1], UnreachableError("no"))
        tries.append(line.due)
    assert {round(after - before, 6) for before, after in pairwise(tries)} == {2}
    for _ in range(20):
        now = line.due
        line.plan_next(now, UnreachableError("no"))
        assert 2 <= line.due - now <= LONGEST_PAUSE_SECONDS
    assert line.due > 1000 + PATIENCE_SECONDS + 60
    line.plan_next(line.due)
    now = line.due
    line.plan_next(now, UnreachableError("no"))
    assert line.due == now + 2


def test_a_try_that_took_long_is_followed_by_another_within_the_interval() -> None:
    line = make_line(interval=2)
    line.plan_next(1000.0)
    line.plan_next(1013.7, UnreachableError("no answer in ten seconds"))
    assert 1013.7 < line.due <= 1015.7


def test_a_machine_that_was_asked_too_often_is_asked_less_often() -> None:
    line = make_line(interval=2)
    line.plan_next(1000.0)
    for _ in range(5):
        line.plan_next(1000.0, ConnectorError("slow down", code="rate_limited"))
    assert line.failures == 5


def test_a_line_that_listens_does_not_wait_for_a_long_interval() -> None:
    line = make_line(interval=3600)
    line.pushes = True
    line.note_reading(1000.0)
    line.plan_next(1000.0, UnreachableError("no"))
    assert 1000 < line.due <= 1005


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
        reading = await line.read()
        connector = line.connector
        assert reading.temperature is not None
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
