"""Choosing a protocol and checking its settings."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from connectors import ConfigurationError, ConnectorFactory, create_connector, list_protocols, parse_config, registry
from connectors.rest_api import RestApiConfig, RestApiConnector

GUIDE = {
    "endpoint": "https://api.equipment.com",
    "port": 443,
    "credentials": {"api_key": "your-api-key", "token": "bearer-token"},
    "additional_config": {
        "data_endpoint": "/api/v1/equipment/{equipment_id}/data",
        "status_endpoint": "/api/v1/equipment/{equipment_id}/status",
        "timeout": 10,
        "verify_ssl": True,
    },
}


def fields_of(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_config("rest_api", config)
    assert caught.value.retry is False
    assert all(path in str(caught.value) for path in caught.value.fields)
    return caught.value.fields


def test_the_guides_configuration_is_taken_as_it_stands() -> None:
    connector = ConnectorFactory.create_connector(protocol="rest_api", equipment_id="equipment-uuid", config=GUIDE)
    assert isinstance(connector, RestApiConnector)
    access = connector.make_access()
    assert access.headers == {"X-API-Key": "your-api-key", "Authorization": "Bearer bearer-token"}


def test_the_guides_shortest_configuration_is_enough() -> None:
    config = {"endpoint": "https://a.example", "port": 443, "credentials": {"api_key": "xxx"}, "additional_config": {}}
    assert isinstance(parse_config("rest_api", config), RestApiConfig)


def test_a_parsed_configuration_is_taken_too() -> None:
    assert create_connector("rest_api", "x", parse_config("rest_api", GUIDE)).equipment_id == "x"


@pytest.mark.parametrize(
    ("protocol", "hint"),
    [("rest", "'rest_api'"), ("telepathy", "rest_api"), ("", "rest_api"), ("custom", "your_own.md")],
)
def test_an_unknown_protocol_names_the_known_ones(protocol: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_connector(protocol, "x", GUIDE)
    assert hint in caught.value.fields["protocol"]


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({}, "endpoint", "needed"),
        ({"endpoint": ""}, "endpoint", "empty"),
        ({"endpoint": 5}, "endpoint", "text"),
        ({"endpoint": "192.168.1.20"}, "endpoint", "http://"),
        ({"endpoint": "ftp://h"}, "endpoint", "http://"),
        ({"endpoint": "http://"}, "endpoint", "http://"),
        ({"endpoint": "http://h:99999"}, "endpoint", "65535"),
        ({"endpoint": "http://user:pw@h"}, "endpoint", "credentials"),
        ({"endpoint": "http://h/?key=secret"}, "endpoint", "address path"),
        ({"endpoint": "http://h", "port": 0}, "port", "1 or more"),
        ({"endpoint": "http://h", "port": "x"}, "port", "whole number"),
        ({"endpoint": "http://h:81", "port": 82}, "port", "81"),
        ({"endpoint": "http://h", "protocol": "rest_api"}, "protocol", "no setting"),
        ({"endpoint": "http://h", "credentials": []}, "credentials", "curly brackets"),
        ({"endpoint": "http://h", "credentials": {"passwort": "x"}}, "credentials.passwort", "'password'"),
        ({"endpoint": "http://h", "credentials": {"token": 4711}}, "credentials.token", "quotation marks"),
        ({"endpoint": "http://h", "credentials": {"token": "a\nb"}}, "credentials.token", "Copy it again"),
        ({"endpoint": "http://h", "credentials": {"api_key": "ключ"}}, "credentials.api_key", "Copy it again"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(config: dict[str, Any], path: str, words: str) -> None:
    assert words in fields_of(config)[path]


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"timeot": 1}, "timeot", "'timeout'"),
        ({"timeout": 0}, "timeout", "more than 0"),
        ({"timeout": 61}, "timeout", "60"),
        ({"timeout": float("nan")}, "timeout", "number"),
        ({"verify_ssl": "perhaps"}, "verify_ssl", "true or false"),
        ({"auth": "magic"}, "auth", "one of"),
        ({"ca_pem": "hello"}, "ca_pem", "BEGIN CERTIFICATE"),
        ({"ca_pem": "-----BEGIN PRIVATE KEY-----"}, "ca_pem", "private key"),
        ({"data_endpoint": "https://other/x"}, "data_endpoint", "only the path"),
        ({"data_endpoint": "//other/x"}, "data_endpoint", "only the path"),
        ({"data_endpoint": "/x/{oven}"}, "data_endpoint", "{equipment_id}"),
        ({"api_key_name": "X API\r\nKey"}, "api_key_name", "name of a header"),
        ({"headers": {"Authorization": "Basic x"}}, "headers", "credentials"),
        ({"headers": {"X-A": "a\nb"}}, "headers", "cannot be sent"),
        ({"mapping": {"temperature": "a["}}, "mapping.temperature.path", "not a JMESPath"),
        ({"mapping": {"temperature": {"path": "a", "unit": "Q"}}}, "mapping.temperature.unit", "one of"),
        ({"mapping": {"temprature": "a"}}, "mapping.temprature", "'temperature'"),
        ({"mapping": {"humidity": {"pfad": "a"}}}, "mapping.humidity.path", "needed"),
        ({"root": "(" * 900}, "root", "nested too deeply"),
    ],
)
def test_a_wrong_option_is_named_by_its_path(options: dict[str, Any], path: str, words: str) -> None:
    fields = fields_of({"endpoint": "http://h", "additional_config": options})
    assert words in fields[f"additional_config.{path}"]


@pytest.mark.parametrize(
    ("auth", "credentials", "missing"),
    [
        ("bearer", {}, {"credentials.token"}),
        ("api_key", {"api_key": ""}, {"credentials.api_key"}),
        ("basic", {"username": "u"}, {"credentials.password"}),
        ("auto", {"username": "u"}, {"credentials.password"}),
        ("digest", {}, {"credentials.username", "credentials.password"}),
        ("auto", {"client_id": "c"}, {"credentials.client_secret", "additional_config.token_url"}),
        ("sign_in", {"username": "u", "password": "p"}, {"additional_config.sign_in_endpoint"}),
        ("oauth2_password", {"username": "u", "password": "p"}, {"additional_config.token_url"}),
    ],
)
def test_a_missing_secret_is_named_by_its_path(auth: str, credentials: dict[str, str], missing: set[str]) -> None:
    fields = fields_of({"endpoint": "http://h", "credentials": credentials, "additional_config": {"auth": auth}})
    assert set(fields) == missing


def test_digest_and_a_key_in_the_query_exclude_each_other() -> None:
    credentials = {"username": "u", "password": "p", "api_key": "k"}
    options = {"auth": "digest", "api_key_in": "query"}
    fields = fields_of({"endpoint": "http://h", "credentials": credentials, "additional_config": options})
    assert "additional_config.api_key_in" in fields


def test_what_was_typed_is_not_repeated() -> None:
    config = {"endpoint": "http://h", "credentials": {"token": "tr\nès-secret", "password": ["tr\nès-secret"]}}
    assert "secret" not in str(fields_of(config))


def test_the_schema_can_be_shown_and_hides_secrets() -> None:
    schema = RestApiConfig.model_json_schema()
    token = schema["$defs"]["SignInCredentials"]["properties"]["token"]
    assert {"format": "password", "writeOnly": True}.items() <= token["anyOf"][0].items()


def test_a_protocol_is_imported_on_first_use_only() -> None:
    code = "import sys, connectors; assert 'aiohttp' not in sys.modules; connectors.get_connector_class('rest_api')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'aiohttp' in sys.modules"], check=True)


def test_another_package_can_bring_a_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoint("extra", "connectors.rest_api:RestApiConnector", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"extra": found})
    assert isinstance(create_connector("extra", "x", GUIDE), RestApiConnector)
    assert list_protocols() == {key: known.label for key, known in registry.PROTOCOLS.items()} | {"extra": "extra"}
