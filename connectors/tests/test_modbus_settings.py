"""Addresses in every notation, and mistakes that are found when the settings are saved."""

from typing import Any

import pytest

from connectors import ConfigurationError, parse_config
from connectors.modbus_blocks import Span
from connectors.modbus_points import Point, show_address
from connectors.modbus_settings import ModbusConfig

TEMPERATURE = {"field": "temperature", "address": 0, "type": "int16"}


def config_of(*points: dict[str, Any], endpoint: str = "10.0.0.5", **options: Any) -> ModbusConfig:
    config = parse_config("modbus", {"endpoint": endpoint, "additional_config": {"points": list(points), **options}})
    assert isinstance(config, ModbusConfig)
    return config


def point_of(point: dict[str, Any], **options: Any) -> Point:
    return config_of({**TEMPERATURE, **point}, **options).additional_config.make_points()[0]


def refusals(*points: dict[str, Any], **options: Any) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        config_of(*points, **options)
    return caught.value.fields


def refusal(point: dict[str, Any], **options: Any) -> tuple[str, str]:
    """(setting, sentence) of a point that is refused."""
    fields = refusals({**TEMPERATURE, **point}, **options)
    assert len(fields) == 1, fields
    path, sentence = fields.popitem()
    assert path.startswith("additional_config.points.0"), path
    return path.removeprefix("additional_config.points.0").lstrip("."), sentence


@pytest.mark.parametrize(
    ("written", "options", "span"),
    [
        (0, {}, Span("holding", 0, 1)),
        ("0x8002", {}, Span("holding", 0x8002, 1)),
        (" 12 ", {}, Span("holding", 12, 1)),
        (1, {"address_base": 1}, Span("holding", 0, 1)),
        (65536, {"address_base": 1}, Span("holding", 65535, 1)),
        (40001, {"notation": "4xxxx"}, Span("holding", 0, 1)),
        ("40001", {"notation": "4xxxx"}, Span("holding", 0, 1)),
        (400001, {"notation": "4xxxx"}, Span("holding", 0, 1)),
        (465536, {"notation": "4xxxx"}, Span("holding", 65535, 1)),
        (30013, {"notation": "4xxxx"}, Span("input", 12, 1)),
        (300013, {"notation": "4xxxx"}, Span("input", 12, 1)),
        (40000, {"notation": "4xxxx", "address_base": 0}, Span("holding", 0, 1)),
        (40001, {"notation": "4xxxx", "address_base": 0}, Span("holding", 1, 1)),
    ],
)
def test_addresses_are_normalised_once(written: int | str, options: dict[str, Any], span: Span) -> None:
    assert point_of({"address": written}, **options).span == span


@pytest.mark.parametrize(
    ("written", "span"),
    [
        (17, Span("coil", 16, 1)),
        ("00017", Span("coil", 16, 1)),
        ("010001", Span("coil", 10000, 1)),
        (10001, Span("discrete", 0, 1)),
        (100001, Span("discrete", 0, 1)),
    ],
)
def test_coils_and_discretes_in_that_notation(written: int | str, span: Span) -> None:
    door = {"field": "door_status", "address": written, "enum": {"true": "open"}}
    points = config_of(door, notation="4xxxx").additional_config.make_points()
    assert points[0].span == span


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (Span("holding", 0, 1), "40001"),
        (Span("input", 9998, 1), "39999"),
        (Span("input", 9999, 1), "310000"),
        (Span("coil", 16, 1), "00017"),
        (Span("discrete", 65535, 1), "165536"),
    ],
)
def test_addresses_are_shown_as_in_makers_lists(span: Span, shown: str) -> None:
    assert show_address(span) == shown
    kind = {} if span.table in ("coil", "discrete") else {"type": "int16"}
    point = {"field": "additional_sensors.x", "address": shown, **kind}
    assert config_of(point, notation="4xxxx").additional_config.make_points()[0].span == span


@pytest.mark.parametrize(
    ("written", "options", "name"),
    [
        (-1, {}, "address"),
        (65536, {}, "address"),
        (0, {"address_base": 1}, "address"),
        ("0x", {}, "address"),
        ("4x0001", {"notation": "4xxxx"}, "address"),
        (20001, {"notation": "4xxxx"}, "address"),
        (40000, {"notation": "4xxxx"}, "address"),
        (465537, {"notation": "4xxxx"}, "address"),
        (4000001, {"notation": "4xxxx"}, "address"),
    ],
)
def test_addresses_that_cannot_be_are_refused(written: int | str, options: dict[str, Any], name: str) -> None:
    assert refusal({"address": written}, **options)[0] == name


