"""Readings that gateways and machines post, through the same door as those we fetch.

What is wrong with one of them is told by its path, and costs the others nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from pydantic import ValidationError
from rest_framework.exceptions import ValidationError as Refused

from connectors import ConnectorError, Reading, parse_config
from connectors.mapping import merge_readings, parse_document
from connectors.mapping_settings import DocumentMapping
from connectors.validation import describe_validation_error
from equipment.models import ConnectionEventType, ConnectionLog, Equipment, IoTConnectionStatus
from equipment.services import record_connection_events
from telemetry.ingest_models import EARLIEST, IngestAnswer, IngestedReading
from telemetry.services import CLOCK_TOLERANCE, EquipmentReading, store_sensor_readings

# Older ones are history that somebody brings in, and do not say that the machine is there now.
FRESH = timedelta(minutes=15)
MOST_ERRORS = 100
NO_MAPPING = (
    "Nothing says where in this machine's messages the values are. Post iot-config with the protocol rest_api and an "
    "additional_config.mapping first; with supports_realtime false we do not dial the machine ourselves."
)


class ItemError(Exception):
    """One item is wrong. `fields`: JSON path within it -> sentence."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.fields = fields


def ingest_readings(equipment: Equipment, items: Sequence[Any]) -> IngestAnswer:
    """Store readings in our own shape. Raises REST framework's `ValidationError` if none of them is one."""
    now = timezone.now()
    readings, errors = _parse_all("readings", items, lambda item: _parse_reading(item, now))
    return _store(equipment, items, readings, errors, now)


def ingest_messages(equipment: Equipment, items: Sequence[Any]) -> IngestAnswer:
    """Store what the machine's own messages say, by the mapping of its connection.

    Messages of the same moment become one reading: some machines send one for each chamber.
    """
    now = timezone.now()
    mapping, root = _get_mapping(equipment)
    parsed, errors = _parse_all("messages", items, lambda item: _parse_message(item, mapping, root, now))
    merged: dict[datetime, Reading] = {}
    for reading in parsed:
        known = merged.get(reading.reading_time)
        merged[reading.reading_time] = merge_readings(known, reading) if known else reading
    return _store(equipment, items, list(merged.values()), errors, now)


def _parse_all(
    name: str, items: Sequence[Any], parse: Callable[[Any], Reading]
) -> tuple[list[Reading], dict[str, str]]:
    readings, errors = [], {}
    for number, item in enumerate(items):
        try:
            readings.append(parse(item))
        except ItemError as error:
            for path, sentence in error.fields.items():
                errors[".".join(filter(None, (name, str(number), path)))] = sentence
    return readings, dict(list(errors.items())[:MOST_ERRORS])


def _parse_reading(item: Any, now: datetime) -> Reading:
    if not isinstance(item, Mapping):
        raise ItemError({"": "This must be an object in curly brackets: names and values."})
    try:
        values = IngestedReading.model_validate(item)
    except ValidationError as error:
        raise ItemError(describe_validation_error(error, IngestedReading, noun="value")) from None
    if values.reading_time > now + CLOCK_TOLERANCE:
        raise ItemError({"reading_time": "This lies in the future. Set the clock of whoever sends it."})
    if values.reading_time < EARLIEST:
        raise ItemError({"reading_time": f"This lies before {EARLIEST.year}. Set the clock of whoever sends it."})
    return Reading(**dict(values))


def _parse_message(item: Any, mapping: DocumentMapping, root: str | None, now: datetime) -> Reading:
    try:
        return parse_document(item, mapping, root=root, received_at=now)
    except ConnectorError as error:
        raise ItemError({"": str(error)}) from None


def _get_mapping(equipment: Equipment) -> tuple[DocumentMapping, str | None]:
    if not equipment.iot_protocol:
        raise Refused(NO_MAPPING)
    options = parse_config(equipment.iot_protocol, equipment.connector_config).additional_config
    mapping = getattr(options, "mapping", None)
    if not isinstance(mapping, DocumentMapping):
        raise Refused(NO_MAPPING)
    return mapping, getattr(options, "root", None)


def _store(
    equipment: Equipment, items: Sequence[Any], readings: list[Reading], errors: dict[str, str], now: datetime
) -> IngestAnswer:
    if not readings:
        raise Refused(errors)
    batch = [EquipmentReading(equipment_id=equipment.pk, reading=one, received_at=now) for one in readings]
    stored = store_sensor_readings(batch)
    _note_connection(equipment, max(readings, key=lambda one: one.reading_time), now)
    return IngestAnswer(received=len(items), stored=stored, duplicates=len(readings) - stored, errors=errors)


def _note_connection(equipment: Equipment, newest: Reading, now: datetime) -> None:
    """A machine that only posts is connected when it posts. Of one that we poll the poll worker knows better."""
    is_polled = equipment.iot_enabled and equipment.supports_realtime and equipment.iot_protocol
    is_known = equipment.iot_connection_status == IoTConnectionStatus.CONNECTED
    if is_polled or is_known or now - newest.reading_time > FRESH:
        return
    event = ConnectionLog(
        equipment=equipment,
        event_type=ConnectionEventType.CONNECTED,
        event_time=now,
        connection_status=IoTConnectionStatus.CONNECTED,
        data_points_received=newest.data_points,
    )
    record_connection_events([event])
