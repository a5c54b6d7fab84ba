"""What a reading says about each kind of alert: a number to judge, or nothing. Pure.

`None` is "this reading says nothing of it", which neither opens nor resolves. A plain yes or no is 1.0 or 0.0.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from alerts.kinds import AlertType
from connectors.reading import CycleStage, DoorStatus, OperationalStatus

# In these the chamber is meant to be at its target; between them a product comes and goes.
AT_TARGET = frozenset({CycleStage.BAKING, CycleStage.STEAMING, CycleStage.HOLDING, CycleStage.PROOFING})
COLD = frozenset({"fridge", "freezer"})
# A target counts once it was reached, or once this time has passed since it was set: heating takes no longer.
HEAT_UP_SECONDS = 45 * 60.0
REACHED_WITHIN = 10.0
FAULT_KEYS = ("error_code", "fault_code", "alarm_code")
NO_FAULT = frozenset({None, "", 0, "0", "none", "ok"})
# A rate of heating needs some minutes to be one.
SHORTEST_HEATING_SECONDS = 180.0
NOT_HEATING_MINUTES = 600.0


class Heating(NamedTuple):
    """The way to one target: from which temperature and when it began, and whether it was reached."""

    target: float
    began_at: float
    began_with: float
    is_reached: bool = False


class Surroundings(NamedTuple):
    kind: str  # the machine's type
    heating: Heating | None
    opens_at: float | None  # when the bakery opens next
    at: float


def follow_heating(reading: Any, heating: Heating | None, at: float) -> Heating | None:
    """What is known of the way to the target after this reading."""
    target, value = reading.target_temperature, reading.temperature
    if target is None or value is None:
        return heating
    if heating is None or abs(heating.target - target) > REACHED_WITHIN / 2:
        return Heating(target, at, value, abs(value - target) <= REACHED_WITHIN)
    if not heating.is_reached and abs(value - target) <= REACHED_WITHIN:
        return heating._replace(is_reached=True)
    if reading.operational_status in (OperationalStatus.OFF, OperationalStatus.STANDBY):
        return None
    return heating


def _deviation(reading: Any, around: Surroundings, metric: str) -> float | None:
    """Degrees of the zone that is furthest from its target, only where it counts."""
    if around.kind not in COLD and not _counts(reading, around):
        return None
    worst = None
    if reading.temperature is not None and reading.target_temperature is not None:
        worst = reading.temperature - reading.target_temperature
    targets: Mapping[str, float | None] = reading.target_temperature_zones
    for zone, target in targets.items() if targets else ():
        actual = reading.temperature_zones.get(zone)
        if actual is not None and target is not None and (worst is None or abs(actual - target) > abs(worst)):
            worst = actual - target
    return worst


def _counts(reading: Any, around: Surroundings) -> bool:
    stage = reading.cycle_stage
    if stage is None or stage is CycleStage.NONE:
        if reading.operational_status is not OperationalStatus.RUNNING:
            return False
    elif stage not in AT_TARGET:
        return False
    heating = around.heating
    return heating is not None and (heating.is_reached or around.at - heating.began_at > HEAT_UP_SECONDS)


def _limit(reading: Any, around: Surroundings, metric: str) -> float | None:
    """A field of the reading, else a zone, else a further sensor."""
    value = getattr(reading, metric, None)
    if value is None:
        value = reading.temperature_zones.get(metric, reading.additional_sensors.get(metric))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def find_fault(reading: Any) -> str:
    """The machine's own code for what is wrong; "error" where it has none; empty where all is well."""
    for key in FAULT_KEYS if reading.additional_sensors else ():
        code = reading.additional_sensors.get(key)
        if isinstance(code, str | int | float) and code not in NO_FAULT:
            return str(code)
    return "error" if reading.operational_status is OperationalStatus.ERROR else ""


def _fault(reading: Any, around: Surroundings, metric: str) -> float | None:
    if reading.operational_status is None and not reading.additional_sensors:
        return None
    return 1.0 if find_fault(reading) else 0.0


def _door(reading: Any, around: Surroundings, metric: str) -> float | None:
    if reading.door_status is None:
        return None
    is_off = around.kind not in COLD and reading.operational_status in (
        OperationalStatus.OFF,
        OperationalStatus.CLEANING,
    )
    return 1.0 if reading.door_status is DoorStatus.OPEN and not is_off else 0.0


def _maintenance(reading: Any, around: Surroundings, metric: str) -> float | None:
    found = reading.additional_sensors.get("maintenance_due") if reading.additional_sensors else None
    return None if found is None else float(found in (True, 1, "1", "true", "yes"))


def _minutes_late(reading: Any, around: Surroundings, metric: str) -> float | None:
    """By how many minutes the machine would be hot after the bakery opens, at the pace of its heating so far."""
    if reading.operational_status is not OperationalStatus.PREHEATING:
        return None if reading.operational_status is None else 0.0
    heating, value = around.heating, reading.temperature
    if heating is None or value is None or around.opens_at is None or heating.is_reached:
        return 0.0
    took = around.at - heating.began_at
    if took < SHORTEST_HEATING_SECONDS:
        return None
    pace: float = (value - heating.began_with) / took
    if pace <= 0:
        return NOT_HEATING_MINUTES
    ready_at: float = around.at + (heating.target - value) / pace
    return min(NOT_HEATING_MINUTES, (ready_at - around.opens_at) / 60)


Condition = Callable[[Any, Surroundings, str], float | None]
# Only what a reading can say. Connections and silence are judged by the clock, in `alerts.patrol`.
CONDITIONS: dict[str, Condition] = {
    AlertType.TEMPERATURE_DEVIATION.value: _deviation,
    AlertType.LIMIT.value: _limit,
    AlertType.EQUIPMENT_ERROR.value: _fault,
    AlertType.DOOR_OPEN.value: _door,
    AlertType.MAINTENANCE_DUE.value: _maintenance,
    AlertType.NOT_READY.value: _minutes_late,
}
