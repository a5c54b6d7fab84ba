"""What a machine's own fault code means and what to do, from the template of its make and model."""

from typing import Any

from alerts.conditions import find_fault
from connectors.preset import find_preset
from equipment.models import Equipment


def describe_fault(reading: Any, machine: Equipment) -> str:
    """Sentences for the person in front of the machine; empty where its template does not know the code."""
    code = find_fault(reading)
    preset = find_preset(machine.preset)
    fault = preset.faults.get(code) if preset else None
    if fault:
        return f"{fault.meaning} {fault.what_to_do} (Code {code})"
    return "" if code in ("", "error") else f"Its code is {code}. Look it up in the maker's manual."
