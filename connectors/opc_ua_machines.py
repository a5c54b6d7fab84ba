"""Machines whose state is a PackML state machine: PackML itself (OPC 30050) and Weihenstephan (OPC 40600). Pure.

What stands behind the measured values of an oven in WS Bake is not public, so they are told apart by their units.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from .mapping_settings import EnergySpec, PathSpec, PercentSpec, SensorSpec, TemperatureSpec
from .opc_ua_kitchen import State, set_state
from .opc_ua_values import Gathering, Measured, Path, Structure, parse_descriptor, spec_for, units_of
from .reading import CycleStage, OperationalStatus
from .values import BadValueError, clean_text

_Status, _Stage = OperationalStatus, CycleStage
_RUNNING_MACHINE = 18  # the machine state that has the execute states inside

# Numbers: PackML nodeset of 2020-10-08. Meaning: protocols.md, 1; of 1, 2, 7, 12, 13, 14 and 18 our own.
PACKML_STATES: Mapping[int, State] = {
    1: (_Status.IDLE, _Stage.NONE),  # Clearing
    2: (_Status.STANDBY, _Stage.NONE),  # Stopped
    3: (_Status.PREHEATING, _Stage.PREHEATING),  # Starting
    4: (_Status.IDLE, _Stage.NONE),
    5: (_Status.PAUSED, _Stage.NONE),  # Suspended
    6: (_Status.RUNNING, _Stage.NONE),  # Execute
    7: (_Status.STANDBY, _Stage.NONE),  # Stopping
    8: (_Status.ERROR, _Stage.NONE),  # Aborting
    9: (_Status.ERROR, _Stage.NONE),  # Aborted
    10: (_Status.PAUSED, _Stage.NONE),  # Holding
    11: (_Status.PAUSED, _Stage.NONE),  # Held
    12: (_Status.PAUSED, _Stage.NONE),  # Unholding
    13: (_Status.PAUSED, _Stage.NONE),  # Suspending
    14: (_Status.PAUSED, _Stage.NONE),  # Unsuspending
    15: (_Status.IDLE, _Stage.NONE),  # Resetting
    16: (_Status.IDLE, _Stage.FINISHED),  # Completing
    17: (_Status.IDLE, _Stage.FINISHED),  # Complete
    18: (_Status.RUNNING, _Stage.NONE),  # Running
    19: (_Status.IDLE, _Stage.NONE),  # Cleared
}
_NAMES: Mapping[str, int] = {
    "clearing": 1, "stopped": 2, "starting": 3, "idle": 4, "suspended": 5, "execute": 6, "stopping": 7, "aborting": 8,
    "aborted": 9, "holding": 10, "held": 11, "unholding": 12, "suspending": 13, "unsuspending": 14, "resetting": 15,
    "completing": 16, "complete": 17, "completed": 17, "running": 18, "cleared": 19,
}  # fmt: skip
# A state's node in the PackML nodeset -> its number, for servers that give CurrentState/Id only.
_NODES: Mapping[int, int] = {
    27: 15, 28: 4, 29: 3, 30: 13, 31: 5, 32: 14, 33: 10, 34: 11, 35: 12, 36: 6, 37: 16, 38: 17, 53: 2, 54: 7, 55: 1,
    61: 8, 62: 9, 71: 19, 75: 18,
}  # fmt: skip
MACHINERY_STATES: Mapping[str, OperationalStatus] = {
    "0": _Status.UNKNOWN,
    "1": _Status.MAINTENANCE,
    "2": _Status.IDLE,
    "3": _Status.RUNNING,
    "notavailable": _Status.UNKNOWN,
    "outofservice": _Status.MAINTENANCE,
    "notexecuting": _Status.IDLE,
    "executing": _Status.RUNNING,
}
_FAILURES = ("equipmentfailure", "externalfailure")
_PACKML_MAINTENANCE = 2
_WS_OFF, _WS_CLEAN, _WS_MAINTENANCE = 1, 8, 32
_NOT_PART_OF_A_ZONE = ("ws", "cur", "set", "act", "actual", "temp", "temperature")


class _Level(NamedTuple):
    """One of the nested machines: the number of its state, or its text where that is all."""

    number: int | None
    text: str
    bad: bool


def take_packml(gathering: Gathering) -> None:
    state = _take_packml_state(gathering)
    mode = gathering.take_number(("Status", "UnitModeCurrent"))
    if mode == _PACKML_MAINTENANCE and state and state[0] is not _Status.ERROR:
        state = (_Status.MAINTENANCE, _Stage.NONE)
    set_state(gathering, state or _machinery_state(gathering))
    for path in (("Status", "Parameter"), ("Admin", "Parameter")):
        _take_descriptors(gathering, path)
    _take_only_zone(gathering)


def take_weihenstephan(gathering: Gathering) -> None:
    state = _take_packml_state(gathering)
    program, mode = _take_named(gathering, "WS_Cur_Prog"), _take_named(gathering, "WS_Cur_Mode")
    if state and state[0] is not _Status.ERROR:
        if mode == _WS_OFF:
            state = (_Status.OFF, _Stage.NONE)
        elif program == _WS_CLEAN:
            state = (_Status.CLEANING, _Stage.CLEANING)
        elif program == _WS_MAINTENANCE:
            state = (_Status.MAINTENANCE, _Stage.NONE)
    set_state(gathering, state or _machinery_state(gathering))
    _take_measured(gathering)
    _take_only_zone(gathering)
    _take_ws_alarms(gathering)


def _take_named(gathering: Gathering, name: str) -> int | None:
    path = next((path for path in gathering.values if path[-1] == name), None)
    number = gathering.take_number(path) if path else None
    return number if isinstance(number, int) else None


def _take_packml_state(gathering: Gathering) -> State | None:
    """The state of the innermost machine that is active."""
    roots = [path[:-1] for path in gathering.values if path[-1] == "CurrentState" and "MachineryItemState" not in path]
    gathering.used.update(path for path in gathering.values if "CurrentState" in path)
    if not roots:
        return None
    root = min(roots, key=len)
    machine_at = (*root, "MachineState")
    base, machine = _level(gathering.values, root), _level(gathering.values, machine_at)
    execute = _level(gathering.values, (*machine_at, "ExecuteState"))
    innermost = base
    if base.number not in (8, 9) and (machine.number or machine.text):
        active = machine.number in (_RUNNING_MACHINE, None) and (execute.number or execute.text)
        innermost = execute if active else machine
    if innermost.number is None:
        _note_strange(gathering, innermost)
        return None if innermost.bad else (_Status.UNKNOWN, _Stage.NONE)
    held = _level(gathering.values, (*machine_at, "ExecuteState", "HeldState"))
    if innermost.number == 11 and held.text in _FAILURES:
        return _Status.ERROR, _Stage.NONE
    if innermost.number not in PACKML_STATES:
        gathering.found.values["additional_sensors"]["operational_status_source"] = innermost.number
    return PACKML_STATES.get(innermost.number, (_Status.UNKNOWN, _Stage.NONE))


def _note_strange(gathering: Gathering, level: _Level) -> None:
    if level.bad:
        gathering.found.quality["operational_status"] = "bad"
    elif level.text:
        gathering.found.values["additional_sensors"]["operational_status_source"] = level.text


def _level(values: Mapping[Path, Measured], root: Path) -> _Level:
    """By Number or StateNumber, else by the state's node, else by its name."""
    at = (*root, "CurrentState")
    for name in ("Number", "StateNumber"):
        raw = _raw(values, (*at, name))
        if isinstance(raw, int) and not isinstance(raw, bool) and raw:
            return _Level(raw, "", False)
    node, shown = _raw(values, (*at, "Id")), _raw(values, at)
    text = re.sub(r"[\W_]", "", shown).lower() if isinstance(shown, str) else ""
    number = _NAMES.get(text)
    if number is None and isinstance(node, int):
        number = _NODES.get(node)
    return _Level(number, text, isinstance(shown, BadValueError) and number is None)


