"""What is refused when settings are saved, and how nodes are written."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ConfigurationError, parse_config
from connectors.field_specs import SPECS, make_spec
from connectors.mapping_settings import EnergySpec, SensorSpec, StatusSpec, TemperatureSpec
from connectors.opc_ua import OpcUaConnector
from connectors.opc_ua_nodes import CORE, BrowsePath, NodeAddress, Step, parse_browse_path, parse_node_address
from connectors.opc_ua_settings import OpcUaConfig

ALIASES = {"maker": "urn:maker", "di": "urn:di"}
MINE = {"node": "ns=maker;s=T", "field": "temperature"}


def config(endpoint: str = "opc.tcp://oven", port: int | None = None, **options: Any) -> OpcUaConfig:
    credentials = options.pop("credentials", {})
    found = parse_config(
        "opc_ua",
        {"endpoint": endpoint, "port": port, "credentials": credentials, "additional_config": options},
    )
    assert isinstance(found, OpcUaConfig)
    return found


def wrong(**options: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        config(**options)
    return caught.value.fields


@pytest.mark.parametrize(
    ("endpoint", "port", "place", "url"),
    [
        ("opc.tcp://oven", None, "oven:4840", "opc.tcp://oven:4840"),
        ("opc.tcp://oven:4841/UA/Server", None, "oven:4841", "opc.tcp://oven:4841/UA/Server"),
        ("opc.tcp://192.168.1.20/", 4843, "192.168.1.20:4843", "opc.tcp://192.168.1.20:4843"),
        (" 192.168.1.20 ", None, "192.168.1.20:4840", "opc.tcp://192.168.1.20:4840"),
        ("OPC.TCP://oven:4840", 4840, "oven:4840", "opc.tcp://oven:4840"),
        ("opc.tcp://[fd00::7]:4842/x", None, "[fd00::7]:4842", "opc.tcp://[fd00::7]:4842/x"),
    ],
)
def test_addresses(endpoint: str, port: int | None, place: str, url: str) -> None:
    found = config(endpoint, port)
    assert (found.place, found.url) == (place, url)


@pytest.mark.parametrize(
    "endpoint",
    ["http://oven", "opc.tcp://", "opc.tcp://user:pw@oven", "opc.tcp://oven?x=1", "opc.tcp://300.1.1.1",
     "opc.tcp://oven:99999", "opc.tcp://a b", "opc.wss://oven"],
)  # fmt: skip
def test_addresses_that_are_none(endpoint: str) -> None:
    assert set(wrong(endpoint=endpoint)) == {"endpoint"}
    assert "https" not in wrong(endpoint=endpoint)["endpoint"]


def test_one_port_only() -> None:
    assert set(wrong(endpoint="opc.tcp://oven:4840", port=4841)) == {"port"}


def test_the_way_to_sign_in_follows_from_what_is_given() -> None:
    assert config().auth == "anonymous"
    assert config(credentials={"username": "u", "password": "p"}).auth == "username"
    assert config(auth="anonymous", credentials={"username": "u", "password": "p"}).auth == "anonymous"
    assert set(wrong(auth="username")) == {"credentials.username", "credentials.password"}
    assert set(wrong(credentials={"password": "p"})) == {"credentials.username"}
    assert set(wrong(auth="certificate")) == {"credentials.certificate", "credentials.private_key"}
    assert set(wrong(credentials={"private_key": "no key"})) == {"credentials.private_key"}
    assert config(credentials={"username": "", "password": ""}).auth == "anonymous"


def test_without_a_profile_nodes_are_needed() -> None:
    assert set(wrong(profile="none")) == {"additional_config.nodes"}
    assert len(config(profile="none", namespaces={"maker": "urn:m"}, nodes=[MINE]).points) == 1


@pytest.mark.parametrize(
    ("node", "field"),
    [
        ({"field": "temperature"}, "node"),
        ({**MINE, "browse_path": "maker:A"}, "node"),
        ({**MINE, "node": "ns=4;s=T"}, "node"),
        ({**MINE, "node": "ns=other;s=T"}, "node"),
        ({**MINE, "node": "temperature"}, "node"),
        ({"browse_path": "maker:A//maker:B", "field": "temperature"}, "browse_path"),
        ({"browse_path": "4:A", "field": "temperature"}, "browse_path"),
        ({**MINE, "field": "heat"}, "field"),
        ({**MINE, "field": "temperature_zones"}, "field"),
        ({**MINE, "field": "humidity.x"}, "field"),
        ({**MINE, "unit": "kWh"}, "unit"),
        ({**MINE, "enum": {"1": "x"}}, "enum"),
        ({**MINE, "bit": 3}, "bit"),
        ({**MINE, "field": "operational_status", "enum": {"1": "hot"}}, "enum.1"),
        ({**MINE, "field": "operational_status", "scale": 2}, "scale"),
        ({**MINE, "scale": "much"}, "scale"),
        ({**MINE, "bogus": 1}, "bogus"),
    ],
)
def test_a_wrong_node_is_named_by_its_place(node: dict[str, Any], field: str) -> None:
    fields = wrong(namespaces={"maker": "urn:m"}, nodes=[MINE, node])
    assert set(fields) == {f"additional_config.nodes.1.{field}"}


def test_a_node_takes_the_conversion_of_its_field() -> None:
    points = config(
        namespaces={"maker": "urn:m"},
        nodes=[
            {**MINE, "unit": "°F", "scale": 0.1},
            {**MINE, "field": "energy_consumption_kwh"},
            {**MINE, "field": "additional_sensors.water", "offset": 2, "type": "number"},
            {**MINE, "field": "operational_status", "enum": {"7": "running"}, "bit": 1},
        ],
    ).points
    assert [point.spec for point in points] == [
        TemperatureSpec(path="@", unit="°F", scale=0.1),
        EnergySpec(path="@"),
        SensorSpec(path="@", offset=2, type="number"),
        StatusSpec.model_validate({"path": "@", "enum": {"7": "running"}, "bit": 1}),
    ]
    assert [point.unit_given for point in points] == [True, False, False, False]


def test_every_field_of_a_reading_can_be_given() -> None:
    for name in SPECS:
        key = f"{name}.x" if name.endswith(("zones", "sensors")) else name
        assert isinstance(make_spec(key, {}), SPECS[name])


def test_nodes_by_id() -> None:
    number = uuid.uuid4()
    for text, expected in (
        ("ns=maker;s=Oven/Temp;1", NodeAddress("urn:maker", "Oven/Temp;1")),
        ("ns=maker;i=85", NodeAddress("urn:maker", 85)),
        (f"ns=maker;g={number}", NodeAddress("urn:maker", number)),
        ("ns=maker;b=AAE=", NodeAddress("urn:maker", b"\0\1")),
        ("nsu=urn:x;s=a", NodeAddress("urn:x", "a")),
        ("i=2258", NodeAddress(CORE, 2258)),
        ("ns=0;i=2258", NodeAddress(CORE, 2258)),
    ):
        assert parse_node_address(text, ALIASES) == expected
    for text in ("ns=maker;i=-1", "ns=maker;i=4294967296", "ns=maker;g=1", "ns=maker;b=?", "ns=maker;x=1", "", "s="):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
            parse_node_address(text, ALIASES)


def test_nodes_by_path() -> None:
    assert parse_browse_path("di:DeviceSet/maker:Oven &/ 1&:2/Status/", ALIASES) == BrowsePath(
        (Step("urn:di", "DeviceSet"), Step("urn:maker", "Oven / 1:2"), Step(CORE, "Status"))
    )
    for text in ("", "a//b", "maker:", "nobody:A", "/".join(["a"] * 31)):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
            parse_browse_path(text, ALIASES)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"(ns=maker;)?[isgb]=.{0,20}", fullmatch=True))
def test_any_text_is_a_node_or_a_sentence(text: str) -> None:
    for parse in (parse_node_address, parse_browse_path):
        try:
            assert parse(text, ALIASES)
        except ValueError as error:
            assert str(error)[:1].isupper()


def test_the_docs_show_the_example_and_every_error_code_we_raise() -> None:
    page = (Path(__file__).parents[2] / "docs" / "connectors" / "opc_ua.md").read_text()
    assert json.dumps(OpcUaConnector.example["additional_config"]["nodes"][0])[1:30] in page.replace("\n", "")
    for code in ("dns", "refused", "timeout", "reset", "tls", "auth", "forbidden", "not_found", "server", "parse",
                 "too_large", "mapping", "address", "configuration"):  # fmt: skip
        assert f"`{code}`" in page, code
