from typing import Any

import pytest
import trustme

from connectors import ConfigurationError, parse_config
from connectors.addresses import AddressPolicy
from connectors.identity import passing_identity
from connectors.mqtt_account import Account, make_account
from connectors.mqtt_settings import MqttConfig, check_broker, check_filter, check_topic


def config_of(
    endpoint: str = "broker", port: int | None = None, credentials: dict[str, Any] | None = None, **options: Any
) -> MqttConfig:
    written = options or {"topic": "t"}
    found = parse_config(
        "mqtt", {"endpoint": endpoint, "port": port, "credentials": credentials or {}, "additional_config": written}
    )
    assert isinstance(found, MqttConfig)
    return found


def refused(**settings: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        config_of(**settings)
    return caught.value.fields


@pytest.mark.parametrize(
    ("endpoint", "port", "address"),
    [
        ("mqtt://broker", None, ("broker", 1883, False, None)),
        ("mqtts://broker", None, ("broker", 8883, True, None)),
        ("mqtts://broker:443", None, ("broker", 443, True, None)),
        ("ws://broker", None, ("broker", 80, False, "/mqtt")),
        ("wss://broker/bakery/mqtt", None, ("broker", 443, True, "/bakery/mqtt")),
        ("broker", None, ("broker", 1883, False, None)),
        ("broker", 8883, ("broker", 8883, True, None)),
        ("192.168.1.5:1884", None, ("192.168.1.5", 1884, False, None)),
        ("MQTT://Broker/", 1999, ("broker", 1999, False, None)),
        ("mqtt://[fd00::5]:1883", None, ("fd00::5", 1883, False, None)),
    ],
)
def test_a_brokers_address_says_how_to_reach_it(endpoint: str, port: int | None, address: tuple[Any, ...]) -> None:
    assert tuple(config_of(endpoint, port).broker) == address


def test_the_place_is_written_as_people_write_it() -> None:
    assert config_of("mqtt://[fd00::5]").broker.place == "[fd00::5]:1883"


@pytest.mark.parametrize(
    ("endpoint", "hint"),
    [
        ("http://broker", "mqtts://"),
        ("mqtt://", "mqtts://"),
        ("mqtt://user:word@broker", "credentials"),
        ("mqtt://broker/topic", "topics have a setting"),
        ("mqtt://broker?x=1", "?"),
        ("1.2.3", "four numbers"),
        ("mqtt://broker:99999", "port|address"),
    ],
)
def test_what_is_no_broker_is_refused_with_a_hint(endpoint: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint.replace("?", r"\?") if hint == "?" else hint):
        check_broker(endpoint)


@pytest.mark.parametrize(
    "topic", ["a", "a/+/b", "#", "+", "a/#", "/a", "bakery/{device_id}/{equipment_id}", "Ofen 1/ä"]
)
def test_filters(topic: str) -> None:
    assert check_filter(topic) == topic


@pytest.mark.parametrize("topic", ["a+", "a/b#", "#/a", "a/#/b", "a\x00", "{other}", "\ud800"])
def test_what_is_no_filter(topic: str) -> None:
    with pytest.raises(ValueError, match="topic|brackets"):
        check_filter(topic)


def test_a_topic_has_no_wildcards() -> None:
    assert check_topic("a/b") == "a/b"
    with pytest.raises(ValueError, match="without"):
        check_topic("a/+")


def test_two_ports_are_one_too_many() -> None:
    assert list(refused(endpoint="mqtt://broker:1883", port=1884)) == ["port"]


def test_user_name_and_password_come_together() -> None:
    assert list(refused(credentials={"username": "a"})) == ["credentials.password"]
    assert list(refused(credentials={"password": "a"})) == ["credentials.username"]
    assert config_of(credentials={"username": "token", "password": ""}).credentials.password is not None
    assert config_of(credentials={"username": "", "password": ""}).credentials.password is None


def certificate_of(authority: trustme.CA) -> tuple[str, str]:
    issued = authority.issue_cert("oven@example.org")
    return issued.cert_chain_pems[0].bytes().decode(), issued.private_key_pem.bytes().decode()


def test_a_certificate_needs_its_own_key_and_an_encrypted_line() -> None:
    authority = trustme.CA()
    (certificate, key), (_, other) = certificate_of(authority), certificate_of(authority)
    pair = {"certificate": certificate, "private_key": key}
    assert config_of("mqtts://broker", credentials=pair).credentials.certificate
    assert list(refused(endpoint="mqtts://b", credentials={"certificate": certificate})) == ["credentials.private_key"]
    wrong = {**pair, "private_key": other}
    assert "belongs to another" in refused(endpoint="mqtts://b", credentials=wrong)["credentials.private_key"]
    assert "not a private key" in refused(endpoint="mqtts://b", credentials={**pair, "private_key": "x"}).popitem()[1]
    assert list(refused(endpoint="mqtt://broker", credentials=pair)) == ["endpoint"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"format": "json"}, "topic"),
        ({"topic": "a", "topics": {"b": "c"}}, "topic"),
        ({"topic": "a", "format": "struct"}, "struct"),
        ({"topics": {"a": "b"}, "format": "senml"}, "topics"),
        ({"topic": "a", "format": "raw", "part_path": "x"}, "part_path"),
        ({"format": "sparkplug_b", "group_id": "g"}, "edge_node_id"),
        ({"format": "sparkplug_b", "group_id": "g", "edge_node_id": "e", "topic": "t"}, "topic"),
        ({"topic": "a", "device_id": "a/b"}, "device_id"),
        ({"topic": "a", "mapping": {"temperature": "["}}, "mapping.temperature.path"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], field: str) -> None:
    assert f"additional_config.{field}" in refused(**options)


