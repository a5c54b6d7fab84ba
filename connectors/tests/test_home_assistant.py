"""What devices announce for Home Assistant becomes settings of ours; templates are read, and never run."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ConfigurationError, DoorStatus, parse_config
from connectors.home_assistant import RefusedError, discovery_filters, list_devices, path_in_template
from connectors.mqtt_feeds import MergedFeed
from connectors.mqtt_settings import MqttConfig

from .mutations import anything, damaged
from .test_mqtt_cases import Said, hear

DEVICE = {"identifiers": ["oven-7"], "name": "Horno 7", "manufacturer": "Levante Steam", "model": "Combi 6"}
SENSOR = {
    "name": "Chamber",
    "state_topic": "zigbee2mqtt/oven",
    "value_template": "{{ value_json.chamber }}",
    "unit_of_measurement": "°F",
    "device_class": "temperature",
    "availability": [{"topic": "zigbee2mqtt/oven/availability"}],
    "device": DEVICE,
}
ENERGY = {
    "~": "tele/oven7",
    "name": "Energy",
    "stat_t": "~/SENSOR",
    "val_tpl": "{{ value_json['ENERGY']['Total'] }}",
    "unit_of_meas": "kWh",
    "dev_cla": "energy",
    "dev": {"ids": "oven-7"},
}
DOOR = {"name": "Door", "state_topic": "oven7/door", "device_class": "door", "payload_on": "open", "device": DEVICE}
PROGRAMME = {"name": "Programme", "state_topic": "oven7/programme", "device": DEVICE}
TEMPLATED = {"name": "Sum", "state_topic": "oven7/x", "value_template": "{{ value_json.a + 1 }}", "device": DEVICE}


def announced(**entities: dict[str, Any]) -> dict[str, bytes]:
    return {
        f"homeassistant/{path.replace('__', '/')}/config": json.dumps(item).encode() for path, item in entities.items()
    }


def only_device(**entities: dict[str, Any]) -> dict[str, Any]:
    (row,) = list_devices(announced(**entities))
    return row


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{{ value_json.x }}", "x"),
        ("{{value_json.x.y}}", "x.y"),
        ("{{ value_json['x'] }}", "x"),
        ('{{ value_json["a b"].c }}', '"a b".c'),
        ("{{ value }}", None),
        ("", None),
        (None, None),
    ],
)
def test_templates_that_only_point_are_understood(template: str | None, path: str | None) -> None:
    assert path_in_template(template) == path


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.x | float }}",
        "{{ value_json.x + 1 }}",
        "{% if value_json.x %}1{% endif %}",
        "{{ value_json }}",
        "{{ value_json[0] }}",
        "{{ value_json.__class__() }}",
        "{{ states('sensor.x') }}",
        "{{ value_json.x }} {{ value_json.y }}",
        "{{ value_json['x\\'] }}",
    ],
)
def test_templates_that_compute_are_refused(template: str) -> None:
    with pytest.raises(RefusedError, match="run no programs"):
        path_in_template(template)


def test_one_devices_announcements_become_settings_that_read_it() -> None:
    row = only_device(
        sensor__oven7__chamber=SENSOR, sensor__oven7__energy=ENERGY, binary_sensor__door=DOOR, sensor__p=PROGRAMME
    )
    assert (row["name"], row["manufacturer"], row["model"], row["refused"]) == (
        "Horno 7",
        "Levante Steam",
        "Combi 6",
        "",
    )
    assert row["settings"]["availability_topic"] == "zigbee2mqtt/oven/availability"
    config = parse_config("mqtt", {"endpoint": "broker", "additional_config": row["settings"]})
    assert isinstance(config, MqttConfig)
    feed = MergedFeed(config.additional_config, "x", list(config.additional_config.topics.items()))
    at = datetime(2025, 1, 12, 10, 30, tzinfo=UTC)
    said = [
        Said("zigbee2mqtt/oven", b'{"chamber": 428}', received_at=at),
        Said("tele/oven7/SENSOR", b'{"ENERGY": {"Total": 12.5}}', received_at=at),
        Said("oven7/door", b"open", received_at=at),
        Said("oven7/programme", b"Baguette", received_at=at),
    ]
    (reading,) = hear(feed, said)
    assert reading.temperature_zones == {"chamber": 220.0}  # type: ignore[union-attr]
    assert reading.energy_consumption_kwh == 12.5  # type: ignore[union-attr]
    assert reading.door_status is DoorStatus.OPEN  # type: ignore[union-attr]
    assert reading.additional_sensors == {"programme": "Baguette"}  # type: ignore[union-attr]


def test_what_cannot_be_taken_over_is_named_with_its_reason() -> None:
    row = only_device(sensor__oven7__sum=TEMPLATED, switch__oven7__light=PROGRAMME, sensor__oven7__p=PROGRAMME)
    assert "Sum: its value_template computes" in row["refused"]
    assert "Programme: switch is not a measured value" in row["refused"]
    assert list(row["settings"]["mapping"]) == ["additional_sensors"]


def test_a_device_may_announce_itself_in_one_message() -> None:
    whole = {
        "dev": {"ids": "oven-7", "name": "Horno 7"},
        "state_topic": "oven7/state",
        "cmps": {
            "t": {"p": "sensor", "name": "Top", "unit_of_meas": "°C", "val_tpl": "{{ value_json.top }}"},
            "h": {"p": "sensor", "name": "Steam", "dev_cla": "humidity", "unit_of_meas": "%", "stat_t": "oven7/rh"},
        },
    }
    row = only_device(device__oven7=whole)
    assert row["settings"]["topics"] == {"t0": "oven7/state", "t1": "oven7/rh"}
    assert row["settings"]["mapping"] == {
        "temperature_zones": {"top": {"path": "t0.top", "unit": "°C"}},
        "humidity": {"path": "t1"},
    }


def test_devices_are_told_apart_by_their_ids() -> None:
    other = {**PROGRAMME, "device": {"identifiers": ["oven-8"], "name": "Horno 8"}}
    rows = list_devices(announced(sensor__a=PROGRAMME, sensor__b=other))
    assert [row["name"] for row in rows] == ["Horno 7", "Horno 8"]
    nameless = {key: value for key, value in PROGRAMME.items() if key != "device"}
    assert [row["name"] for row in list_devices(announced(sensor__x__y=nameless))] == ["y"]


@pytest.mark.parametrize("topic", ["a/#", "+", "", 5, None, "a\x00b", "{device}"])
def test_topics_that_cannot_be_are_refused(topic: Any) -> None:
    row = only_device(sensor__a={**PROGRAMME, "state_topic": topic})
    assert row["settings"] == {}
    assert "names no topic" in row["refused"]


def test_its_filters() -> None:
    assert discovery_filters("homeassistant") == ("homeassistant/+/+/config", "homeassistant/+/+/+/config")


@given(
    st.dictionaries(
        st.sampled_from(
            [f"homeassistant/{path}/config" for path in ("sensor/a", "binary_sensor/n/b", "device/c", "x")]
        ),
        st.binary(max_size=40) | (damaged(SENSOR, ENERGY, DOOR) | anything).map(lambda item: json.dumps(item).encode()),
        max_size=4,
    )
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_announced_gives_rows_whose_settings_are_valid_or_refused(announcements: dict[str, bytes]) -> None:
    for row in list_devices(announcements):
        assert json.loads(json.dumps(row)) == row
        if row["settings"]:
            try:
                parse_config("mqtt", {"endpoint": "broker", "additional_config": row["settings"]})
            except ConfigurationError as error:
                pytest.fail(f"{row['settings']} {error}")
