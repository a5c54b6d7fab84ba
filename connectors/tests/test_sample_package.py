"""Connectors of other packages: the sample of the docs, installed as its users would, and some that do not fit."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from connectors import ConfigurationError, get_connector_class, list_protocols, registry

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "examples" / "bakery_iot_sample_connector"
# Runs where the package is installed, against an oven that answers on loopback.
USE_IT = """
import asyncio, json
from connectors import AddressPolicy, ConnectorError, create_connector, list_protocols, parse_config

answers = [b"T=231.5;SET=235;STATE=BAKE\\n", b"T=sensor;STATE=?\\n", b"hello\\n", b"T=1" * 1000 + b"\\n", b""]

async def main():
    async def serve(reader, writer):
        assert await reader.readline() == b"READ\\n"
        writer.write(answers.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    config = {"endpoint": "127.0.0.1", "port": server.sockets[0].getsockname()[1]}
    connector = create_connector("line_oven", "oven-7", config, policy=AddressPolicy(allow_loopback=True))
    result = await connector.test_connection()
    told = {"label": list_protocols()["line_oven"], "message": result.message, "codes": []}
    async with connector:
        bad = await connector.get_current_reading()
        told["bad"] = [bad.temperature, bad.operational_status, dict(bad.quality)]
        for _ in range(3):
            try:
                await connector.get_current_reading()
            except ConnectorError as error:
                told["codes"].append(error.code)
    server.close()
    for refused in (connector, create_connector("line_oven", "oven-7", config)):
        try:
            await refused.get_current_reading()
        except ConnectorError as error:
            told["codes"].append(error.code)
    try:
        parse_config("line_oven", {"endpoint": "oven", "port": 1, "additional_config": {"comand": "R"}})
    except ConnectorError as error:
        told["fields"] = error.fields
    print(json.dumps(told))

answers.insert(0, answers[0])
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, built and installed into a folder of its own. Needs no network: what builds it is installed."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder / "source")  # building writes beside the source
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    install += ["--no-deps", "--no-build-isolation", "--target", str(folder / "site"), str(folder / "source")]
    done = subprocess.run(install, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_it_is_installed_and_used_like_our_own(site: Path) -> None:
    paths = os.pathsep.join((str(site), str(ROOT)))
    run = subprocess.run(
        [sys.executable, "-c", USE_IT],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    assert told["label"] == "Line oven (sample)"
    assert re.match(r"Connected in \d+ ms, 3 values received\.", told["message"])
    assert told["bad"] == [None, "unknown", {"temperature": "bad"}]
    assert told["codes"] == ["mapping", "too_large", "mapping", "refused", "address"]
    assert told["fields"] == {"additional_config.comand": "There is no setting of this name. Do you mean 'command'?"}


def test_the_page_shows_the_sample_as_it_is() -> None:
    page = (ROOT / "docs" / "connectors" / "your_own.md").read_text(encoding="utf-8")
    project = (SAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, flags=re.S)
    assert shown in project
    source = (SAMPLE / "bakery_iot_sample_connector.py").read_text(encoding="utf-8")
    assert source.count("\n") < 120, "a pattern must be short"
    for shown in re.findall(r"```python\n(.*?)```", page, flags=re.S):
        assert shown in source


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_package:Connector", "No module named"),
        ("connectors.rest_api:NoSuchConnector", "NoSuchConnector"),
        ("connectors.rest_api:RestApiConfig", "is not a BaseIoTConnector"),
        ("connectors.base:BaseIoTConnector", "has no config_class and example"),
    ],
)
def test_a_package_that_does_not_fit_is_named_and_takes_nothing_down(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    found = EntryPoint("toaster", value, registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"toaster": found})
    assert list_protocols()["toaster"] == "toaster"
    with pytest.raises(ConfigurationError) as caught:
        get_connector_class("toaster")
    assert words in caught.value.fields["protocol"]
    assert "remove it" in caught.value.fields["protocol"]


def test_a_package_cannot_take_the_place_of_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoint("rest_api", "no_such_package:Connector", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "_entry_points", lambda: {"rest_api": found})
    assert list_protocols()["rest_api"] == "REST API (JSON over HTTP)"
    assert get_connector_class("rest_api").__module__ == "connectors.rest_api"
