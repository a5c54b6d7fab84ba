"""What a machine's own fault code means: as people entered it, else as the template of its make and model says."""

from typing import Any

from django.db.models import Q

from alerts.conditions import find_fault
from alerts.fault_models import FaultCode
from connectors.preset import find_preset
from equipment.models import Equipment


def describe_fault(reading: Any, machine: Equipment) -> str:
    """Sentences for the person in front of the machine; empty where it only says that something is wrong."""
    code = find_fault(reading)
    if code in ("", "error"):
        return ""
    preset = find_preset(machine.preset)
    fault = _find_entered(code, machine) or (preset.faults.get(code) if preset else None)
    if fault:
        return f"{fault.meaning} {fault.what_to_do} (Code {code})"
    return f"Its code is {code}. Look it up in the maker's manual, and enter it under Fault codes for the next time."


def _find_entered(code: str, machine: Equipment) -> FaultCode | None:
    rows = FaultCode.objects.filter(
        Q(bakery=machine.bakery_id) | Q(bakery=None),
        Q(manufacturer__iexact=machine.manufacturer) | Q(manufacturer=""),
        code__iexact=code,
    )
    return min(rows, key=lambda row: (row.bakery_id is None, row.manufacturer == ""), default=None)
