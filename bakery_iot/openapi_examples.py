"""One example for each operation of the API. `bakery_iot/tests/test_openapi.py` runs all of them."""

from typing import Any, NamedTuple

EQUIPMENT = "0c9a6c1e-5d0b-4b9f-9a57-3f1f6a8e2d44"
BATCH = "5f0e0a52-8f5e-4c43-9b7b-4c7a1d9f3b10"
ALERT = "b7a3a1de-0c4f-4c0a-8f0e-2f6d5f8f6c21"
WEBHOOK = "0d5a2e0c-6f0e-4f1b-8f57-1d3b7a9c5e42"
DELIVERY = "3c1f6d5e-9a4b-4a55-b0c3-7e2d8f1a6b90"
MESSAGE_SENT = "a4e2b7c8-1d3f-4c6a-9b5e-2f8d7c6b5a41"
DEVICE = "e8d7c6b5-4a39-4b2c-8d1e-0f9a8b7c6d52"
# What stands in the addresses.
PARAMETERS: dict[str, Any] = {
    "equipment_id": EQUIPMENT,
    "batch_id": BATCH,
    "alert_id": ALERT,
    "rule_id": 4711,
    "external_id": "ERP-4711",
    "bakery": "sol",
    "username": "ben",
    "webhook_id": WEBHOOK,
    "delivery_id": DELIVERY,
    "notification_id": MESSAGE_SENT,
    "device_id": DEVICE,
}
DAY = {"start": "2025-01-12T00:00:00Z", "end": "2025-01-13T00:00:00Z"}
CONNECTION: dict[str, Any] = {
    "protocol": "rational",
    "endpoint": "https://www.connectedcooking.com/api/v1",
    "port": 443,
    "credentials": {"username": "user@example.com", "password": "password"},
    "additional_config": {"unit_id": "12345"},
}
REALTIME_DATA = {
    "equipment_id": EQUIPMENT,
    "equipment_name": "Horno Principal #1",
    "timestamp": "2025-01-12T10:30:00Z",
    "connection_status": "connected",
    "temperature": 185.5,
    "temperature_zones": {"cabinet": 180, "core": 72},
    "humidity": 65.0,
    "operational_status": "running",
    "cycle_stage": "baking",
    "cycle_progress_percentage": 45.0,
    "time_remaining_minutes": 12,
    "energy_consumption_kwh": 12.5,
    "active_batch_id": BATCH,
    "active_batch_name": "Baguettes - Batch #123",
}
MESSAGE = {
    "_src": [12, 3],
    "_cmd": "wr",
    "_id": 7,
    "_ts": "2025-01-12T10:31:00Z",
    "set_temp": [1500, 1550],
    "act_temp": ["1498", None],
    "faults": "00000010",
}


class Example(NamedTuple):
    name: str
    body: Any = None
    query: dict[str, Any] = {}  # noqa: RUF012
    answer: Any = None


EXAMPLES: dict[str, Example] = {
    "sign_in": Example("user", body={"username": "anna", "password": "correct horse battery staple"}),
    "list_equipment": Example("bakery", query={"bakery": "sol", "type": "oven", "page_size": 50}),
    "create_equipment": Example("oven", body={"name": "Steinofen", "bakery": "sol", "type": "oven", "place": "left"}),
    "change_equipment": Example("place", body={"place": "Bakehouse, right"}),
    "configure_iot": Example("rational", body={**CONNECTION, "supports_realtime": True, "poll_interval_seconds": 30}),
    "test_connection": Example("rational", body=CONNECTION),
    "get_realtime_data": Example("guide", answer=REALTIME_DATA),
    "get_sensor_history": Example("day", query={**DAY, "points": 300, "fields": "temperature,humidity"}),
    "export_csv": Example("spreadsheet", query={**DAY, "separator": ";", "decimal": ","}),
    "export_ndjson": Example("day", query=DAY),
    "export_parquet": Example("day", query=DAY),
    "list_connection_logs": Example("trouble", query={"event_type": "error", "after": DAY["start"]}),
    "list_haccp_records": Example("page", query={"page_size": 50}),
    "list_cooking_programmes": Example("page", query={"page_size": 50}),
    "send_readings": Example(
        "one",
        body={
            "readings": [
                {
                    "reading_time": "2025-01-12T10:31:00Z",
                    "temperature": 186.0,
                    "temperature_zones": {"cabinet": 181, "core": 73},
                    "operational_status": "running",
                    "additional_sensors": {"flue": 140, "program": "Baguette"},
                }
            ]
        },
    ),
    "send_messages": Example("connectware", body={"messages": [MESSAGE]}),
    "list_batches": Example("running", query={"bakery": "sol", "active": True}),
    "start_batch": Example(
        "baguettes",
        body={
            "equipment_id": EQUIPMENT,
            "product": "Baguettes",
            "number": "124",
            "target_temperature": 220,
            "expected_minutes": 25,
            "external_id": "ERP-4712",
        },
    ),
    "change_batch": Example("number", body={"number": "123b", "expected_minutes": 30}),
    "end_batch": Example("now", body={}),
    "put_external_batch": Example(
        "erp", body={"product": "Baguettes", "started_at": "2025-01-12T10:15:00Z", "expected_minutes": 25}
    ),
    "get_batch_tracking": Example("coarse", query={"points": 100, "fields": "temperature,target_temperature"}),
    "create_bakery": Example(
        "luna", body={"slug": "luna", "name": "Luna", "time_zone": "Atlantic/Canary", "gateway": "central"}
    ),
    "change_bakery": Example("name", body={"name": "Panadería Sol"}),
    "set_member": Example("partner", body={"until": None}),
    "list_iot_alerts": Example("critical", query={"status": "open", "severity": "critical"}),
    "acknowledge_iot_alert": Example("two_hours", body={"hours": 2}),
    "assign_iot_alert": Example("ben", body={"username": "ben"}),
    "note_iot_alert": Example("note", body={"text": "The seal is worn, the technician comes at ten."}),
    "resolve_iot_alert": Example("seal", body={"corrective_action": "The seal was changed."}),
    "snooze_iot_alert": Example("evening", body={"until": "2025-01-12T18:00:00Z", "reason": "Waits for a part"}),
    "create_alert_rule": Example(
        "limit",
        body={"equipment_id": EQUIPMENT, "alert_type": "limit", "metric": "temperature", "upper": 260},
    ),
    "change_notification_preference": Example(
        "at_night",
        body={
            "email_from": "warning",
            "push_from": "critical",
            "quiet_starts": "22:00:00",
            "quiet_ends": "04:00:00",
            "criticals_pass": True,
        },
    ),
    "send_test_notification": Example("push", body={"channel": "push"}),
    "create_push_subscription": Example(
        "phone",
        body={
            "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/example",
            "keys": {
                "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                "auth": "BTBZMqHH6r4Tts7J_aSIgg",
            },
            "device": "Anna's phone",
        },
    ),
    "create_webhook": Example(
        "maintenance",
        body={
            "bakery": "sol",
            "name": "Maintenance desk",
            "url": "https://example.com/hooks/ovens",
            "severity_from": "warning",
        },
    ),
    "change_webhook": Example("pause", body={"enabled": False}),
    "change_alert_rule": Example("delay", body={"on_delay_seconds": 120}),
}
