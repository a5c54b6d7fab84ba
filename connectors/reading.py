"""What a machine said, in one shape: °C, %, kWh, kg and minutes; the words are those of OPC 30200.

Unknown is None, never 0. A value that is not good is named in `quality`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# Named tables for the person who tests a connection, such as a register in all its word orders. Values are plain JSON.
Details = Mapping[str, Sequence[Mapping[str, Any]]]


class OperationalStatus(StrEnum):
    OFF = "off"
    STANDBY = "standby"
    IDLE = "idle"
    PREHEATING = "preheating"
    RUNNING = "running"
    PAUSED = "paused"
    COOLING = "cooling"
    CLEANING = "cleaning"
    MAINTENANCE = "maintenance"
    ERROR = "error"
    UNKNOWN = "unknown"


class CycleStage(StrEnum):
    PREHEATING = "preheating"
    PROOFING = "proofing"
    STEAMING = "steaming"
    BAKING = "baking"
    RESTING = "resting"
    HOLDING = "holding"
    COOLING = "cooling"
    CLEANING = "cleaning"
    FINISHED = "finished"
    NONE = "none"


class DoorStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


VALUE_FIELDS = (
    "temperature",
    "target_temperature",
    "humidity",
    "energy_consumption_kwh",
    "motor_speed",
    "steam_level",
    "product_weight",
    "moisture_content",
    "cycle_progress_percentage",
    "time_remaining_minutes",
    "operational_status",
    "cycle_stage",
    "door_status",
)
ZONE_FIELDS = ("temperature_zones", "target_temperature_zones")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One moment of one machine. `reading_time` is aware and in UTC."""

    reading_time: datetime
    temperature: float | None = None  # chamber of zone 1, never the core probe
    target_temperature: float | None = None
    temperature_zones: Mapping[str, float | None] = field(default_factory=dict)
    target_temperature_zones: Mapping[str, float | None] = field(default_factory=dict)
    humidity: float | None = None
    energy_consumption_kwh: float | None = None  # a counter that only grows, until the machine resets it
    motor_speed: float | None = None  # %
    steam_level: float | None = None  # %
    product_weight: float | None = None  # kg
    moisture_content: float | None = None  # %
    cycle_progress_percentage: float | None = None
    time_remaining_minutes: int | None = None
    operational_status: OperationalStatus | None = None
    cycle_stage: CycleStage | None = None
    door_status: DoorStatus | None = None
    additional_sensors: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, str] = field(default_factory=dict)  # field -> uncertain | bad | stale

    def __post_init__(self) -> None:
        if self.reading_time.utcoffset() is None:
            raise ValueError("reading_time needs a time zone")

    @property
    def data_points(self) -> int:
        """How many values came, zones and additional sensors counted one by one."""
        maps = (self.temperature_zones, self.target_temperature_zones, self.additional_sensors)
        nested = sum(value is not None for values in maps for value in values.values())
        return nested + sum(getattr(self, name) is not None for name in VALUE_FIELDS)

    @property
    def features(self) -> list[str]:
        """Names of the fields that hold a value, as in the guide's `supported_features`."""
        present = [name for name in VALUE_FIELDS if getattr(self, name) is not None]
        maps = [name for name in (*ZONE_FIELDS, "additional_sensors") if getattr(self, name)]
        return sorted(present + maps)


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What a machine can tell, judged by what it has told."""

    supported_features: tuple[str, ...] = ()
    temperature_zones: tuple[str, ...] = ()
    supports_realtime: bool = True
    supports_humidity: bool = False
    supports_energy_monitoring: bool = False
    supports_remote_control: bool = False
    remarks: tuple[str, ...] = ()  # sentences for the person who tests the connection
    details: Details = field(default_factory=dict)

    @classmethod
    def from_reading(
        cls, reading: Reading, remarks: tuple[str, ...] = (), details: Details | None = None
    ) -> "Capabilities":
        return cls(
            supported_features=tuple(reading.features),
            temperature_zones=tuple(reading.temperature_zones),
            supports_humidity=reading.humidity is not None,
            supports_energy_monitoring=reading.energy_consumption_kwh is not None,
            remarks=remarks,
            details=details or {},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionTest:
    """The result of a try: a failure is an answer here. `message` is for people in either case."""

    success: bool
    status: str  # connected | disconnected | error
    response_time_ms: int
    message: str
    supported_features: list[str] = field(default_factory=list)
    error_details: str | None = None
    error_code: str | None = None
    reading: Reading | None = None
    details: Details = field(default_factory=dict)
