"""What the machines said: every reading, and the latest of each machine.

Readings are written only by `telemetry.store`, in batches of one statement; there is no `save()` on the way.
"""

from django.db import models

from equipment.models import Equipment
from telemetry.columns import CYCLE_STAGES, DOOR_STATUSES, OPERATIONAL_STATUSES, STATES, Real, state_field
from telemetry.load_models import GatewayLoad
from telemetry.retention_models import Retention
from telemetry.rollup_models import DayRollup, HourRollup, MinuteRollup, QuarterHourRollup

__all__ = [
    "STATES",
    "DayRollup",
    "GatewayLoad",
    "HourRollup",
    "LatestReading",
    "MinuteRollup",
    "QuarterHourRollup",
    "Real",
    "Retention",
    "SensorReading",
]


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
