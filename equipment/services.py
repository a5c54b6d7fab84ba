"""What can be done to machines and their connection. Everything that writes here says so upwards."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from celery.exceptions import TimeoutError as ResultTimeout
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from connectors import ConfigurationError, ConnectionTest, Reading, parse_config
from equipment.credentials import may_reuse_credentials
from equipment.fields import encrypt_json
from equipment.models import ConnectionEventType, ConnectionLog, Equipment, IoTConnectionStatus
from equipment.policy import address_policy as address_policy
from equipment.signals import connection_changed
from equipment.tasks import run_connection_test

# How long the gateway's worker may take to pick the test up and bring the answer, beyond the machine's own timeout.
GATEWAY_PATIENCE_SECONDS = 8
CONNECTION_COLUMNS = {
    "protocol": "iot_protocol",
    "endpoint": "iot_endpoint",
    "port": "iot_port",
    "credentials": "iot_credentials",
    "additional_config": "iot_config",
    "supports_realtime": "supports_realtime",
    "poll_interval_seconds": "poll_interval_seconds",
}


def complete_settings(equipment: Equipment, posted: Mapping[str, Any]) -> dict[str, Any]:
    """The posted settings with the stored credentials where none were posted. Raises `ConfigurationError`."""
    protocol = posted.get("protocol") or equipment.iot_protocol
    config = {key: posted[key] for key in ("endpoint", "port", "additional_config") if key in posted}
    if "credentials" in posted:
        config["credentials"] = posted["credentials"]
    elif equipment.iot_credentials and may_reuse_credentials(equipment, {"protocol": protocol, **config}):
        config["credentials"] = equipment.iot_credentials
    elif equipment.iot_credentials:
        _check_without_credentials(protocol, config)
        config["credentials"] = {}
    parse_config(protocol, config)
    return {"protocol": protocol, "config": config}


def _check_without_credentials(protocol: str, config: Mapping[str, Any]) -> None:
    """The stored ones must not go to this address. Raises `ConfigurationError` unless the protocol has none."""
    again = {"credentials": "The address is a new one. Enter the credentials again, so that they cannot leak."}
    try:
        parsed = parse_config(protocol, config)
    except ConfigurationError as error:
        if "protocol" in error.fields:
            raise
        others = {path: text for path, text in error.fields.items() if not path.startswith("credentials")}
        raise ConfigurationError(fields={**others, **again}) from None
    if type(parsed.credentials).model_fields:
        raise ConfigurationError(fields=again)


def configure_equipment_iot(equipment: Equipment, posted: Mapping[str, Any]) -> Equipment:
    """Save the connection in the shape of the guide's request body, and switch it on.

    Raises `ConfigurationError` with JSON paths. The poll worker sees the new `config_version` within a second.
    """
    complete = complete_settings(equipment, posted)
    values = {"protocol": complete["protocol"], "port": None, "additional_config": {}, **complete["config"]}
    for key in ("supports_realtime", "poll_interval_seconds"):
        if key in posted:
            values[key] = posted[key]
    for key, value in values.items():
        setattr(equipment, CONNECTION_COLUMNS[key], value)
    equipment.iot_enabled = True
    with transaction.atomic():
        equipment.save(update_fields=[*(CONNECTION_COLUMNS[key] for key in values), "iot_enabled"])
        touch_connection(equipment)
    return equipment


def touch_connection(equipment: Equipment) -> None:
    """Have the poll worker take the line up anew, and forget what was wrong with the old settings."""
    Equipment.objects.filter(pk=equipment.pk).update(
        config_version=F("config_version") + 1,
        iot_connection_status=IoTConnectionStatus.UNKNOWN,
        iot_connection_error="",
        iot_connection_error_code="",
    )
    event = ConnectionLog(
        equipment=equipment,
        event_type=ConnectionEventType.CONFIGURED,
        event_time=timezone.now(),
        connection_status=IoTConnectionStatus.UNKNOWN,
    )
    event.save()
    equipment.refresh_from_db(
        fields=["config_version", "iot_connection_status", "iot_connection_error", "iot_connection_error_code"]
    )
    _tell([equipment.pk], [event])


def test_connection(equipment: Equipment, posted: Mapping[str, Any] | None = None) -> ConnectionTest:
    """Try the posted settings, else the saved ones, from the bakery's gateway. A failure is a result.

    Raises `ConfigurationError` for settings that cannot be tried. The outcome is kept as a `ConnectionLog` row, unless
    the machine itself is not saved yet.
    """
    complete = complete_settings(equipment, {**_saved_settings(equipment, posted or {}), **(posted or {})})
    result = _ask_gateway(equipment, complete)
    if equipment.pk is None:
        return result
    record_connection_test(equipment, result)
    if result.success and complete == {"protocol": equipment.iot_protocol, "config": equipment.connector_config}:
        _revive_line(equipment)
    return result


def _saved_settings(equipment: Equipment, posted: Mapping[str, Any]) -> dict[str, Any]:
    """What fills up a body that names only a part, such as another timeout: not if it is of another protocol."""
    if posted.get("protocol", equipment.iot_protocol) != equipment.iot_protocol:
        return {}
    saved = equipment.connector_config
    del saved["credentials"]  # complete_settings knows where they may go
    return saved


def _revive_line(equipment: Equipment) -> None:
    """A refused password ends a line for good. When the saved one works again, the poll worker makes a new line."""
    given_up = Equipment.objects.filter(pk=equipment.pk, iot_connection_status=IoTConnectionStatus.ERROR)
    given_up.update(config_version=F("config_version") + 1)


def _ask_gateway(equipment: Equipment, complete: Mapping[str, Any]) -> ConnectionTest:
    gateway = equipment.bakery.gateway
    parsed = parse_config(complete["protocol"], complete["config"])
    patience = parsed.additional_config.timeout + GATEWAY_PATIENCE_SECONDS
    sealed, policy = encrypt_json(complete), dataclasses.asdict(address_policy())
    arguments = (equipment.pk, str(equipment.uuid), sealed, policy, gateway.slug)
    try:
        # Taken up later than that, it would keep the machine from being read, and nobody would wait for its end.
        expires = GATEWAY_PATIENCE_SECONDS
        waiting = run_connection_test.apply_async(arguments, queue=gateway.queue, expires=expires, retry=False)
        answer = waiting.get(timeout=patience, disable_sync_subtasks=False)
    except ResultTimeout:
        return _no_test(
            f"The gateway {gateway.name} did not take up the test within {patience:.0f} s. "
            "Is its poll worker running, and can it reach this server?",
            "gateway",
        )
    except (BrokerError, RedisError, OSError):
        return _no_test("The test could not be sent: Redis is not reachable. Try again in a minute.", "broker")
    if answer["reading"]:
        answer["reading"] = Reading(**answer["reading"])
    return ConnectionTest(**answer)


def _no_test(sentence: str, code: str) -> ConnectionTest:
    return ConnectionTest(
        success=False,
        status=IoTConnectionStatus.DISCONNECTED,
        response_time_ms=0,
        message=sentence,
        error_details=sentence,
        error_code=code,
    )


def record_connection_test(equipment: Equipment, result: ConnectionTest) -> None:
    event = ConnectionLog(
        equipment=equipment,
        event_type=ConnectionEventType.TEST,
        event_time=timezone.now(),
        connection_status=result.status,
        error_message=result.error_details or "",
        error_code=result.error_code or "",
        response_time_ms=result.response_time_ms,
        data_points_received=result.reading.data_points if result.reading else None,
    )
    event.save()
    _tell([equipment.pk], [event])


def record_connection_events(events: Sequence[ConnectionLog]) -> None:
    """Keep what happened to the lines, and show it as the machines' status. Unsaved rows in, in order of time."""
    newest = {event.equipment_id: event for event in events}
    with transaction.atomic():
        known = set(Equipment.objects.filter(pk__in=newest).values_list("pk", flat=True))
        ConnectionLog.objects.bulk_create(event for event in events if event.equipment_id in known)
        _show_states(list(newest.values()))
        _tell(sorted(known), [event for event in events if event.equipment_id in known])


