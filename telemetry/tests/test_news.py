import asyncio

import pytest

from connectors import ConnectorError, ResponseError, UnreachableError
from equipment.models import ConnectionLog, IoTConnectionStatus
from telemetry import news as news_module
from telemetry.news import MOST_PER_MINUTE, News

CONNECTED = IoTConnectionStatus.CONNECTED


class Told:
    def __init__(self, *, told: tuple[str, str] = ("unknown", "")) -> None:
        self.events: list[ConnectionLog] = []
        self.written = asyncio.Event()  # more than a minute may have
        self.news = News(7, "Oven", told, self.write)

    def write(self, event: ConnectionLog) -> None:
        self.events.append(event)
        if len(self.events) > MOST_PER_MINUTE:
            self.written.set()

    def fail(self, error: ConnectorError) -> None:
        self.news.report(IoTConnectionStatus(error.status), error)

    def flap(self, times: int) -> None:
        for _ in range(times):
            self.fail(ResponseError("no reading"))
            self.news.report(CONNECTED)

    @property
    def codes(self) -> list[str]:
        return [event.error_code or str(event.connection_status) for event in self.events]


async def test_what_is_no_news_is_not_told() -> None:
    line = Told()
    line.news.report(CONNECTED, took_ms=12, data_points=3)
    line.news.report(CONNECTED)
    line.fail(UnreachableError("no"))
    line.fail(UnreachableError("still no"))
    line.fail(UnreachableError("refused", code="refused"))
    assert line.codes == ["connected", "timeout", "refused"]
    assert (line.events[0].response_time_ms, line.events[0].data_points_received) == (12, 3)
    assert line.events[1].error_message == "no"


async def test_what_people_see_already_is_not_told_after_a_restart() -> None:
    line = Told(told=("disconnected", "refused"))
    line.fail(UnreachableError("no", code="refused"))
    assert line.codes == []


async def test_of_many_changes_the_last_one_is_told_when_the_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_module, "MINUTE_SECONDS", 0.2)
    line = Told()
    line.flap(20)
    assert len(line.events) == MOST_PER_MINUTE
    line.fail(UnreachableError("gone", code="refused"))
    async with asyncio.timeout(20):
        await line.written.wait()
    assert line.codes[MOST_PER_MINUTE:] == ["refused"]


async def test_a_line_that_is_closed_says_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_module, "MINUTE_SECONDS", 0.1)
    line, other = Told(), Told()
    for each in (line, other):
        each.flap(20)
        each.fail(UnreachableError("gone", code="refused"))
    line.news.close()
    async with asyncio.timeout(20):
        await other.written.wait()
    assert len(line.events) == MOST_PER_MINUTE


async def test_a_change_back_before_that_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_module, "MINUTE_SECONDS", 0.1)
    line, other = Told(), Told()
    for each in (line, other):
        each.flap(20)
        each.fail(UnreachableError("gone", code="refused"))
    line.news.report(CONNECTED)
    assert line.codes[-1] == "connected"
    async with asyncio.timeout(20):
        await other.written.wait()
    assert len(line.events) == MOST_PER_MINUTE