def _raw(values: Mapping[Path, Measured], path: Path) -> object:
    measured = values.get(path)
    return measured.sample.raw if measured else None


def _machinery_state(gathering: Gathering) -> State | None:
    """MachineryItemState (OPC 40001-1), where there is no PackML."""
    for path in gathering.values:
        if path[-2:] == ("MachineryItemState", "CurrentState"):
            number, shown = _raw(gathering.values, (*path, "Number")), _raw(gathering.values, path)
            word = str(number) if isinstance(number, int) else re.sub(r"\W", "", str(shown)).lower()
            if word in MACHINERY_STATES:
                return MACHINERY_STATES[word], _Stage.NONE
    return None


def _take_descriptors(gathering: Gathering, path: Path) -> None:
    """PackML's parameters: lists of name, unit and value, which no client decodes without the type's description."""
    raw = _raw(gathering.values, path)
    gathering.used.add(path)
    structures = [item for item in raw if isinstance(item, Structure)] if isinstance(raw, list) else []
    found = [descriptor for item in structures if (descriptor := parse_descriptor(item.body))]
    meters = sum(unit in units_of(EnergySpec) for _, unit, _ in found)
    for name, unit, value in found:
        field, kind = _field_of(clean_text(name) or "unnamed", unit, meters)
        gathering.found.take(field, spec_for(kind, unit) or kind(path="@"), value)


