"""The bakery that the examples of the API speak of."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User

from alerts.models import Alert, AlertRule, Notification, PushSubscription, Webhook
from alerts.notification_models import Channel
from alerts.webhooks import make_secret
from bakery_iot.openapi_examples import ALERT, BATCH, DELIVERY, DEVICE, EQUIPMENT, MESSAGE_SENT, PARAMETERS, WEBHOOK
from connectors.reading import CycleStage, OperationalStatus, Reading
from equipment.models import Bakery, Batch, Equipment
from equipment.tests.factories import make_bakery, make_equipment, make_user
from telemetry.services import EquipmentReading, store_sensor_readings

GUIDE_TIME = datetime(2025, 1, 12, 10, 30, tzinfo=UTC)
NO_LIMITS = dict.fromkeys(("sign-in", "test-connection", "test-message", "ingest"), "100000/min")


def make_example_world() -> User:
    """A manager of the bakery, with everything in it that the examples name."""
    anna = make_user("manager", username="anna")
    bakery = make_bakery(anna, make_user("staff", username="ben"), name="Sol", slug="sol")
    oven = make_equipment(bakery, uuid=EQUIPMENT, name="Horno Principal #1", iot_connection_status="connected")
    _bake(oven)
    what: dict[str, Any] = {"alert_type": "door_open", "cause": "door_open", "severity": "critical"}
    Alert.objects.create(uuid=ALERT, bakery=bakery, equipment=oven, message="The door is open.", **what)
    AlertRule.objects.create(pk=PARAMETERS["rule_id"], equipment=oven, alert_type="door_open")
    _send(anna, bakery)
    mapping = {"timestamp": "_ts", "temperature": {"path": "act_temp[0]", "scale": 0.1}}
    Equipment.objects.update(
        supports_realtime=False,
        iot_protocol="rest_api",
        iot_endpoint="https://192.168.1.20",
        iot_config={"mapping": mapping, "auth": "none"},
    )
    return anna


def _send(anna: User, bakery: Bakery) -> None:
    phone = PushSubscription.objects.create(
        uuid=DEVICE, user=anna, device="Phone", endpoint="https://example.com/push", endpoint_hash="1"
    )
    Notification.objects.create(uuid=MESSAGE_SENT, user=anna, subscription=phone, channel=Channel.PUSH)
    webhook = Webhook.objects.create(
        uuid=WEBHOOK, bakery=bakery, name="Till", url="https://example.com/hook", secret=make_secret()
    )
    Notification.objects.create(uuid=DELIVERY, webhook=webhook, channel=Channel.WEBHOOK)


def _bake(oven: Equipment) -> None:
    Batch.objects.create(
        uuid=BATCH, equipment=oven, product="Baguettes", number="123", started_at=GUIDE_TIME, external_id="ERP-4711"
    )
    reading = Reading(
        reading_time=GUIDE_TIME,
        temperature=185.5,
        temperature_zones={"cabinet": 180, "core": 72},
        humidity=65.0,
        operational_status=OperationalStatus.RUNNING,
        cycle_stage=CycleStage.BAKING,
        cycle_progress_percentage=45.0,
        time_remaining_minutes=12,
        energy_consumption_kwh=12.5,
    )
    store_sensor_readings([EquipmentReading(equipment_id=oven.pk, reading=reading, received_at=GUIDE_TIME)])
