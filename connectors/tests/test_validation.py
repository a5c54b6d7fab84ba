"""Whatever somebody types: settings, or a ConfigurationError that names them. Never a stack trace."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from connectors import ConfigurationError, ConnectorError, create_connector
from connectors.base import Settings
from connectors.http import parse_json
from connectors.rest_api import RestApiOptions
from connectors.sign_in_settings import SignInCredentials
from connectors.validation import describe_validation_error

from .test_findings import JSON

WORDS = st.sampled_from(["basic", "sign_in", "/x", "/x?a=%", "http://h/t", "{equipment_id}", "true", "°F", "X-Key"])
TYPED = WORDS | st.text(max_size=20) | JSON


class Inner(Settings):
    count: int = Field(default=1, multiple_of=3)


class Outer(Settings):
    inner: Inner = Inner()
    names: dict[str, Inner] = {}


def describe(config: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(config)
    return describe_validation_error(caught.value, Outer)


def test_an_unknown_key_gets_the_nearest_name_or_all_of_them() -> None:
    assert describe({"inner": {"cuont": 1}}) == {
        "inner.cuont": "There is no setting of this name. Do you mean 'count'?"
    }
    assert describe({"zzz": 1}) == {"zzz": "There is no setting of this name. There are: inner, names."}
    assert describe({"names": {"a": {"x": 1}}}) == {"names.a.x": "There is no setting of this name."}


def test_what_has_no_sentence_of_ours_keeps_pydantics() -> None:
    assert describe({"inner": {"count": 4}}) == {"inner.count": "Input should be a multiple of 3."}


def test_a_list_item_is_named_by_its_number() -> None:
    assert list(describe({"names": {"0": {"count": "x"}, "1": {}}})) == ["names.0.count"]


def assert_config_or_error(config: dict[str, Any]) -> None:
    try:
        connector = create_connector("rest_api", "oven-7", config)
    except ConfigurationError as error:
        assert error.fields
        assert all(isinstance(text, str) and text for text in error.fields.values())
    else:
        assert repr(connector.config)
        assert ":" in connector.place


@given(st.sampled_from(list(RestApiOptions.model_fields)), TYPED)
def test_any_option(name: str, value: Any) -> None:
    assert_config_or_error({"endpoint": "http://h", "additional_config": {name: value}})


@given(st.dictionaries(st.sampled_from(list(SignInCredentials.model_fields)), TYPED, max_size=3), TYPED)
def test_any_credentials_and_way_to_sign_in(credentials: dict[str, Any], auth: Any) -> None:
    assert_config_or_error({"endpoint": "http://h", "credentials": credentials, "additional_config": {"auth": auth}})


@given(st.text(max_size=30), JSON)
def test_any_address_and_port(address: str, port: Any) -> None:
    for prefix in ("", "http://", "https://h", "http://[", "http://1", "http://h:"):
        assert_config_or_error({"endpoint": f"{prefix}{address}"})
    assert_config_or_error({"endpoint": "http://h", "port": port})


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_path_and_id_can_be_asked_for(path: str, device_id: str) -> None:
    """On a dead port: whatever can be saved must end in a ConnectorError, not in a library's exception."""

    async def read() -> None:
        options = {"data_endpoint": path, "device_id": device_id, "timeout": 5}
        config = {"endpoint": "http://127.0.0.1:1", "additional_config": options}
        with pytest.raises(ConnectorError):
            await create_connector("rest_api", device_id, config).get_current_reading()

    asyncio.run(read())


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_response_error(body: bytes) -> None:
    try:
        parse_json(body, "application/json", "oven:80")
    except ConnectorError as error:
        assert "oven:80" in str(error)