def _take_measured(gathering: Gathering) -> None:
    folders = ("Alarms", "Warnings", "Identification")
    paths = [path for path in gathering.values if path not in gathering.used and path[0] not in folders]
    meters = sum(gathering.values[path].unit in units_of(EnergySpec) for path in paths)
    for path in paths:
        field, kind = _field_of(path[-1], gathering.values[path].unit, meters)
        if kind is not SensorSpec:
            gathering.take(field, kind, path)


def _field_of(name: str, unit: str | None, meters: int) -> tuple[str, type[PathSpec]]:
    """Temperatures are zones; humidity is told by its name, and an only energy meter is the machine's."""
    is_target = "set" in name.lower().split("_")
    if unit in units_of(TemperatureSpec):
        return f"{'target_' if is_target else ''}temperature_zones.{_zone_of(name)}", TemperatureSpec
    if unit in units_of(EnergySpec) and meters == 1:
        return "energy_consumption_kwh", EnergySpec
    if unit == "%" and not is_target and "hum" in name.lower():
        return "humidity", PercentSpec
    return f"additional_sensors.{name}", SensorSpec


def _take_only_zone(gathering: Gathering) -> None:
    """Where only one temperature is measured, it is the chamber's, unless its name says core."""
    found = gathering.found
    for field in ("temperature", "target_temperature"):
        zones = found.values[f"{field}_zones"]
        if len(zones) == 1 and "core" not in (zone := next(iter(zones))):
            found.values[field] = zones[zone]
            if doubt := found.quality.get(f"{field}_zones.{zone}"):
                found.quality[field] = doubt


def _zone_of(name: str) -> str:
    """WS_Cur_Temp_Deck_1_Top -> deck_1_top: where it is measured, without what it is."""
    words = [word for word in re.split(r"[_\W]+", name.lower()) if word and word not in _NOT_PART_OF_A_ZONE]
    return clean_text("_".join(words))[:60] or "chamber"


def _take_ws_alarms(gathering: Gathering) -> None:
    active = []
    for path, measured in gathering.values.items():
        if path[0] in ("Alarms", "Warnings"):
            gathering.used.add(path)
            code = measured.sample.raw
            if path[-1] == "WSAlarmCode" and isinstance(code, int) and code:
                message = _raw(gathering.values, (*path[:-1], "WSAlarmMessage"))
                active.append(clean_text(message) if isinstance(message, str) and message else f"{path[-2]} {code}")
    if active:
        gathering.found.values["additional_sensors"]["alarm"] = "; ".join(active[:5])
