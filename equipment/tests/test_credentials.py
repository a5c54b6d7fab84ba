from typing import Any

import pytest

from equipment.credentials import may_reuse_credentials
from equipment.models import Equipment

STORED = Equipment(
    iot_protocol="rest_api",
    iot_endpoint="https://cloud.example/api",
    iot_port=443,
    iot_credentials={"token": "geheim"},
    iot_config={"token_url": "https://login.example/token", "data_endpoint": "/data"},
)
SAME = {
    "protocol": "rest_api",
    "endpoint": "https://cloud.example/api",
    "additional_config": {"token_url": "https://login.example/token"},
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"endpoint": "https://cloud.example"},
        {"endpoint": "https://CLOUD.example/api/v2"},
        {"endpoint": " https://cloud.example:8443 "},
        {"additional_config": {}},
        {"additional_config": None},
        {"additional_config": {"token_url": "/token"}},
        {"additional_config": {"token_url": "https://login.example/other"}},
    ],
)
def test_they_go_where_they_were_entered_for(change: dict[str, Any]) -> None:
    assert may_reuse_credentials(STORED, {**SAME, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "rational"},
        {"protocol": ""},
        {"endpoint": "https://evil.example"},
        {"endpoint": "http://cloud.example/api"},
        {"endpoint": "https://cloud.example@evil.example"},
        {"endpoint": "https://cloud.example.evil.example"},
        {"endpoint": "cloud.example"},
        {"endpoint": "http://["},
        {"endpoint": ""},
        {"endpoint": None},
        {"additional_config": {"token_url": "https://evil.example/token"}},
        {"additional_config": {"sign_in_endpoint": "https://evil.example/login"}},
        {"additional_config": {"token_url": "http://login.example/token"}},
        {"additional_config": {"token_url": "https://["}},
        {"additional_config": {"haccp": {"token_url": "https://evil.example/token"}}},
        {"additional_config": {"a": [{"b": {"c": "https://evil.example"}}]}},
    ],
)
def test_they_go_nowhere_else(change: dict[str, Any]) -> None:
    assert not may_reuse_credentials(STORED, {**SAME, **change})


def test_a_machine_without_a_scheme_is_known_by_its_whole_address() -> None:
    stored = Equipment(iot_protocol="modbus", iot_endpoint="192.168.1.20")
    assert may_reuse_credentials(stored, {"protocol": "modbus", "endpoint": "192.168.1.20"})
    assert not may_reuse_credentials(stored, {"protocol": "modbus", "endpoint": "192.168.1.21"})


@pytest.mark.parametrize(
    "change", [{"endpoint": "https://xn--/"}, {"additional_config": {"token_url": "https://xn--/"}}]
)
def test_a_name_that_breaks_the_rules_of_names_is_another_host(change: dict[str, Any]) -> None:
    assert not may_reuse_credentials(STORED, {**SAME, **change})