# One statement: after a restart a thousand lines are opened within seconds.
_SHOW_STATES = """
UPDATE equipment SET
    iot_connection_status = event.status, iot_connection_error = event.message, iot_connection_error_code = event.code,
    iot_last_connected = CASE WHEN event.status = 'connected' THEN event.at ELSE equipment.iot_last_connected END
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
    AS event (equipment_id, status, message, code, at)
WHERE equipment.id = event.equipment_id
"""


def _show_states(events: Sequence[ConnectionLog]) -> None:
    columns: list[Any] = [
        [event.equipment_id for event in events],
        [str(event.connection_status) for event in events],
        [event.error_message for event in events],
        [event.error_code for event in events],
        [event.event_time for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SHOW_STATES, columns)


def set_iot_enabled(equipment: Equipment, enabled: bool) -> None:
    """Start or stop reading the machine; its settings stay."""
    equipment.iot_enabled = enabled
    equipment.save(update_fields=["iot_enabled"])  # and not update(): the audit trail hears only of rows
    touch_connection(equipment)


def archive_equipment(equipment: Equipment) -> None:
    """Take the machine out of the pages and off the line. Its readings and batches stay, for the records."""
    equipment.archived_at, equipment.iot_enabled = timezone.now(), False
    equipment.save(update_fields=["archived_at", "iot_enabled"])
    _tell([equipment.pk])


def _tell(equipment_ids: Sequence[int], events: Sequence[ConnectionLog] = ()) -> None:
    transaction.on_commit(lambda: connection_changed.send(sender=Equipment, equipment_ids=equipment_ids, events=events))
