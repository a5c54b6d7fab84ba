"""The protocols as their settings describe them. No database: the settings alone say it."""

import json
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from connectors import PROTOCOLS, BaseIoTConnector, ConfigurationError, ConnectorConfig, list_protocols
from connectors.base import Options
from connectors.reading import DoorStatus
from equipment import protocols
from equipment.protocols import Option, list_connectors, list_options, list_protocol_descriptions


class Setting(Options):
    name: str = Field(min_length=1, description="What it is called.")
    certificate: str | None = Field(default=None, max_length=100_000)
    count: int | None = Field(default=None, ge=1, le=20)
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    loud: bool = False
    stopbits: Literal[1, 2] = 1
    door: DoorStatus | None = None
    names: dict[str, str] = {}
    either: int | str = 1


class Config(ConnectorConfig):
    additional_config: Setting


class Toaster(BaseIoTConnector[Config]):
    config_class = Config
    example: ClassVar[dict[str, Any]] = {"endpoint": "toaster", "additional_config": {"name": "x"}}


@pytest.fixture
def toaster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Option]:
    monkeypatch.setattr(protocols, "list_protocols", lambda: {"toaster": "Toaster"})
    monkeypatch.setattr(protocols, "get_connector_class", lambda key: Toaster)
    for cached in (list_protocol_descriptions, list_options):
        cached.cache_clear()
        monkeypatch.setattr(protocols, cached.__name__, cached.__wrapped__)
    return {option.key: option for option in protocols.list_options()["toaster"]}


def test_each_setting_becomes_the_input_that_fits_it(toaster: dict[str, Option]) -> None:
    assert {key: option.kind for key, option in toaster.items()} == {
        "timeout": "number",
        "name": "text",
        "certificate": "lines",
        "count": "integer",
        "share": "number",
        "loud": "yes_no",
        "stopbits": "choice",
        "door": "choice",
        "names": "json",
        "either": "json",
    }
    assert (toaster["stopbits"].choices, toaster["door"].choices) == ([1, 2], ["open", "closed"])


def test_it_says_what_is_needed_what_holds_otherwise_and_between_which_limits(toaster: dict[str, Option]) -> None:
    assert [key for key, option in toaster.items() if option.needed] == ["name"]
    assert toaster["name"].description == "What it is called."
    assert (toaster["loud"].default, toaster["share"].default, toaster["count"].default) == (False, 0.5, None)
    assert (toaster["count"].minimum, toaster["count"].maximum) == (1, 20)
    assert (toaster["share"].minimum, toaster["share"].maximum) == (0, 1)


def test_every_protocol_is_described_in_json() -> None:
    described = {found["key"]: found for found in list_protocol_descriptions()}
    assert set(PROTOCOLS) <= set(described)
    assert {key: found["label"] for key, found in described.items()} == list_protocols()
    assert json.loads(json.dumps(list(described.values())))
    for key, options in list_options().items():
        schema = described[key]["schema"]["$defs"]
        assert any([option.key for option in options] == list(found.get("properties", {})) for found in schema.values())
        assert all(option.kind == "choice" or not option.choices for option in options)


def test_a_package_that_does_not_fit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> Any:
        raise ConfigurationError(fields={"protocol": "broken"})

    monkeypatch.setattr(protocols, "get_connector_class", refuse)
    assert list(list_connectors()) == []
