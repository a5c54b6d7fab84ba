"""The settings that say where in a machine's JSON a value is: one JMESPath and its unit or words per field.

Reading a document with them is `mapping.py`. Everything is checked here, when it is saved, not at three in the night.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from pydantic import AfterValidator, Field, model_validator

from .base import Settings
from .reading import CycleStage, DoorStatus, OperationalStatus

_PATH_LENGTH = 1000
_LISTS_IN_A_PATH = 2  # `[@,@][]` doubles the document each time it is repeated
_LIST_ITEMS = 16


@lru_cache(maxsize=4096)
def compile_path(path: str) -> ParsedResult:
    return jmespath.compile(path)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in node["children"] if isinstance(child, dict)]


def check_path(path: str) -> str:
    """A JMESPath expression that compiles and cannot blow a document up."""
    if not path.strip():
        raise ValueError("This must say where the value is, for example temperatures.cabinet.")
    if len(path) > _PATH_LENGTH:
        raise ValueError(f"This is longer than the {_PATH_LENGTH} characters allowed.")
    try:
        tree = compile_path(path).parsed
    except JMESPathError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"This is not a JMESPath expression ({reason}). Write it like temperatures.cabinet or decks[0].top; "
            'a key with odd characters goes in quotation marks: "x-y".'
        ) from error
    except RecursionError as error:
        raise ValueError("This expression is nested too deeply.") from error
    lists = [node for node in _nodes(tree) if node["type"] in ("multi_select_list", "multi_select_dict")]
    if len(lists) > _LISTS_IN_A_PATH or any(len(node["children"]) > _LIST_ITEMS for node in lists):
        raise ValueError("This expression builds too many lists; use at most two, of 16 items.")
    return path


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("This must be the name of a time zone, for example Europe/Madrid.") from error
    return name


JmesPath = Annotated[str, AfterValidator(check_path), Field(max_length=_PATH_LENGTH)]
ZoneName = Annotated[str, AfterValidator(_check_zone)]
Key = Annotated[str, Field(min_length=1, max_length=60)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class PathSpec(Settings):
    """Where a value is. In short form just the path as text."""

    path: JmesPath = Field(description="JMESPath expression, for example temperatures.core[0].")
    required: bool = Field(default=False, description="Without this value the whole answer counts as an error.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class NumberSpec(PathSpec):
    type: Literal["number", "bits"] = Field(default="number", description='bits: a mask such as "00000010".')
    scale: Finite = Field(default=1, description="value = number * scale + offset, then the unit is converted.")
    offset: Finite = 0
    default: Finite | None = Field(default=None, description="Taken where the machine sends nothing; in our unit.")


class TemperatureSpec(NumberSpec):
    unit: Literal["°C", "C", "°F", "F", "K"] = "°C"


class PercentSpec(NumberSpec):
    unit: Literal["%", "ratio"] = Field(default="%", description="ratio: 0 to 1.")


class EnergySpec(NumberSpec):
    unit: Literal["kWh", "Wh", "MWh", "kJ", "MJ"] = "kWh"


class WeightSpec(NumberSpec):
    unit: Literal["kg", "g", "lb"] = "kg"


class DurationSpec(NumberSpec):
    unit: Literal["min", "s", "ms", "h"] = "min"


class WordSpec(PathSpec):
    bit: int | None = Field(default=None, ge=0, le=63, description="Read this bit of a mask: the words true, false.")


class StatusSpec(WordSpec):
    enum: dict[str, OperationalStatus] = Field(default={}, description="The machine's word or number -> ours.")
    default: OperationalStatus | None = None


class StageSpec(WordSpec):
    enum: dict[str, CycleStage] = {}
    default: CycleStage | None = None


class DoorSpec(WordSpec):
    enum: dict[str, DoorStatus] = {}
    default: DoorStatus | None = None


class SensorSpec(PathSpec):
    """A value without a field of its own."""

    type: Literal["auto", "number", "text", "boolean", "bits"] = "auto"
    bit: int | None = Field(default=None, ge=0, le=63)
    scale: Finite = 1
    offset: Finite = 0
    enum: dict[str, str] = Field(default={}, description="The machine's word or number -> the word to show.")
    default: str | Finite | bool | None = None


class MomentSpec(PathSpec):
    unit: Literal["iso", "s", "ms"] = "iso"
    timezone: ZoneName = Field(default="UTC", description="Of the machine's clock, where its times name none.")


class DocumentMapping(Settings):
    """A field that is not mentioned is not read. An empty mapping takes the keys that bear our names."""

    timestamp: MomentSpec | None = None
    temperature: TemperatureSpec | None = None
    target_temperature: TemperatureSpec | None = None
    temperature_zones: dict[Key, TemperatureSpec] = Field(default={}, max_length=64)
    target_temperature_zones: dict[Key, TemperatureSpec] = Field(default={}, max_length=64)
    humidity: PercentSpec | None = None
    energy_consumption_kwh: EnergySpec | None = None
    motor_speed: PercentSpec | None = None
    steam_level: PercentSpec | None = None
    product_weight: WeightSpec | None = None
    moisture_content: PercentSpec | None = None
    cycle_progress_percentage: PercentSpec | None = None
    time_remaining_minutes: DurationSpec | None = None
    operational_status: StatusSpec | None = None
    cycle_stage: StageSpec | None = None
    door_status: DoorSpec | None = None
    additional_sensors: dict[Key, SensorSpec] = Field(default={}, max_length=100)

    def list_specs(self) -> Iterator[tuple[str, PathSpec]]:
        """(`humidity`, spec), (`temperature_zones.core`, spec) ... of everything that is mapped, except the time."""
        for name in type(self).model_fields:
            found = getattr(self, name)
            if isinstance(found, dict):
                yield from ((f"{name}.{key}", spec) for key, spec in found.items())
            elif found is not None and name != "timestamp":
                yield name, found