def test_settings_that_only_look_for_announced_machines_are_valid() -> None:
    assert config_of(discovery_prefix="homeassistant").additional_config.topic is None


def test_how_long_a_machine_may_be_silent() -> None:
    assert config_of(topic="t", interval=10).additional_config.silence_seconds == 30
    assert config_of(topic="t", stale_after=5).additional_config.silence_seconds == 5
    plc: dict[str, Any] = {"format": "sparkplug_b", "group_id": "g", "edge_node_id": "e"}
    assert config_of(**plc).additional_config.silence_seconds is None
    assert config_of(**plc, stale_after=60).additional_config.silence_seconds == 60


def account(config: MqttConfig, *, is_guest: bool = False, gateway: str = "") -> Account:
    identity = passing_identity().at_gateway(gateway)
    return make_account(config, policy=AddressPolicy(), identity=identity, is_guest=is_guest)


def test_one_account_has_one_name_and_others_have_others() -> None:
    own = {"username": "bakery", "password": "secret"}
    first = account(config_of(credentials=own))
    assert first == account(config_of(credentials=own, topic="another", keepalive=60, timeout=3))
    assert first.client_id == account(config_of(credentials=own)).client_id
    others = [
        account(config_of(credentials={**own, "password": "other"})),
        account(config_of(credentials={**own, "username": "other"})),
        account(config_of("other", credentials=own)),
        account(config_of(credentials=own), gateway="shop-2"),
        account(config_of("broker", 8883, credentials=own)),
    ]
    names = {first.client_id, *(other.client_id for other in others)}
    assert len(names) == len(others) + 1
    assert "secret" not in repr(first) + first.client_id


def test_a_guest_has_a_name_that_nobody_else_has_and_keeps_nothing() -> None:
    config = config_of(topic="t", client_id="bakery-7")
    assert account(config).client_id == "bakery-7"
    guests = [account(config, is_guest=True) for _ in range(2)]
    assert len({"bakery-7", *(guest.client_id for guest in guests)}) == 3
    assert not any(guest.persistent for guest in guests)


def test_the_port_of_the_web_takes_the_name_of_the_protocol() -> None:
    def protocols(endpoint: str, **options: Any) -> tuple[str, ...]:
        found = account(config_of(endpoint, topic="t", **options)).tls
        assert found is not None
        return found.alpn

    assert protocols("mqtts://broker:443") == ("mqtt",)
    assert protocols("mqtts://broker:443", alpn="x-amzn-mqtt-ca") == ("x-amzn-mqtt-ca",)
    assert protocols("mqtts://broker") == ()
    assert protocols("wss://broker") == ("http/1.1",)
    assert account(config_of("mqtt://broker")).tls is None