@pytest.mark.parametrize(
    ("point", "name", "sentence"),
    [
        ({"field": "temprature"}, "field", "no field of this name"),
        ({"field": "temperature_zones"}, "field", "name behind a dot"),
        ({"field": "temperature_zones. "}, "field", "name behind a dot"),
        ({"field": "temperature.deck_1"}, "field", "single value"),
        ({"table": "coil", "type": "int16"}, "type", "single bit"),
        ({"table": "coil", "type": "bool"}, "type", "single bit is not"),
        ({"type": None}, "type", "what the register holds"),
        ({"type": "bit"}, "bit", "which bit"),
        ({"type": "bit", "bit": 16}, "bit", "which bit"),
        ({"bit": 16}, "bit", "no such bit"),
        ({"type": "float32", "bit": 3}, "bit", "no such bit"),
        ({"type": "float32", "mask": 3}, "mask", "whole numbers"),
        ({"type": "float32", "shift": 3}, "shift", "whole numbers"),
        ({"field": "additional_sensors.a", "bit": 3, "mask": 8}, "bit", "Either a bit"),
        ({"count": 2}, "count", "its own length"),
        ({"type": "bcd", "count": 5}, "count", "four registers"),
        ({"unit": "kWh"}, "unit", "one of"),
        ({"enum": {"1": "hot"}}, "enum", "takes no enum"),
        ({"field": "operational_status", "scale": 2}, "scale", "takes no scale"),
        ({"field": "operational_status", "enum": {"1": "hot"}}, "enum.1", "one of"),
        ({"field": "additional_sensors.a", "unit": "s"}, "unit", "takes no unit"),
        ({"field": "timestamp", "scale": 2}, "scale", "takes no scale"),
        ({"nan": [65536]}, "nan", "16 bits"),
        ({"unknown": [-32769]}, "unknown", "16 bits"),
        ({"type": "float32", "nan": [-1]}, "nan", "hexadecimal"),
        ({"nan": ["NaN"]}, "nan.0", "whole number"),
        ({"field": "additional_sensors.a", "type": "string", "nan": [0]}, "nan", "no such values"),
        ({"field": "additional_sensors.a", "type": "string", "min": 0}, "type", "Only numbers"),
        ({"min": 5, "max": 4}, "min", "more than max"),
        ({"address": 65535, "type": "int32"}, "address", "beyond the last"),
        ({"scale_register": 70000}, "scale_register.address", "must be from"),
        ({"scale_register": {"address": 1, "table": "coil"}}, "scale_register.table", "decimal point"),
        ({"writable": True}, "writable", "only read"),
    ],
)
def test_points_that_make_no_sense_are_refused_by_their_path(point: dict[str, Any], name: str, sentence: str) -> None:
    found, text = refusal(point)
    assert (found, sentence in text) == (name, True), (found, text)


def test_a_value_longer_than_the_limit_is_refused() -> None:
    text = {"field": "additional_sensors.programme", "type": "string", "count": 60}
    assert "max_registers" in refusal(text, max_registers=50)[1]
    door = {"field": "door_status", "table": "coil", "type": None, "address": 2000, "enum": {"true": "open"}}
    assert "max_bits" in refusal(door, read_bits_from_zero=True)[1]
    assert config_of(door).additional_config.max_bits == 2000


def test_the_table_of_the_notation_may_be_repeated_but_not_contradicted() -> None:
    assert point_of({"address": 30001, "table": "input"}, notation="4xxxx").span.table == "input"
    assert refusal({"address": 30001, "table": "holding"}, notation="4xxxx")[0] == "table"


def test_every_wrong_point_is_named() -> None:
    wrong = {**TEMPERATURE, "unit": "kWh"}
    assert set(refusals(wrong, TEMPERATURE, wrong)) == {
        "additional_config.points.0.unit",
        "additional_config.points.2.unit",
    }


def test_there_must_be_a_point() -> None:
    assert set(refusals()) == {"additional_config.points"}


@pytest.mark.parametrize(
    ("endpoint", "options", "sentence"),
    [
        ("tcp://10.0.0.5", {}, "Enter only"),
        ("10.0.0.5:502", {}, "belongs to the port"),
        ("oven:502", {}, "belongs to the port"),
        ("10.0.5", {}, "four numbers"),
        ("/dev/ttyUSB0", {}, "transport to serial"),
        ("oven room", {}, "not a name"),
        ("10.0.0.5", {"transport": "serial"}, "serial port"),
        ("/dev/sda", {"transport": "serial"}, "serial port"),
        ("/dev/../etc/passwd", {"transport": "serial"}, "serial port"),
        ("socket://10.0.0.5:1", {"transport": "serial"}, "serial port"),
        ("spy:///dev/ttyS0?file=/tmp/x", {"transport": "serial"}, "serial port"),
    ],
)
def test_addresses_of_machines_are_checked(endpoint: str, options: dict[str, Any], sentence: str) -> None:
    fields = refusals(TEMPERATURE, endpoint=endpoint, **options)
    assert set(fields) == {"endpoint"} and sentence in fields["endpoint"]


@pytest.mark.parametrize("endpoint", ["10.0.0.5", "oven-1.shop.lan", "fd00::5", "[fd00::5]", "Ofen_1"])
def test_hosts_are_names_or_addresses(endpoint: str) -> None:
    config = config_of(TEMPERATURE, endpoint=endpoint)
    assert config.dialled_port == 502
    assert config.line == ("[fd00::5]:502" if ":" in endpoint else f"{endpoint}:502")


@pytest.mark.parametrize(
    "endpoint", ["/dev/ttyUSB0", "/dev/ttyS1", "/dev/serial/by-id/usb-FTDI_FT232R-if00", "/dev/pts/3"]
)
def test_serial_ports_are_devices(endpoint: str) -> None:
    config = config_of(TEMPERATURE, endpoint=endpoint, transport="serial")
    assert (config.line, config.dialled_port) == (endpoint, 0)


def test_a_serial_port_has_no_port_number() -> None:
    options = {"points": [TEMPERATURE], "transport": "serial"}
    with pytest.raises(ConfigurationError) as caught:
        parse_config("modbus", {"endpoint": "/dev/ttyUSB0", "port": 502, "additional_config": options})
    assert set(caught.value.fields) == {"port"}


@pytest.mark.parametrize("transport", ["serial", "rtu_over_tcp"])
def test_a_serial_line_has_no_unit_0(transport: str) -> None:
    endpoint = "/dev/ttyUSB0" if transport == "serial" else "10.0.0.5"
    fields = refusals(TEMPERATURE, endpoint=endpoint, transport=transport, unit_id=0)
    assert set(fields) == {"additional_config.unit_id"}
    assert config_of(TEMPERATURE, unit_id=0).additional_config.unit_id == 0
