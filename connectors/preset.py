"""What is known of one make and model: protocol, defaults, what to ask. One TOML file each in `presets/`; no code.

A preset holds no secrets, and nothing that only the technician knows: the form asks for that.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from .base import Settings
from .validation import describe_validation_error

FOLDER = Path(__file__).with_name("presets")
# In place of the machine's own name or address, where only the bakery knows it.
HOST = "{host}"

Text = Annotated[str, Field(min_length=1, max_length=600)]
Short = Annotated[str, Field(max_length=100)]


class PresetError(ValueError):
    """A preset file that cannot be used. The sentence begins with its name."""


def _check_url(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("This must begin with https://.")
    return url


class Source(Settings):
    """Where a stranger can read what the preset rests on."""

    title: Text
    url: Annotated[str, AfterValidator(_check_url)]


class PresetCapabilities(Settings):
    """What can be expected of the machine by this road. What no source promises is false."""

    temperature_zones: int = Field(default=1, ge=1, le=50)
    humidity: bool = False
    energy: bool = False
    remote_control: bool = False


class DataRequest(Settings):
    """What to ask this maker beside the letter's own list, as one sentence in each of the letter's languages."""

    es: Text
    de: Text
    en: Text


class Fault(Settings):
    """One of the machine's own fault codes, for the person in front of it."""

    meaning: Text
    what_to_do: Text


class Preset(Settings):
    key: str = Field(pattern=r"^[a-z0-9_]{1,50}$", description="The file's name.")
    label: Short = Field(min_length=1)
    group: Literal["maker", "standard", "any"] = Field(description="Whose template it is, for the list to choose from.")
    manufacturer: Short = ""
    model: Short = ""
    type: Literal["oven", "proofer", "fridge", "freezer", "other"] = "oven"
    protocol: str = Field(min_length=1, max_length=50)
    endpoint: str = Field(max_length=2000, description="Address pattern; {host} is the machine's own address.")
    port: int | None = Field(default=None, ge=1, le=65535)
    additional_config: dict[str, Any] = Field(default={}, description="As in the request body; never secrets.")
    credentials: tuple[Short, ...] = Field(default=(), description="Keys of the credentials that will be needed.")
    fill_in: dict[str, Text] = Field(
        default={}, description="Key of additional_config that only the bakery knows -> where to find it."
    )
    poll_interval_seconds: int = Field(ge=1, le=86_400)
    capabilities: PresetCapabilities
    verified: Literal["hardware", "specification", "unverified"] = Field(
        description="hardware: seen at a real machine. specification: by a public description. unverified: assumed."
    )
    sources: tuple[Source, ...] = ()
    ports: tuple[Text, ...] = Field(min_length=1, description="What the network must let through, as sentences.")
    notes: tuple[Text, ...] = Field(min_length=1, description="For the technician, in the order in which to do it.")
    faults: dict[Short, Fault] = Field(
        default={}, description="The machine's fault codes, as its manual explains them."
    )
    data_request: DataRequest | None = Field(default=None, description="Where the maker publishes no interface.")

    @property
    def is_unverified(self) -> bool:
        return self.verified == "unverified"

    @property
    def connection(self) -> dict[str, Any]:
        """The keys that it shares with the API's request body."""
        return {"endpoint": self.endpoint, "port": self.port, "additional_config": self.additional_config}


def read_preset(path: Path) -> Preset:
    """PresetError names the file and what is wrong in it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PresetError(f"{path.name} cannot be read: {error}.") from error
    if "key" in found:
        raise PresetError(f"{path.name}: key: The file's name is the key; take this line out.")
    try:
        return Preset.model_validate({"key": path.stem, **found})
    except ValidationError as error:
        wrong = describe_validation_error(error, Preset)
        raise PresetError(f"{path.name}: " + " ".join(f"{name}: {text}" for name, text in wrong.items())) from error


def read_presets(folder: Path) -> dict[str, Preset]:
    """All of a folder: makers first, then standards, then any machine; each by its label."""
    order = ("maker", "standard", "any")
    found = [read_preset(path) for path in folder.glob("*.toml")]
    found.sort(key=lambda preset: (order.index(preset.group), preset.label.casefold()))
    return {preset.key: preset for preset in found}


@cache
def list_presets() -> Mapping[str, Preset]:
    """Key -> preset, in the order of the list to choose from."""
    return MappingProxyType(read_presets(FOLDER))


def find_preset(key: str) -> Preset | None:
    """None for an empty key, and for one that a later version no longer has."""
    return list_presets().get(key)
