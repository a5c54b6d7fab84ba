"""What both assumed clouds share: the account, its token, and what their refusals mean."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from connectors import (
    AuthenticationError,
    BaseIoTConnector,
    ConfigurationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
    create_connector,
    parse_config,
)
from connectors.cloud import choose_temperature, list_messages
from connectors.simulators.cloud import CloudOvens
from connectors.simulators.rational import RationalOvens
from connectors.simulators.served import make_ovens
from connectors.simulators.wachtel import WachtelOvens

from .machines import LOOPBACK, always, failure_of, serve

Connect = Callable[..., BaseIoTConnector[Any]]
KINDS: dict[str, tuple[type[CloudOvens], str]] = {
    "wachtel": (WachtelOvens, "sol-2"),
    "rational": (RationalOvens, "sol-3"),
}


@pytest.fixture(params=KINDS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def cloud(protocol: str) -> AsyncIterator[CloudOvens]:
    async with KINDS[protocol][0](make_ovens()) as cloud:
        yield cloud


@pytest.fixture
def key(protocol: str) -> str:
    return KINDS[protocol][1]


@pytest.fixture
def connect(protocol: str, cloud: CloudOvens, key: str) -> Connect:
    def make(**changes: Any) -> BaseIoTConnector[Any]:
        config = cloud.settings(key)
        config["credentials"] |= {name: changes.pop(name) for name in ("username", "password") if name in changes}
        config["additional_config"] |= changes
        return create_connector(protocol, "oven-7", config, policy=LOOPBACK)

    return make


async def assert_reads(connector: BaseIoTConnector[Any]) -> None:
    async with connector:
        assert (await connector.get_current_reading()).temperature is not None


@pytest.mark.parametrize(
    ("fault", "kind", "code", "words"),
    [
        ("http_401", AuthenticationError, "auth", "refuses"),
        ("http_403", AuthenticationError, "forbidden", "does not let it read"),
        ("http_404", ResponseError, "not_found", "Correct additional_config"),
        ("http_409", UnreachableError, "offline", "has no connection to the machine"),
        ("http_503", UnreachableError, "offline", "has no connection to the machine"),
        ("http_429", ResponseError, "rate_limited", "20 s"),
        ("http_500", ResponseError, "server", "fault of its own"),
        ("html", ResponseError, "parse", "web page"),
        ("broken_json", ResponseError, "parse", "not JSON"),
        ("reset", UnreachableError, "reset", "broke the connection off"),
        ("refuse", UnreachableError, "reset", "broke the connection off"),
        ("hang", UnreachableError, "timeout", "within 0.3 s"),
    ],
)
async def test_a_fault_is_told_and_then_it_reads_again(
    cloud: CloudOvens, key: str, connect: Connect, fault: str, kind: type[ConnectorError], code: str, words: str
) -> None:
    oven = cloud.ovens[key]
    oven.fault = fault
    error = await failure_of(connect(timeout=0.3) if fault == "hang" else connect())
    assert type(error) is kind
    assert (error.code, error.status) == (code, "disconnected" if kind is UnreachableError else "error")
    assert words in str(error)
    assert error.retry_after == (20.0 if fault in ("http_429", "http_503") else None)
    oven.fault = None
    await assert_reads(connect())


async def test_a_slow_answer_is_an_answer(cloud: CloudOvens, key: str, connect: Connect) -> None:
    oven = cloud.ovens[key]
    oven.server.slow_seconds, oven.fault = 0.2, "slow"
    await assert_reads(connect())


async def test_values_that_are_null_are_unknown(cloud: CloudOvens, key: str, connect: Connect) -> None:
    cloud.ovens[key].fault = "null_values"
    async with connect() as connector:
        reading = await connector.get_current_reading()
        assert (reading.temperature, reading.operational_status, reading.quality) == (None, None, {})
        cloud.ovens[key].fault = None
        assert (await connector.get_current_reading()).temperature is not None


async def test_fahrenheit_is_converted(cloud: CloudOvens, key: str, connect: Connect) -> None:
    cloud.fahrenheit = True
    async with connect() as connector:
        reading = await connector.get_current_reading()
    real = cloud.ovens[key].oven.read(reading.reading_time)
    assert reading.temperature == pytest.approx(real.temperature, abs=0.11)
    assert reading.target_temperature == pytest.approx(real.target_temperature, abs=0.11)
    for name, value in real.temperature_zones.items():
        assert reading.temperature_zones[name] == pytest.approx(value, abs=0.11)


async def test_a_broken_sensor_is_a_bad_value(cloud: CloudOvens, key: str, connect: Connect) -> None:
    cloud.ovens[key].fault = "sensor_break"
    async with connect() as connector:
        reading = await connector.get_current_reading()
    assert reading.temperature is None
    assert reading.quality["temperature"] == "bad"
    assert "open circuit" in reading.additional_sensors["alarm"]


async def test_a_clock_that_is_ahead_is_not_believed(cloud: CloudOvens, key: str, connect: Connect) -> None:
    cloud.ovens[key].fault = "clock_ahead"
    async with connect() as connector:
        assert (await connector.get_current_reading()).quality["reading_time"] == "uncertain"


async def test_one_account_signs_in_once(cloud: CloudOvens, connect: Connect) -> None:
    lines = [connect() for _ in range(5)]
    await asyncio.gather(*(line.__aenter__() for line in lines))
    await asyncio.gather(*(line.get_current_reading() for line in lines for _ in range(3)))
    await asyncio.gather(*(line.close() for line in lines))
    assert cloud.sign_ins == 1


async def test_a_token_that_ends_early_is_renewed_without_a_failure(cloud: CloudOvens, connect: Connect) -> None:
    async with connect() as connector:
        await connector.get_current_reading()
        cloud.tokens.forget()
        assert (await connector.get_current_reading()).temperature is not None
    assert cloud.sign_ins == 2


async def test_a_wrong_password_ends_the_line_and_tries_once(cloud: CloudOvens, connect: Connect) -> None:
    error = await failure_of(connect(password="wrong"))
    assert isinstance(error, AuthenticationError)
    assert not error.retry
    assert cloud.sign_ins == 1
    await assert_reads(connect())


async def test_the_machine_of_another_account_stays_closed(cloud: CloudOvens, key: str, connect: Connect) -> None:
    other = next(found for found in cloud.ovens if found != key)
    error = await failure_of(connect(username=other, password=cloud.ovens[other].token))
    assert error.code in ("forbidden", "not_found")
    assert key in str(error)


async def test_a_restart_of_the_cloud_on_the_same_port(cloud: CloudOvens, connect: Connect) -> None:
    async with connect() as connector:
        await connector.get_current_reading()
        await cloud.stop()
        with pytest.raises(UnreachableError):
            await connector.get_current_reading()
        cloud.tokens.forget()
        await cloud.start()
        assert (await connector.get_current_reading()).temperature is not None


async def test_it_may_be_asked_without_being_opened_as_in_the_guide(connect: Connect) -> None:
    connector = connect()
    assert (await connector.get_current_reading()).temperature is not None
    assert (await connector.get_capabilities()).supports_energy_monitoring
    await connector.close()


async def test_names_and_paths_can_be_set(protocol: str) -> None:
    seen: list[tuple[str, Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            seen.append((request.path, await request.json()))
            return web.json_response({"session": {"key": "k-1"}})
        seen.append((request.raw_path, request.headers["X-Session"]))
        document = {"decks": [{"no": 1, "top": 200}], "temperatures": {"cabinet": 200}}
        return web.json_response(document, headers={"ETag": "1"})

    names = {"username_field": "user", "password_field": "secret", "token_path": "session.key"}
    options = {"sign_in_endpoint": "/session", "status_endpoint": "/v2/{id}?all=1", "token_header": "X-Session"}
    own = {"oven_id" if protocol == "wachtel" else "unit_id": "Ofen 1/a"}
    async with serve(answer) as machine:
        config = {
            "endpoint": machine.endpoint,
            "credentials": {"username": "u", "password": "p"},
            "additional_config": {**names, **options, **own, "token_prefix": ""},
        }
        connector = create_connector(protocol, "oven-7", config, policy=LOOPBACK)
        assert (await connector.get_current_reading()).temperature == 200.0
    assert seen == [("/session", {"user": "u", "secret": "p"}), ("/v2/Ofen%201%2Fa?all=1", "k-1")]


async def test_an_unchanged_answer_is_the_last_one_seen_anew(protocol: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"token": "t"})
        if "If-None-Match" in request.headers:
            return web.Response(status=304)
        return web.json_response({"decks": [{"top": 200}], "temperatures": {"cabinet": 200}}, headers={"ETag": "1"})

    async with serve(answer) as machine:
        own = {"oven_id" if protocol == "wachtel" else "unit_id": "1"}
        config = {"endpoint": machine.endpoint, "credentials": {"username": "u", "password": "p"}}
        async with create_connector(protocol, "o", {**config, "additional_config": own}, policy=LOOPBACK) as connector:
            first, second = [await connector.get_current_reading() for _ in range(2)]
    assert (first.temperature, second.temperature) == (200.0, 200.0)
    assert second.reading_time > first.reading_time


async def test_a_cloud_without_a_token_in_its_answer_says_what_to_correct(protocol: str) -> None:
    async with serve(always(200, text='{"jwt": "x"}')) as machine:
        own = {"oven_id" if protocol == "wachtel" else "unit_id": "1"}
        config = {"endpoint": machine.endpoint, "credentials": {"username": "u", "password": "p"}}
        connector = create_connector(protocol, "o", {**config, "additional_config": own}, policy=LOOPBACK)
        assert "Found: jwt. Correct additional_config.token_path" in str(await failure_of(connector))


@pytest.mark.parametrize("path", ["/x/{oven_id}", "/x/{}", "https://elsewhere/x"])
def test_a_status_path_with_another_placeholder_or_host_is_refused(protocol: str, path: str) -> None:
    own = {"oven_id" if protocol == "wachtel" else "unit_id": "1"}
    with pytest.raises(ConfigurationError) as caught:
        parse_config(
            protocol,
            {
                "endpoint": "https://h",
                "credentials": {"username": "u", "password": "p"},
                "additional_config": {**own, "status_endpoint": path},
            },
        )
    assert set(caught.value.fields) == {"additional_config.status_endpoint"}


def test_units_and_messages() -> None:
    said: tuple[object, ...] = ("F", "°F", "fahrenheit", "C", None, 1, {})
    assert [choose_temperature("auto", word).unit for word in said] == [
        *["°F"] * 3, *["°C"] * 4
    ]  # fmt: skip
    assert choose_temperature("F", "C").unit == "°F"
    assert choose_temperature("C", "F").unit == "°C"
    assert list_messages([{"a": "x"}, "y\0", 5, None, {"a": ""}], lambda item: item["a"]) == "x; y"
    assert list_messages("text", lambda item: "") is None
    assert len(list_messages(["long " * 100] * 20, lambda item: "") or "") == 500
