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
    ResponseError,
    UnreachableError,
    create_connector,
    get_connector_class,
    parse_config,
)

from .machines import LOOPBACK, always, assert_well, serve

pytestmark = pytest.mark.parametrize("protocol", list(PROTOCOLS))


def example_of(protocol: str) -> dict[str, Any]:
    return copy.deepcopy(get_connector_class(protocol).example)


def at(protocol: str, endpoint: str, **options: Any) -> BaseIoTConnector[Any]:
    config = example_of(protocol) | {"endpoint": endpoint, "port": None}
    config["additional_config"] |= {"timeout": 1, **options}
    return create_connector(protocol, "oven-7", config, policy=LOOPBACK)


def secrets_of(protocol: str) -> list[str]:
    return [str(value) for value in example_of(protocol)["credentials"].values()]


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


async def test_a_dead_port_is_unreachable_in_time(protocol: str) -> None:
    async with serve() as machine:
        pass
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=str(machine.port)):
        async with at(protocol, machine.endpoint) as connector:
            await connector.get_current_reading()
    assert time.monotonic() - started < 3


async def test_a_refused_login_is_an_authentication_error(protocol: str) -> None:
    async with serve(always(401)) as machine:
        with pytest.raises(AuthenticationError):
            async with at(protocol, machine.endpoint) as connector:
                await connector.get_current_reading()
        result = await at(protocol, machine.endpoint).test_connection()
        assert (result.success, result.status, result.error_code) == (False, "error", "auth")


@pytest.mark.parametrize("nonsense", [b"", b"\x00\xff" * 50, b"[]", b"null", b"<html>", b'{"a": 1}', b"{" * 5000])
async def test_nonsense_is_a_response_error(protocol: str, nonsense: bytes) -> None:
    async with serve(always(200, body=nonsense)) as machine:
        with pytest.raises(ResponseError):
            async with at(protocol, machine.endpoint) as connector:
                await connector.get_current_reading()


async def test_closing_works_twice_unopened_and_after_a_failure(protocol: str) -> None:
    async with serve() as machine:
        connector = at(protocol, machine.endpoint, mapping={})
        await connector.close()
        await assert_well(connector)
        await connector.close()
        await connector.close()
        await assert_well(connector)


async def test_no_secret_shows_anywhere(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(always(401)) as machine:
        connector = at(protocol, machine.endpoint)
        result = await connector.test_connection()
    shown = " ".join(map(repr, (connector, connector.config, vars(connector), result))) + caplog.text
    assert all(secret not in shown for secret in secrets_of(protocol))
