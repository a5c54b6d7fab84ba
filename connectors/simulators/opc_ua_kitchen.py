"""A simulated oven in the words of OPC 30200: which browse path holds which value. Pure.

The standard has no words for a broken deck oven, nor for a combi steamer that cools: their nearest are taken.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

from .fleet import COMBI, OvenSpec
from .opc_ua_types import number_of

BAD = object()  # a value whose sensor is broken
Values = dict[str, Any]  # path of browse names from the device on -> value; None: there is none at the moment
_Status, _Stage = OperationalStatus, CycleStage

COMBI_MODES: Mapping[OperationalStatus, str] = {
    _Status.OFF: "Off",
    _Status.IDLE: "On",
    _Status.COOLING: "On",
    _Status.PREHEATING: "Preheat",
    _Status.STANDBY: "StandBy",
    _Status.RUNNING: "HotAir",
    _Status.CLEANING: "Cleaning",
    _Status.ERROR: "Error",
}
CHAMBER_MODES: Mapping[OperationalStatus, str] = {
    _Status.OFF: "Off",
    _Status.IDLE: "Setting",
    _Status.COOLING: "CoolDown",
    _Status.PREHEATING: "PreHeat",
    _Status.STANDBY: "Standby",
    _Status.RUNNING: "Baking",
    _Status.CLEANING: "Cleaning",
    _Status.MAINTENANCE: "ServiceMode",
    _Status.ERROR: "NoSpecialMode",
}
MICROWAVE_MODES: Mapping[OperationalStatus, str] = {
    _Status.OFF: "Off",
    _Status.IDLE: "Standby",
    _Status.COOLING: "CoolDown",
    _Status.PREHEATING: "Preheat",
    _Status.STANDBY: "Standby",
    _Status.RUNNING: "Process",
    _Status.CLEANING: "Cleaning",
    _Status.MAINTENANCE: "Service",
    _Status.ERROR: "Error",
}
_PHASES = {stage: number for number, stage in enumerate(CycleStage)}
# Where the maker puts what the standard has no variable for: name -> (unit, field of ours, value).
MAKERS_OWN: Mapping[str, tuple[str | None, str, Callable[[Reading], float | None]]] = {
    "EnergyCounter": ("kWh", "energy_consumption_kwh", lambda reading: reading.energy_consumption_kwh),
    "OperatingHours": (
        "h",
        "additional_sensors.operating_hours",
        lambda reading: reading.additional_sensors.get("operating_hours"),
    ),
    "SteamLevel": ("%", "steam_level", lambda reading: reading.steam_level),
    "ProductWeight": ("kg", "product_weight", lambda reading: reading.product_weight),
    "MoistureContent": ("%", "moisture_content", lambda reading: reading.moisture_content),
    "Humidity": ("%", "humidity", lambda reading: reading.humidity),  # a combi steamer's has no decimals
    "FanSpeed": ("%", "motor_speed", lambda reading: reading.motor_speed),
    "Phase": (None, "cycle_stage", lambda reading: _PHASES[reading.cycle_stage] if reading.cycle_stage else None),
}
PHASE_WORDS = {str(number): str(stage) for stage, number in _PHASES.items()}
MAKER = "Maker"


def kind_of(spec: OvenSpec) -> str:
    """Combi steamers are combi steamers; everything else is an oven with one or more chambers."""
    return "CombiSteamerDeviceType" if spec.body == COMBI else "OvenDeviceType"


def write_combi_steamer(reading: Reading, first: int = 1) -> Values:
    """`first` is the number of the first sensor: the standard only says that they are numbered."""
    whole, left = whole_seconds(reading)
    steaming = reading.cycle_stage is _Stage.STEAMING and reading.operational_status is _Status.RUNNING
    mode = "Steaming" if steaming else COMBI_MODES.get(reading.operational_status or _Status.IDLE, "On")
    special = "RestStage" if reading.cycle_stage is _Stage.RESTING else "NoSpecialMode"
    values = {
        "CombiSteamerMode": number_of(mode, "CombiSteamerModeEnumeration"),
        "SpecialCookingMode": number_of(special, "SpecialCookingModeEnumeration"),
        "SetTemperature": reading.target_temperature_zones.get("cabinet"),
        f"ActualTemperatureChamber_{first}": zone_value(reading, "cabinet"),
        "SetProcessTimeProgram": whole,
        "TimeRemainingProgram": left,
        "ActualHumidity": _rounded(reading.humidity),
        "IsDoorOpen": reading.door_status is DoorStatus.OPEN,
        "ProgramName": reading.additional_sensors.get("programme"),
    }
    if "core" in reading.temperature_zones:
        values[f"ActualInternalCoreTemperature_{first}"] = zone_value(reading, "core")
    return _below("CombiSteamer", values)


def write_oven(reading: Reading) -> Values:
    """A chamber per deck, and one for an oven without decks."""
    decks = [name.removesuffix("_top") for name in reading.temperature_zones if name.endswith("_top")]
    values: Values = {}
    for number, deck in enumerate(decks or ["cabinet"], start=1):
        chamber = _write_chamber(reading)
        for place in ("Top", "Bottom") if decks else ("Chamber",):
            zone = f"{deck}_{place.lower()}" if decks else deck
            chamber[f"Actual{place}Temperature_1"] = zone_value(reading, zone)
            chamber[f"Set{place}Temperature"] = reading.target_temperature_zones.get(zone)
        if number == 1:
            chamber["ActualHumidity_1"] = reading.humidity
            chamber["ActualFanSpeed_1"] = _rounded(reading.motor_speed)
            if "core" in reading.temperature_zones:
                chamber["ActualCoreTemperature_1"] = zone_value(reading, "core")
        values |= _below(f"Chamber_{number}", chamber)
    return values


def _write_chamber(reading: Reading) -> Values:
    whole, left = whole_seconds(reading)
    status, stage = reading.operational_status or _Status.IDLE, reading.cycle_stage
    stages = {_Stage.STEAMING: "Steaming", _Stage.RESTING: "Working"}
    mode = stages.get(stage or _Stage.NONE) if status is _Status.RUNNING else None
    return {
        "OperationMode": number_of(mode or CHAMBER_MODES.get(status, "NoSpecialMode"), "ChamberModeEnumeration"),
        "SetProcessTimeProgram": whole,
        "TimeRemaining": left,
        "IsDoorOpen": reading.door_status is DoorStatus.OPEN,
        "IsProgramEnd": stage is _Stage.FINISHED,
        "IsReadyToStart": status is _Status.IDLE and stage is _Stage.NONE,
        "ProgramName": reading.additional_sensors.get("programme"),
    }


def write_microwave(reading: Reading) -> Values:
    whole, left = whole_seconds(reading)
    mode = MICROWAVE_MODES.get(reading.operational_status or _Status.IDLE, "Standby")
    values = {
        "OperatingMode": number_of(mode, "OperatingModeEnumeration"),
        "ActualTemperatureChamber": zone_value(reading, "cabinet"),
        "SetTemperature": reading.target_temperature_zones.get("cabinet"),
        "SetProcessTime": whole,
        "RemainingProcessTime": left,
        "FanSpeed": _rounded(reading.motor_speed),
        "IsDoorOpen": reading.door_status is DoorStatus.OPEN,
        "ProgramName": reading.additional_sensors.get("programme"),
    }
    return _below("MicrowaveCombiOven", values)


WRITERS: Mapping[str, Callable[[Reading], Values]] = {
    "CombiSteamerDeviceType": write_combi_steamer,
    "OvenDeviceType": write_oven,
    "MicrowaveCombiOvenDeviceType": write_microwave,
}


def write_conditions(reading: Reading, error: str = "Error_1") -> Values:
    """The only error condition, and the batch."""
    alarm = reading.additional_sensors.get("alarm")
    return {
        f"ErrorConditions/{error}/ActiveState": "Active" if alarm else "Inactive",
        f"ErrorConditions/{error}/ActiveState/Id": bool(alarm),
        f"ErrorConditions/{error}/Message": alarm or "",
        f"ErrorConditions/{error}/SuppressedOrShelved": False,
        "BatchInformation/BatchId": reading.additional_sensors.get("batch_number") or "",
        "BatchInformation/OrderId": "",
        "BatchInformation/SystemTime": reading.reading_time,
    }


def write_makers_own(reading: Reading) -> Values:
    return _below(MAKER, {name: value(reading) for name, (_, _, value) in MAKERS_OWN.items()})


def whole_seconds(reading: Reading) -> tuple[int, int]:
    """Set and remaining seconds that give the reading's progress and minutes again; 0 and -1 where nothing runs."""
    minutes, progress = reading.time_remaining_minutes, reading.cycle_progress_percentage
    if minutes is None or progress is None:
        return 0, -1
    if minutes == 0:
        return 600, 0
    done = min(progress, 99.9) / 100
    # Of the seconds that are so many minutes, those that fit; bakers set programmes in minutes.
    fitting = ((round(left / (1 - done)), left) for left in range(60 * minutes, 60 * (minutes - 1), -1))
    return min(fitting, key=lambda found: (abs((found[0] - found[1]) / found[0] - done) > 0.0004, found[0] % 60))


def zone_value(reading: Reading, name: str) -> Any:
    return BAD if f"temperature_zones.{name}" in reading.quality else reading.temperature_zones.get(name)


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _below(part: str, values: Mapping[str, Any]) -> Values:
    return {f"{part}/{name}": value for name, value in values.items()}
