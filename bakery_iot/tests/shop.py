"""What happens in the shop while the browser looks on. All of it touches the database: run it backstage."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from connectors import CycleStage, DoorStatus, OperationalStatus, Reading
from equipment.models import Batch, ConnectionEventType, ConnectionLog, Equipment, IoTConnectionStatus
from equipment.services import record_connection_events
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.services import EquipmentReading, store_sensor_readings

HOSTILE = "<img src=x onerror='window.pwned=1'>"


def make_shop(*names: str, groups: tuple[str, ...] = (), **values: Any) -> tuple[User, list[Equipment]]:
    user = make_user(*groups)
    bakery = make_bakery(user, name="Panadería del Sol")
    connected = {"iot_enabled": True, "iot_protocol": "rest_api", "iot_connection_status": "connected"}
    return user, [make_equipment(bakery, name=name, **{**connected, "place": "Bakehouse", **values}) for name in names]


def measure(equipment: Equipment, temperature: float | None = 221.0, seconds_ago: float = 0, **values: Any) -> None:
    """One reading arrives, as from a poll worker."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    defaults: dict[str, Any] = {
        "target_temperature": 220.0,
        "operational_status": OperationalStatus.IDLE,
        "cycle_stage": CycleStage.NONE,
        "door_status": DoorStatus.CLOSED,
    }
    reading = Reading(reading_time=at, temperature=temperature, **{**defaults, **values})
    store_sensor_readings([EquipmentReading(equipment_id=equipment.pk, reading=reading, received_at=at)])


def bake(equipment: Equipment, minutes_left: int, **values: Any) -> None:
    running = {"operational_status": OperationalStatus.RUNNING, "cycle_stage": CycleStage.BAKING}
    measure(
        equipment, **{**running, "time_remaining_minutes": minutes_left, "cycle_progress_percentage": 40.0, **values}
    )


def load(equipment: Equipment, product: str) -> Batch:
    return Batch.objects.create(equipment=equipment, product=product, number="7", started_at=datetime.now(UTC))


def connection_lost(equipment: Equipment, sentence: str, at: datetime | None = None) -> None:
    event = ConnectionLog(
        equipment=equipment,
        event_type=ConnectionEventType.DISCONNECTED,
        event_time=at or datetime.now(UTC),
        connection_status=IoTConnectionStatus.DISCONNECTED,
        error_message=sentence,
        error_code="refused",
    )
    record_connection_events([event])
