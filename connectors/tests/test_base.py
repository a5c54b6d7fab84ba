"""What every connector gets from the base class."""

import asyncio
from typing import Any, ClassVar

import pytest

from connectors import BaseIoTConnector, ConnectorConfig, Reading, ResponseError, UnreachableError
from connectors.base import ErrorTable, Options, translate_errors
from connectors.reading import Capabilities

from .test_reading import NOON


class Scripted(BaseIoTConnector[ConnectorConfig]):
    """Does at each step what the test says."""

    config_class = ConnectorConfig
    example: ClassVar[dict[str, Any]] = {"endpoint": "x"}

    def __init__(self, **steps: Any) -> None:
        config = ConnectorConfig(endpoint="x", additional_config=Options(timeout=0.2))
        super().__init__("oven-7", config)
        self.steps = steps
        self.closed = 0

    @property
    def place(self) -> str:
        return "oven:80"

    async def _step(self, name: str) -> None:
        step = self.steps.get(name)
        if isinstance(step, BaseException):
            raise step
        if step == "hang":
            await asyncio.Event().wait()

    async def connect(self) -> None:
        await self._step("connect")

    async def close(self) -> None:
        self.closed += 1
        await self._step("close")

    async def get_current_reading(self) -> Reading:
        await self._step("read")
        return Reading(reading_time=NOON, temperature=180.0, humidity=None)


async def test_a_good_test_says_how_long_it_took_and_what_there_is() -> None:
    connector = Scripted()
    result = await connector.test_connection()
    assert (result.success, result.status, result.supported_features) == (True, "connected", ["temperature"])
    assert isinstance(result.response_time_ms, int)
    assert "1 value received" in result.message
    assert (result.error_code, result.reading) == (None, await connector.get_current_reading())
    assert connector.closed == 1


@pytest.mark.parametrize("step", ["connect", "read"])
async def test_a_failed_test_is_an_answer_and_hangs_up(step: str) -> None:
    connector = Scripted(**{step: ResponseError("Nonsense came.", code="parse")})
    result = await connector.test_connection()
    assert (result.success, result.status, result.error_code) == (False, "error", "parse")
    assert result.message == result.error_details == "Nonsense came."
    assert connector.closed == 1
    connector.steps.clear()
    assert (await connector.test_connection()).success


async def test_a_bug_of_ours_is_not_hidden_in_a_test_result() -> None:
    connector = Scripted(read=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await connector.test_connection()
    assert connector.closed == 1


async def test_a_connect_that_hangs_ends_in_time_and_is_closed() -> None:
    connector = Scripted(connect="hang")
    with pytest.raises(UnreachableError, match=r"oven:80 did not answer within 0\.2 s"):
        await connector.__aenter__()
    assert connector.closed == 1


async def test_a_connect_that_is_cancelled_is_closed() -> None:
    connector = Scripted(connect="hang")
    task = asyncio.create_task(connector.__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connector.closed == 1


async def test_hanging_up_has_a_time_limit_and_no_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.base._HANG_UP_SECONDS", 0.05)
    for trouble in ("hang", ConnectionResetError(), ResponseError("x")):
        async with Scripted(close=trouble) as connector:
            await connector.get_current_reading()


async def test_only_pushing_connectors_are_listened_to() -> None:
    connector = Scripted()
    await connector.confirm([])
    with pytest.raises(NotImplementedError):
        await anext(connector.readings())


async def test_capabilities_are_judged_by_a_reading() -> None:
    reading = Reading(reading_time=NOON, humidity=60.0, temperature_zones={"deck_1": 220.0, "deck_2": None})
    found = Capabilities.from_reading(reading)
    assert (found.supports_humidity, found.supports_energy_monitoring, found.supports_remote_control) == (
        True,
        False,
        False,
    )
    assert found.temperature_zones == ("deck_1", "deck_2")
    assert (await Scripted().get_capabilities()).supported_features == ("temperature",)


def test_the_first_match_in_an_error_table_wins_and_the_original_is_cut_off() -> None:
    table: ErrorTable = {
        ConnectionRefusedError: lambda error: UnreachableError("refused", code="refused"),
        OSError: lambda error: UnreachableError("other"),
    }
    for raised, words in ((ConnectionRefusedError("key=secret"), "refused"), (OSError(), "other")):
        with pytest.raises(UnreachableError, match=words) as caught, translate_errors(table):
            raise raised
        assert caught.value.__suppress_context__
    with pytest.raises(KeyError), translate_errors(table):
        raise KeyError
