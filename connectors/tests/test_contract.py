"""What every protocol must do, once per entry of PROTOCOLS."""

import copy
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest

from connectors import (
    PROTOCOLS,
    AuthenticationError,
    BaseIoTConnector,
    ConfigurationError,
    Reading,
    ResponseError,
    UnreachableError,
    create_connector,
    get_connector_class,
    parse_config,
)

from .harness import harness_of
from .machines import LOOPBACK

SPEAKS_HTTP = ("rest_api", "wachtel")

pytestmark = pytest.mark.parametrize("protocol", list(PROTOCOLS))


def example_of(protocol: str) -> dict[str, Any]:
    return copy.deepcopy(get_connector_class(protocol).example)


def connect(protocol: str, config: dict[str, Any]) -> BaseIoTConnector[Any]:
    return create_connector(protocol, "oven-7", config, policy=LOOPBACK)


async def read(connector: BaseIoTConnector[Any]) -> Reading:
    async with connector:
        return await connector.get_current_reading()


def test_the_example_is_valid_complete_and_json(protocol: str) -> None:
    example = example_of(protocol)
    assert set(example) == {"endpoint", "port", "credentials", "additional_config"}
    assert json.loads(json.dumps(example)) == example
    assert parse_config(protocol, example).additional_config.timeout > 0


def test_the_example_stands_in_the_docs(protocol: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "connectors" / f"{protocol}.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, flags=re.S)]
    assert example_of(protocol) in blocks


def test_every_option_stands_in_the_docs(protocol: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "connectors" / f"{protocol}.md").read_text()
    options = type(parse_config(protocol, example_of(protocol)).additional_config).model_fields
    assert [name for name in options if f"`{name}`" not in page] == []


def test_the_settings_have_a_schema(protocol: str) -> None:
    schema = get_connector_class(protocol).config_class.model_json_schema()
    assert set(schema["properties"]) == {"endpoint", "port", "credentials", "additional_config"}


def test_a_missing_secret_is_named_by_its_path(protocol: str) -> None:
    for name in example_of(protocol)["credentials"]:
        config = example_of(protocol)
        del config["credentials"][name]
        with pytest.raises(ConfigurationError) as caught:
            parse_config(protocol, config)
        assert f"credentials.{name}" in caught.value.fields


def test_an_unknown_key_is_refused_by_its_path(protocol: str) -> None:
    for part in ("credentials", "additional_config"):
        config = example_of(protocol)
        config[part]["bogus"] = 1
        with pytest.raises(ConfigurationError) as caught:
            parse_config(protocol, config)
        assert set(caught.value.fields) == {f"{part}.bogus"}


def test_the_settings_cannot_be_changed_afterwards(protocol: str) -> None:
    config = parse_config(protocol, example_of(protocol))
    with pytest.raises(ValueError, match="frozen"):
        config.endpoint = "http://elsewhere"  # type: ignore[misc]


async def test_a_good_machine_gives_a_reading(protocol: str) -> None:
    async with harness_of(protocol).good() as config:
        assert (await read(connect(protocol, config))).data_points > 0
        result = await connect(protocol, config).test_connection()
        assert (result.success, result.status) == (True, "connected"), result.message
        assert result.supported_features


async def test_a_dead_port_is_unreachable_in_time(protocol: str) -> None:
    async with harness_of(protocol).good() as config:
        pass
    port = config["port"] or config["endpoint"].rpartition(":")[2].partition("/")[0]
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=str(port)):
        await read(connect(protocol, config))
    assert time.monotonic() - started < 3


async def test_a_refused_login_is_an_authentication_error(protocol: str) -> None:
    if not (refusing := harness_of(protocol).refusing):
        assert not example_of(protocol)["credentials"], "a protocol with credentials can refuse them"
        return
    async with refusing() as config:
        with pytest.raises(AuthenticationError):
            await read(connect(protocol, config))
        result = await connect(protocol, config).test_connection()
        assert (result.success, result.status, result.error_code) == (False, "error", "auth")


@pytest.mark.parametrize("nonsense", [b"", b"\x00\xff" * 50, b"[]", b"null", b"<html>", b'{"a": 1}', b"{" * 5000])
async def test_nonsense_is_a_response_error(protocol: str, nonsense: bytes) -> None:
    """Where the protocol frames its answers, silence after nonsense may also be a time-out."""
    async with harness_of(protocol).nonsense(nonsense) as config:
        expected = ResponseError if protocol in SPEAKS_HTTP else (ResponseError, UnreachableError)
        with pytest.raises(expected):
            await read(connect(protocol, config))


async def test_closing_works_twice_unopened_and_after_a_failure(protocol: str) -> None:
    async with harness_of(protocol).good() as config:
        connector = connect(protocol, config)
        await connector.close()
        assert await read(connector)
        await connector.close()
        await connector.close()
        assert await read(connector)
    with pytest.raises(UnreachableError):
        await read(connector)
    await connector.close()


async def test_no_secret_shows_anywhere(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    harness = harness_of(protocol)
    async with (harness.refusing or harness.good)() as config:
        connector = connect(protocol, config)
        result = await connector.test_connection()
    shown = " ".join(map(repr, (connector, connector.config, vars(connector), result))) + caplog.text
    assert all(str(secret) not in shown for name, secret in config["credentials"].items() if name != "username")
