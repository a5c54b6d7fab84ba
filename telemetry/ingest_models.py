"""What gateways and machines may post: readings in our own shape, with the bounds that connectors keep too."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from connectors.reading import CycleStage, DoorStatus, OperationalStatus

MOST_READINGS = 5000
MOST_MESSAGES = 500
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # controllers with an empty battery begin in 1970, 1980 or 2000


def _check_text(value: Any) -> Any:
    """Pydantic takes numbers for moments too, in a unit that it guesses."""
    if not isinstance(value, str):
        raise ValueError("This must be text: 2025-01-12T10:30:00Z.")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_check_text, json_schema_input_type=AwareDatetime)]
Temperature = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-100, le=1500)]
Percentage = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1, le=110)]
Energy = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e9)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1000, le=100_000)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=20_160)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Text = Annotated[str, Field(strict=True, max_length=200)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
Plain = Annotated[bool, Field(strict=True)] | Number | Text | None
Zones = Annotated[Mapping[Name, Temperature | None], Field(max_length=64)]


class IngestedReading(BaseModel):
    """One moment of one machine. Units: °C, %, kWh, kg, minutes. What is unknown is null or left out, and never 0."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    reading_time: Moment = Field(description="By the machine's clock, with an offset or Z. Not ahead of ours")
    temperature: Temperature | None = Field(default=None, description="Chamber of zone 1, never the core probe")
    target_temperature: Temperature | None = None
    temperature_zones: Zones = {}
    target_temperature_zones: Zones = {}
    humidity: Percentage | None = None
    energy_consumption_kwh: Energy | None = Field(default=None, description="A counter that only grows")
    operational_status: OperationalStatus | None = None
    cycle_stage: CycleStage | None = None
    cycle_progress_percentage: Percentage | None = None
    time_remaining_minutes: Minutes | None = None
    motor_speed: Percentage | None = None
    door_status: DoorStatus | None = None
    steam_level: Percentage | None = None
    product_weight: Weight | None = None
    moisture_content: Percentage | None = None
    additional_sensors: Annotated[Mapping[Name, Plain], Field(max_length=100)] = {}
    quality: Annotated[Mapping[Name, Literal["uncertain", "bad", "stale"]], Field(max_length=100)] = Field(
        default={}, description="Name of a value -> why it is in doubt"
    )


class ReadingsBody(BaseModel):
    """The body of a post. One reading is a batch of one."""

    model_config = ConfigDict(extra="forbid")

    readings: list[IngestedReading] = Field(min_length=1, max_length=MOST_READINGS)


class MessagesBody(BaseModel):
    """The body of a post, in the machine's own words."""

    model_config = ConfigDict(extra="forbid")

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_MESSAGES)


class IngestAnswer(BaseModel):
    received: int = Field(description="How many items came")
    stored: int = Field(description="How many of them were new")
    duplicates: int = Field(description="How many moments were stored already; they stay as they are")
    errors: dict[str, str] = Field(description="JSON path -> what is wrong there. Such items are not stored")
