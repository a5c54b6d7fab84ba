"""Readings as text, for their way through the broker when the database is away."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from telemetry.services import EquipmentReading

_adapter = TypeAdapter(list[EquipmentReading])


def dump_readings(batch: Sequence[EquipmentReading]) -> str:
    return _adapter.dump_json(list(batch)).decode()


def parse_readings(text: str) -> list[EquipmentReading]:
    return _adapter.validate_json(text)
