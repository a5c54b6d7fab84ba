"""METRICS: one line per measured value. The store, the API and the pages take their columns from here."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The PostgreSQL type in which a value is kept. `real` carries more digits than any oven's sensor."""

    REAL = "real"
    DOUBLE = "double precision"
    SMALLINT = "smallint"
    STATE = "state"
    JSON = "jsonb"


class Metric(NamedTuple):
    field: str
    label: str
    unit: str
    decimals: int
    kind: Kind = Kind.REAL


METRICS = (
    Metric("temperature", "Temperature", "°C", 0),
    Metric("target_temperature", "Target", "°C", 0),
    Metric("temperature_zones", "Temperature by zone", "°C", 0, Kind.JSON),
    Metric("target_temperature_zones", "Target by zone", "°C", 0, Kind.JSON),
    Metric("humidity", "Humidity", "%", 0),
    # A counter of a few years needs more than the 24 bits of `real`.
    Metric("energy_consumption_kwh", "Energy", "kWh", 1, Kind.DOUBLE),
    Metric("operational_status", "Status", "", 0, Kind.STATE),
    Metric("cycle_stage", "Stage", "", 0, Kind.STATE),
    Metric("cycle_progress_percentage", "Progress", "%", 0),
    Metric("time_remaining_minutes", "Time left", "min", 0, Kind.SMALLINT),
    Metric("motor_speed", "Fan", "%", 0),
    Metric("door_status", "Door", "", 0, Kind.STATE),
    Metric("steam_level", "Steam", "%", 0),
    Metric("product_weight", "Weight", "kg", 2),
    Metric("moisture_content", "Moisture", "%", 1),
    Metric("additional_sensors", "Further sensors", "", 1, Kind.JSON),
    Metric("quality", "Quality", "", 0, Kind.JSON),
)
FIELDS = tuple(metric.field for metric in METRICS)
