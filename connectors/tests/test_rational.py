"""Rational's settings, and what the address chooses. Dialogues over OPC UA are in test_rational_opc_ua.py."""

import copy
from typing import Any

import pytest

from connectors import ConfigurationError, create_connector, parse_config
from connectors.opc_ua import OpcUaConnector
from connectors.rational import RationalConnector
from connectors.rational_records import RationalRecords
from connectors.rational_rest import RationalRestConnector
from connectors.rational_settings import OPC_UA_ENDPOINT, RationalConfig
from connectors.records import find_record_source
from connectors.simulators.rational import RationalOvens
from connectors.simulators.served import make_ovens

from .machines import LOOPBACK

# As it stands in the integration guide.
GUIDE: dict[str, Any] = {
    "endpoint": "https://www.connectedcooking.com/api/v1",
    "port": 443,
    "credentials": {"username": "your-email@example.com", "password": "your-password"},
    "additional_config": {"unit_id": "12345", "timeout": 15},
}
API_CLIENT = {"client_id": "c", "client_secret": "s3cret-of-the-client"}
HACCP = {"token_url": "/oauth/token"}


def changed(endpoint: str | None = None, credentials: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """The guide's settings with changes; over OPC UA unless an endpoint is given."""
    config = copy.deepcopy(GUIDE)
    config |= {"endpoint": endpoint or OPC_UA_ENDPOINT, "port": None}
    config["credentials"] |= credentials or {}
    config["additional_config"] |= options
    return config


def connect(config: dict[str, Any]) -> RationalConnector:
    connector = create_connector("rational", "oven-7", config, policy=LOOPBACK)
    assert isinstance(connector, RationalConnector)
    return connector


def wrong(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_config("rational", config)
    return caught.value.fields


def test_the_guides_settings_work_unchanged_under_both_names() -> None:
    for protocol in ("rational", "rational_connected_cooking"):
        config = parse_config(protocol, GUIDE)
        assert isinstance(config, RationalConfig)
        assert config.transport == "rest_assumed"
    connector = connect(GUIDE)
    assert isinstance(connector._inner, RationalRestConnector)
    assert connector.place == "www.connectedcooking.com:443"


def test_without_an_address_it_is_the_published_one() -> None:
    config = copy.deepcopy(GUIDE)
    del config["endpoint"], config["port"]
    connector = connect(config)
    assert connector.config.transport == "opcua"
    assert connector.place == "app.connectedcooking.com:4840"
    inner = connector._inner
    assert isinstance(inner, OpcUaConnector)
    options = inner.config.additional_config
    assert (options.profile, options.device, options.security_mode) == ("cke", "12345", "SignAndEncrypt")


@pytest.mark.parametrize(
    ("config", "path"),
    [
        (changed("ftp://app.connectedcooking.com"), "endpoint"),
        (changed("opc.tcp://u:p@host"), "endpoint"),
        (changed("https://h?key=1"), "endpoint"),
        (changed("https://h:444") | {"port": 445}, "port"),
        (changed("opc.tcp://h:4840") | {"port": 4841}, "port"),
        (changed(transport="rest_assumed"), "endpoint"),
        (changed("https://h", transport="opcua"), "endpoint"),
        (changed(transport="soap"), "additional_config.transport"),
        (changed(unit_id=""), "additional_config.unit_id"),
        (changed(security_mode="none"), "additional_config.security_mode"),
        (changed(server_certificate="x"), "additional_config.server_certificate"),
        (changed(status_endpoint="/x"), "additional_config.status_endpoint"),
        (changed("https://h", security_mode="Sign"), "additional_config.security_mode"),
        (changed("https://h", status_endpoint="/units/{unit}"), "additional_config.status_endpoint"),
        (changed(credentials=API_CLIENT), "additional_config.haccp.token_url"),
        (changed(credentials=API_CLIENT, haccp={}), "additional_config.haccp.token_url"),
        (changed(haccp={**HACCP, "days": 32}, credentials=API_CLIENT), "additional_config.haccp.days"),
        (changed(haccp={**HACCP, "secret": "x"}, credentials=API_CLIENT), "additional_config.haccp.secret"),
        (
            changed(haccp={**HACCP, "fields": {"batch_id": "a["}}, credentials=API_CLIENT),
            "additional_config.haccp.fields.batch_id",
        ),
        (changed(haccp=HACCP, credentials={"client_id": "c"}), "credentials.client_secret"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(config: dict[str, Any], path: str) -> None:
    assert set(wrong(config)) == {path}


def test_records_need_client_and_secret_in_the_credentials() -> None:
    assert set(wrong(changed(haccp=HACCP))) == {"credentials.client_id", "credentials.client_secret"}
    fields = wrong(changed(haccp={**HACCP, "client_secret": "x"}, credentials=API_CLIENT))
    assert set(fields) == {"additional_config.haccp.client_secret"}


@pytest.mark.parametrize("endpoint", [OPC_UA_ENDPOINT, "https://h"])
def test_an_api_client_gives_records_over_either_way(endpoint: str) -> None:
    config = changed(endpoint, API_CLIENT, haccp=HACCP)
    source = find_record_source("rational_connected_cooking", config, policy=LOOPBACK)
    assert isinstance(source, RationalRecords)
    assert find_record_source("rational", changed(endpoint)) is None


def test_no_secret_shows() -> None:
    config = changed(None, API_CLIENT, haccp=HACCP)
    parsed = parse_config("rational", config)
    source = find_record_source("rational", parsed)
    shown = " ".join(map(repr, (parsed, connect(config), vars(connect(config)), source, vars(source))))
    assert "s3cret" not in shown
    assert "your-password" not in shown


async def test_the_test_of_the_guides_way_says_what_is_assumed() -> None:
    async with RationalOvens(make_ovens()) as cloud:
        config = cloud.settings("sol-3")
        result = await connect(config).test_connection()
        assert result.success
        assert "unverified with the manufacturer" in result.message
        assert "API client" in result.message
        config["credentials"] |= API_CLIENT
        config["additional_config"]["haccp"] = HACCP
        found = await connect(config).get_capabilities()
    assert (found.supports_humidity, found.supports_energy_monitoring, found.supports_remote_control) == (
        True,
        True,
        False,
    )
    assert found.temperature_zones == ("cabinet", "core")
    assert any("fetched once a day" in remark for remark in found.remarks)


async def test_a_unit_that_is_not_connected_is_offline_and_comes_back() -> None:
    async with RationalOvens(make_ovens()) as cloud:
        inner = cloud.write_state
        cloud.write_state = lambda key, reading: {**inner(key, reading), "online": False}  # type: ignore[method-assign]
        result = await connect(cloud.settings("sol-3")).test_connection()
        assert (result.success, result.status, result.error_code) == (False, "disconnected", "offline")
        cloud.write_state = inner  # type: ignore[method-assign]
        assert (await connect(cloud.settings("sol-3")).test_connection()).success
