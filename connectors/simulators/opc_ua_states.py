"""PackML's states by number and node, which of them an oven is in, and PackML's parameters as bytes.

Source: the public nodeset of 2020-10-08; a test compares them.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from asyncua import ua

from connectors.reading import CycleStage, OperationalStatus, Reading

from .opc_ua_types import UNIT_IDS, UNIT_NAMESPACE

PACKML = "http://opcfoundation.org/UA/PackML/"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
WEIHENSTEPHAN = "http://opcfoundation.org/UA/Weihenstephan/"
WS = "http://weihenstephan-standards.com/WS/"
# Name -> (StateNumber, number of its node).
STATES: Mapping[str, tuple[int, int]] = {
    "Clearing": (1, 55), "Stopped": (2, 53), "Starting": (3, 29), "Idle": (4, 28), "Suspended": (5, 31),
    "Execute": (6, 36), "Stopping": (7, 54), "Aborting": (8, 61), "Aborted": (9, 62), "Holding": (10, 33),
    "Held": (11, 34), "Unholding": (12, 35), "Suspending": (13, 30), "Unsuspending": (14, 32), "Resetting": (15, 27),
    "Completing": (16, 37), "Complete": (17, 38), "Running": (18, 75), "Cleared": (19, 71),
}  # fmt: skip
# Of a machine that runs; the others stand still.
_EXECUTES: Mapping[OperationalStatus, str] = {
    OperationalStatus.IDLE: "Idle",
    OperationalStatus.PREHEATING: "Starting",
    OperationalStatus.RUNNING: "Execute",
    OperationalStatus.PAUSED: "Held",
    OperationalStatus.CLEANING: "Execute",
}


def choose_states(reading: Reading) -> tuple[str, str | None, str | None]:
    """Of the base, the machine and what it executes; inner ones that are not active have none."""
    status = reading.operational_status
    if status is OperationalStatus.ERROR:
        return "Aborted", None, None
    if reading.cycle_stage is CycleStage.FINISHED:
        return "Cleared", "Running", "Complete"
    if status and status in _EXECUTES:
        return "Cleared", "Running", _EXECUTES[status]
    return "Cleared", "Stopped", None


def write_descriptors(reading: Reading, encoding: Any) -> list[Any]:
    """PackMLDescriptorDataType: Int32 ID, String Name, EUInformation Unit, Float Value."""
    found = []
    for number, (name, unit, value) in enumerate(_list_parameters(reading), start=1):
        body = (
            struct.pack("<i", number)
            + _text(name)
            + _text(UNIT_NAMESPACE)
            + struct.pack("<i", UNIT_IDS[unit])
            + _localized(unit)
            + _localized(unit)
            + struct.pack("<f", value)
        )
        found.append(ua.ExtensionObject(encoding, body))
    return found


def _list_parameters(reading: Reading) -> Iterator[tuple[str, str, float]]:
    """What has no value at the moment is left out. These structures have no quality; a broken sensor is no number."""
    for name, value in reading.temperature_zones.items():
        if value is not None or f"temperature_zones.{name}" in reading.quality:
            yield f"Temp_{name}", "°C", math.nan if value is None else value
    for name, value in reading.target_temperature_zones.items():
        if value is not None:
            yield f"Set_Temp_{name}", "°C", value
    if reading.humidity is not None:
        yield "Humidity", "%", reading.humidity
    if reading.energy_consumption_kwh is not None:
        yield "Energy", "kWh", reading.energy_consumption_kwh


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<i", len(data)) + data


def _localized(text: str) -> bytes:
    """A LocalizedText without a language."""
    return b"\x02" + _text(text)
