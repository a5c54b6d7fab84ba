"""What the machines said: every reading, and the latest of each machine.

Readings are written only by `telemetry.store`, in batches of one statement; there is no `save()` on the way.
"""

from typing import Any

from django.db import models

from connectors.reading import CycleStage, DoorStatus, OperationalStatus
from equipment.models import Equipment
from telemetry.load_models import GatewayLoad as GatewayLoad

# A state is kept as the number of its word here. Append only: the numbers are in the database.
OPERATIONAL_STATUSES = (
    OperationalStatus.UNKNOWN,
    OperationalStatus.OFF,
    OperationalStatus.STANDBY,
    OperationalStatus.IDLE,
    OperationalStatus.PREHEATING,
    OperationalStatus.RUNNING,
    OperationalStatus.PAUSED,
    OperationalStatus.COOLING,
    OperationalStatus.CLEANING,
    OperationalStatus.MAINTENANCE,
    OperationalStatus.ERROR,
)
CYCLE_STAGES = (
    CycleStage.NONE,
    CycleStage.PREHEATING,
    CycleStage.PROOFING,
    CycleStage.STEAMING,
    CycleStage.BAKING,
    CycleStage.RESTING,
    CycleStage.HOLDING,
    CycleStage.COOLING,
    CycleStage.CLEANING,
    CycleStage.FINISHED,
)
DOOR_STATUSES = (DoorStatus.CLOSED, DoorStatus.OPEN)
STATES: dict[str, tuple[Any, ...]] = {
    "operational_status": OPERATIONAL_STATUSES,
    "cycle_stage": CYCLE_STAGES,
    "door_status": DOOR_STATUSES,
}


class Real(models.FloatField):  # type: ignore[type-arg]
    """Four bytes. A year of one oven at a minute is 25 MB smaller than with eight."""

    def db_type(self, connection: Any) -> str:
        return "real"


def state_field(words: tuple[Any, ...]) -> "models.SmallIntegerField[int | None, int | None]":
    return models.SmallIntegerField(null=True, choices=[(number, str(word)) for number, word in enumerate(words)])


class Measured(models.Model):
    """The columns of one reading. Units are the guide's: °C, %, kWh, minutes. Unknown is NULL, never 0."""

    received_at = models.DateTimeField()
    temperature = Real(null=True)
    target_temperature = Real(null=True)
    temperature_zones = models.JSONField(null=True)
    target_temperature_zones = models.JSONField(null=True)
    humidity = Real(null=True)
    energy_consumption_kwh = models.FloatField(null=True)
    operational_status = state_field(OPERATIONAL_STATUSES)
    cycle_stage = state_field(CYCLE_STAGES)
    cycle_progress_percentage = Real(null=True)
    time_remaining_minutes = models.SmallIntegerField(null=True)
    motor_speed = Real(null=True)
    door_status = state_field(DOOR_STATUSES)
    steam_level = Real(null=True)
    product_weight = Real(null=True)
    moisture_content = Real(null=True)
    additional_sensors = models.JSONField(null=True)
    quality = models.JSONField(null=True)

    class Meta:
        abstract = True


class SensorReading(Measured):
    """One reading of one machine. Partitioned by week; the moment is the machine's own where it has a clock."""

    pk = models.CompositePrimaryKey("equipment_id", "reading_time")
    # Neither an index (the key serves) nor a constraint (it would cost a look-up per row): machines are archived.
    equipment = models.ForeignKey(
        Equipment, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    reading_time = models.DateTimeField()

    class Meta:
        db_table = "equipment_sensor_readings"

    def __str__(self) -> str:
        return f"{self.equipment_id} at {self.reading_time}"


class LatestReading(Measured):
    """The newest reading of each machine, guarded by time: a late one does not overwrite it."""

    equipment = models.OneToOneField(
        Equipment, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="latest_reading"
    )
    reading_time = models.DateTimeField()

    class Meta:
        db_table = "equipment_latest_readings"

    def __str__(self) -> str:
        return f"{self.equipment_id} at {self.reading_time}"
