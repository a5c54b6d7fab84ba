"""The presets: every file is right, honest, and accepted by its protocol once the bakery has filled in its part."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import PROTOCOLS, ConfigurationError, get_connector_class, parse_config
from connectors.preset import FOLDER, HOST, Preset, PresetError, find_preset, list_presets, read_preset, read_presets
from connectors.rest_api import RestApiOptions, parse_rest_document

PRESETS = list_presets()
MAKERS = {
    "Rational",
    "Wachtel",
    "SALVA",
    "Sveba Dahlen",
    "Farjas",
    "COLBAKE",
    "MIWE",
    "Wiesheu",
    "Unox",
    "Eurotherm",
    "Watlow",
}
# What a bakery would enter where a preset leaves it open.
FILLED_IN: dict[str, Any] = {
    "unit_id": "12345",
    "oven_id": "W-2207",
    "data_endpoint": "/data",
    "topic": "bakery/oven-1/data",
    "points": [{"field": "temperature", "address": 1, "type": "int16"}],
    "nodes": [{"node": "ns=ws;s=Temperature", "field": "temperature"}],
}
FILE = """
label = "Steinofen"
group = "maker"
protocol = "rest_api"
endpoint = "https://{host}"
poll_interval_seconds = 30
capabilities = {}
verified = "unverified"
ports = ["TCP 443"]
notes = ["Ask."]
"""

every_preset = pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))


def complete(preset: Preset) -> dict[str, Any]:
    """The settings once endpoint, credentials and what only the bakery knows are entered."""
    settings: dict[str, Any] = json.loads(json.dumps(preset.connection)) | {
        "endpoint": preset.endpoint.replace(HOST, "192.168.1.20"),
        "credentials": dict.fromkeys(preset.credentials, "x"),
    }
    settings["additional_config"] |= {name: FILLED_IN[name] for name in preset.fill_in}
    return settings


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@every_preset
def test_its_protocol_takes_the_defaults(preset: Preset) -> None:
    assert preset.protocol in PROTOCOLS
    assert parse_config(preset.protocol, complete(preset))


@every_preset
def test_each_thing_to_fill_in_is_needed_and_left_open(preset: Preset) -> None:
    options = get_connector_class(preset.protocol).config_class.model_fields["additional_config"].annotation
    assert set(preset.fill_in) <= set(options.model_fields)
    assert not set(preset.fill_in) & set(preset.additional_config)
    for name in set(preset.fill_in) - {"data_endpoint"}:  # it has a default, which fits no machine of a maker
        settings = complete(preset)
        del settings["additional_config"][name]
        with pytest.raises(ConfigurationError, match=name):
            parse_config(preset.protocol, settings)


@every_preset
def test_the_credentials_are_those_of_the_protocol(preset: Preset) -> None:
    known = get_connector_class(preset.protocol).config_class.model_fields["credentials"].annotation
    assert set(preset.credentials) <= set(known.model_fields)


@every_preset
def test_it_holds_no_secret_and_names_nothing_of_ours(preset: Preset) -> None:
    text = (FOLDER / f"{preset.key}.toml").read_text(encoding="utf-8")
    assert not re.search(r"^(password|token|api_key|client_secret|private_key)\s*=", text, flags=re.M)
    assert "@" not in preset.endpoint


@every_preset
def test_it_promises_only_what_a_source_says(preset: Preset) -> None:
    assert preset.verified != "hardware", "say in the notes which machine it was seen at, and take this line out"
    assert preset.capabilities.energy is False
    assert preset.capabilities.remote_control is False
    assert preset.sources or preset.is_unverified
    if preset.group == "maker":
        assert preset.manufacturer
        publishes = preset.manufacturer == "Rational"
        assert (preset.data_request is not None) is (preset.is_unverified and not publishes)


def test_every_maker_of_the_plan_has_one() -> None:
    assert {preset.manufacturer for preset in PRESETS.values() if preset.manufacturer} == MAKERS
    assert {"opc_30200", "packml", "weihenstephan_opc_ua", "weihenstephan_ws"} <= set(PRESETS)
    plain = {preset.protocol for preset in PRESETS.values() if preset.group == "any"}
    assert plain == {"rest_api", "mqtt", "modbus", "opc_ua"}
    assert {preset.protocol for preset in PRESETS.values()} == set(PROTOCOLS)


def test_makers_come_first_each_by_name() -> None:
    groups = [preset.group for preset in PRESETS.values()]
    assert groups == sorted(groups, key=["maker", "standard", "any"].index)
    labels = [preset.label.casefold() for preset in PRESETS.values() if preset.group == "maker"]
    assert labels == sorted(labels)


def test_they_are_read_once_and_cannot_be_changed() -> None:
    assert list_presets() is PRESETS
    with pytest.raises(TypeError):
        PRESETS["x"] = PRESETS["salva"]  # type: ignore[index]
    assert find_preset("salva") is PRESETS["salva"]
    assert find_preset("") is find_preset("gone") is None


def test_the_files_name_is_the_key(tmp_path: Path) -> None:
    write(tmp_path, "steinofen.toml", FILE)
    assert list(read_presets(tmp_path)) == ["steinofen"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label = ", "cannot be read"),
        ("\udcff", "cannot be read"),
        (FILE + 'key = "other"', "file's name is the key"),
        (FILE.replace('label = "Steinofen"', ""), "label: This is needed."),
        (FILE + 'lable = "x"', "Do you mean 'label'?"),
        (FILE.replace('"unverified"', '"perhaps"'), "verified: This must be one of"),
        (FILE.replace("{}", "{ energie = true }"), "capabilities.energie"),
        (FILE.replace("30", "0"), "poll_interval_seconds: This must be 1 or more."),
        (FILE.replace('["Ask."]', "[]"), "notes:"),
        (FILE + 'sources = [{ title = "x", url = "http://x" }]', "sources.0.url: This must begin with https://."),
        (FILE + 'data_request = { de = "x", en = "x" }', "data_request.es: This is needed."),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "steinofen.toml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(PresetError, match=r"^steinofen\.toml") as caught:
        read_preset(path)
    assert words in str(caught.value)


def test_a_folder_or_a_name_that_cannot_be_a_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="Stein-Ofen.toml: key"):
        read_preset(write(tmp_path, "Stein-Ofen.toml", FILE))
    with pytest.raises(PresetError, match="gone.toml cannot be read"):
        read_preset(tmp_path / "gone.toml")


def test_the_table_of_the_docs_lists_them_all_as_they_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "connectors" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| .+ \|$", page, flags=re.M)
    expected = {(preset.label, preset.protocol, preset.protocol, preset.verified) for preset in PRESETS.values()}
    assert set(rows) == expected
    assert len(rows) == len(PRESETS)


def test_a_message_of_the_published_shape_is_read_by_the_preset() -> None:
    preset = PRESETS["sveba_dahlen_rest"]
    options = RestApiOptions.model_validate(complete(preset)["additional_config"])
    message = {
        "_src": ["oven-1", "main"],
        "_cmd": "wr",
        "_id": 7,
        "_ts": "2025-01-12T10:30:00Z",
        "set_temp": ["1500", None],
    }
    now = datetime(2025, 1, 12, 10, 30, 5, tzinfo=UTC)
    reading = parse_rest_document(message, options, received_at=now)
    assert (reading.target_temperature, reading.reading_time.second) == (150.0, 0)
    assert reading.target_temperature_zones == {"deck_1": 150.0, "deck_2": None}
