"""A Rational unit by the REST configuration of the integration guide.

No public document describes that address: the contract is ours, for simulator and demo, until Rational confirms it.
"""

from datetime import datetime
from typing import Any

from .cloud import (
    CloudConfig,
    CloudConnector,
    CloudOptions,
    choose_temperature,
    join_texts,
    list_messages,
    take_cycle,
)
from .errors import ResponseError, UnreachableError
from .findings import Findings
from .mapping import list_found
from .mapping_settings import DoorSpec, EnergySpec, PercentSpec, SensorSpec, StatusSpec, TemperatureSpec
from .reading import CycleStage, DoorStatus, OperationalStatus, Reading
from .values import check_moment

# CombiSteamerMode of OPC 30200.
MODES = {
    "Off": (OperationalStatus.OFF, CycleStage.NONE),
    "On": (OperationalStatus.IDLE, CycleStage.NONE),
    "Preheat": (OperationalStatus.PREHEATING, CycleStage.PREHEATING),
    "StandBy": (OperationalStatus.STANDBY, CycleStage.NONE),
    "Steaming": (OperationalStatus.RUNNING, CycleStage.STEAMING),
    "CombiSteaming": (OperationalStatus.RUNNING, CycleStage.BAKING),
    "HotAir": (OperationalStatus.RUNNING, CycleStage.BAKING),
    "Perfection": (OperationalStatus.RUNNING, CycleStage.BAKING),
    "Cleaning": (OperationalStatus.CLEANING, CycleStage.CLEANING),
    "PresetStart": (OperationalStatus.STANDBY, CycleStage.NONE),
    "Error": (OperationalStatus.ERROR, CycleStage.NONE),
}
_STATUS_WORDS = {mode: status for mode, (status, _) in MODES.items()}
_STAGE_WORDS = {mode.casefold(): stage for mode, (_, stage) in MODES.items()}
_AT_REST = (None, OperationalStatus.IDLE, OperationalStatus.STANDBY)
_KNOWN_KEYS = ("mode", "temperatures", "program", "online")
_MOST_PROBES = 6
_PERCENT, _ENERGY = PercentSpec(path="@"), EnergySpec(path="@")
_TEXT, _NUMBER = SensorSpec(path="@", type="text"), SensorSpec(path="@", type="number")
_SWITCH = SensorSpec(path="@", type="boolean")
_DOOR = DoorSpec(path="@", enum={"true": DoorStatus.OPEN, "false": DoorStatus.CLOSED})
_SENSORS = (
    ("target_humidity", "humiditySet", _NUMBER),
    ("programme", "program.name", _TEXT),
    ("programme_step", "program.step", _NUMBER),
    ("programme_steps", "program.steps", _NUMBER),
    ("cleaning_active", "cleaning.active", _SWITCH),
    ("cleaning_state", "cleaning.state", _TEXT),
    ("last_cleaned", "cleaning.lastCleaned", _TEXT),
)


def parse_unit(document: Any, options: CloudOptions, *, received_at: datetime) -> Reading:
    """The reading in the answer of `status_endpoint`. ResponseError if it is of another kind."""
    if not isinstance(document, dict) or not any(key in document for key in _KNOWN_KEYS):
        raise ResponseError(
            f"The answer is not the state of a unit as we expect it. {list_found(document)} This interface is not "
            "published by Rational; use the OPC UA address, which is.",
            code="mapping",
        )
    found = Findings()
    _take_temperatures(found, document, choose_temperature(options.temperature_unit, document.get("temperatureUnit")))
    _take_state(found, document, options)
    program = _inner(document, "program")
    take_cycle(found, program.get("setSeconds"), program.get("remainingSeconds"))
    found.take("humidity", _PERCENT, document.get("humidity"))
    found.take("motor_speed", _PERCENT, document.get("fanSpeed"))
    found.take("energy_consumption_kwh", _ENERGY, document.get("energyKwh"))
    found.take("door_status", _DOOR, document.get("doorOpen"))
    moment = found.take_moment(document.get("timestamp"), "iso", options.timezone)
    reading_time, doubt = check_moment(moment, received_at)
    if doubt:
        found.quality["reading_time"] = doubt
    return Reading(reading_time=reading_time, quality=found.quality, **found.values)


def _inner(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _take_temperatures(found: Findings, document: dict[str, Any], unit: TemperatureSpec) -> None:
    temperatures = _inner(document, "temperatures")
    zones = {"temperature_zones.cabinet": temperatures.get("cabinet")}
    probes = temperatures.get("core")
    for number, raw in enumerate(probes[:_MOST_PROBES] if isinstance(probes, list) else [], start=1):
        zones[f"temperature_zones.core{f'_{number}' if number > 1 else ''}"] = raw
    if temperatures.get("cabinetSet") is not None:
        zones["target_temperature_zones.cabinet"] = temperatures["cabinetSet"]
    for name, raw in zones.items():
        found.take(name, unit, raw)
    for single, zone in (("temperature", "temperature_zones"), ("target_temperature", "target_temperature_zones")):
        found.values[single] = found.values[zone].get("cabinet")
        if f"{zone}.cabinet" in found.quality:
            found.quality[single] = "bad"


def _take_state(found: Findings, document: dict[str, Any], options: CloudOptions) -> None:
    mode = document.get("mode")
    found.take("operational_status", StatusSpec(path="@", enum={**_STATUS_WORDS, **options.states}), mode)
    if isinstance(mode, str) and mode.strip().casefold() in _STAGE_WORDS:
        found.values["cycle_stage"] = _STAGE_WORDS[mode.strip().casefold()]
    for name, path, spec in _SENSORS:
        outer, _, inner = path.partition(".")
        raw = _inner(document, outer).get(inner) if inner else document.get(outer)
        if raw is not None:
            found.take(f"additional_sensors.{name}", spec, raw)
    sensors = found.values["additional_sensors"]
    if sensors.get("cleaning_active") and found.values.get("operational_status") in _AT_REST:
        found.quality.pop("operational_status", None)
        found.values["operational_status"] = OperationalStatus.CLEANING
        found.values["cycle_stage"] = CycleStage.CLEANING
    if line := list_messages(document.get("errors"), lambda item: join_texts(item, "code", "text")):
        sensors["alarm"] = line


class RationalRestConnector(CloudConnector[CloudConfig]):
    """One unit of an account. `unit_id` is put in for {id}."""

    config_class = CloudConfig
    id_setting = "unit_id"

    def __init__(self, equipment_id: str, config: CloudConfig, unit_id: str, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self._unit_id = unit_id

    @property
    def machine_id(self) -> str:
        return self._unit_id

    def parse(self, document: Any, *, received_at: datetime) -> Reading:
        if isinstance(document, dict) and document.get("online") is False:
            raise UnreachableError(
                f"{self.place} answers, but the unit is not connected to it. Check that it is switched on and in the "
                "network.",
                code="offline",
            )
        return parse_unit(document, self.config.additional_config, received_at=received_at)
