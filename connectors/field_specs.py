"""The conversion of one field, for settings that list points (nodes, registers) instead of mapping a document."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .mapping_settings import (
    DoorSpec,
    DurationSpec,
    EnergySpec,
    PathSpec,
    PercentSpec,
    SensorSpec,
    StageSpec,
    StatusSpec,
    TemperatureSpec,
    WeightSpec,
)

SPECS: Mapping[str, type[PathSpec]] = {
    "temperature": TemperatureSpec,
    "target_temperature": TemperatureSpec,
    "temperature_zones": TemperatureSpec,
    "target_temperature_zones": TemperatureSpec,
    "humidity": PercentSpec,
    "energy_consumption_kwh": EnergySpec,
    "motor_speed": PercentSpec,
    "steam_level": PercentSpec,
    "product_weight": WeightSpec,
    "moisture_content": PercentSpec,
    "cycle_progress_percentage": PercentSpec,
    "time_remaining_minutes": DurationSpec,
    "operational_status": StatusSpec,
    "cycle_stage": StageSpec,
    "door_status": DoorSpec,
    "additional_sensors": SensorSpec,
}
_NESTED = ("temperature_zones", "target_temperature_zones", "additional_sensors")
_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,60}")


def check_field(name: str) -> str:
    """`humidity`, or `temperature_zones.core`."""
    field, dot, key = name.partition(".")
    if field not in SPECS:
        raise ValueError(f"There is no field of this name. There are: {', '.join(SPECS)}.")
    if field in _NESTED and not _KEY.fullmatch(key.strip()):
        raise ValueError(f"Write it with a name behind a dot, for example {field}.core.")
    if field not in _NESTED and dot:
        raise ValueError(f"The field {field} holds a single value; leave out the dot and what follows.")
    return name


FieldName = Annotated[str, AfterValidator(check_field), Field(max_length=100)]


def make_spec(field: str, given: Mapping[str, Any]) -> PathSpec:
    """How to convert into this field; `given` are the keys of its spec, without a path. pydantic.ValidationError."""
    return SPECS[field.partition(".")[0]].model_validate({"path": "@", **given})
