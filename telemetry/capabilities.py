"""What a machine can tell: by what it has told, and by what was entered about it."""

from typing import Any

from connectors.preset import find_preset
from connectors.reading import VALUE_FIELDS, ZONE_FIELDS
from equipment.models import Equipment
from telemetry.models import LatestReading


def get_capabilities(equipment: Equipment) -> dict[str, Any]:
    """In the words of the guide's `get_capabilities`. A machine that is silent still has what was entered."""
    latest = LatestReading.objects.filter(equipment=equipment).first()
    told = [name for name in VALUE_FIELDS if getattr(latest, name, None) is not None]
    told += [name for name in (*ZONE_FIELDS, "additional_sensors") if getattr(latest, name, None)]
    preset = find_preset(equipment.preset)
    return {
        "equipment_id": str(equipment.uuid),
        "equipment_name": equipment.name,
        "protocol": equipment.iot_protocol,
        "supported_features": sorted(told),
        "temperature_zones": sorted((latest and latest.temperature_zones) or {}),
        "additional_sensors": sorted((latest and latest.additional_sensors) or {}),
        "supports_realtime": equipment.supports_realtime,
        "supports_humidity": equipment.supports_humidity or "humidity" in told,
        "supports_energy_monitoring": equipment.supports_energy_monitoring or "energy_consumption_kwh" in told,
        "supports_remote_control": equipment.supports_remote_control,
        "verified": preset.verified if preset else None,
    }
