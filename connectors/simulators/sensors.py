"""What the oven's instruments make of its state: a `Reading`, with a little noise that depends on the moment only."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any

from connectors.reading import CycleStage, DoorStatus, OperationalStatus, Reading

from .oven import OvenState, PhysicalFault
from .thermal import Body, Slot

_MASK = 0xFFFFFFFF
_DRAUGHT_SECONDS = 45  # air in a chamber moves this slowly past the sensor
CORE = "core"
ALARMS: Mapping[PhysicalFault, str] = {
    PhysicalFault.BURNER_FAULT: "Burner 2: no flame",
    PhysicalFault.SENSOR_BREAK: "Temperature sensor 1: open circuit",
    PhysicalFault.DOOR_OPEN: "Door open for too long",
}


def noise(seed: int, channel: int, moment: float) -> float:
    """-1..1, smooth in time."""
    step, rest = divmod(moment / _DRAUGHT_SECONDS, 1)
    weight = rest * rest * (3 - 2 * rest)
    before, after = _hash(seed, channel, floor(step)), _hash(seed, channel, floor(step) + 1)
    return before + (after - before) * weight


def _hash(seed: int, channel: int, step: int) -> float:
    mixed = (step * 0x9E3779B1 ^ seed * 0x85EBCA77 ^ channel * 0xC2B2AE3D) & _MASK
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & _MASK
    mixed = ((mixed ^ mixed >> 12) * 0x297A2D39) & _MASK
    return (mixed ^ mixed >> 15) / 2**31 - 1


def measure(body: Body, state: OvenState, seed: int) -> Reading:
    """Everything the oven's control would tell about this moment."""
    base = 3 * len(body.zones)
    slots = state.values[base:]
    status, stage = _condition(state, slots[Slot.READY] > 0.5)
    zones, targets = _zones(body, state, seed)
    reading = Reading(
        reading_time=datetime.fromtimestamp(state.moment, UTC),
        temperature=zones[_chamber(zones)],
        target_temperature=targets.get(_chamber(zones)),
        temperature_zones=zones,
        target_temperature_zones=targets,
        humidity=round(min(max(slots[Slot.HUMIDITY] + 0.6 * noise(seed, 90, state.moment), 0), 100), 1),
        energy_consumption_kwh=round(slots[Slot.ENERGY], 3),
        motor_speed=0.0 if _door_open(state) else float(state.segment.fan),
        steam_level=round(slots[Slot.STEAM], 1),
        product_weight=_weight(state),
        moisture_content=round(44 - 8 * state.progress, 1) if state.load else None,
        cycle_progress_percentage=_progress(state),
        time_remaining_minutes=_minutes_left(state),
        operational_status=status,
        cycle_stage=stage,
        door_status=DoorStatus.OPEN if _door_open(state) else DoorStatus.CLOSED,
        additional_sensors=_further(state, slots[Slot.HOURS], status),
    )
    return _without_sensor_1(body, reading) if state.fault is PhysicalFault.SENSOR_BREAK else reading


def _zones(body: Body, state: OvenState, seed: int) -> tuple[dict[str, float | None], dict[str, float | None]]:
    count = len(body.zones)
    zones: dict[str, float | None] = {}
    targets: dict[str, float | None] = {}
    for index, zone in enumerate(body.zones):
        zones[zone.name] = round(state.values[count + index] + 0.6 * noise(seed, index, state.moment), 1)
        target = state.segment.demand.sets[index]
        if target is not None:
            targets[zone.name] = float(target)
    for deck in [zone.name.removesuffix("_top") for zone in body.zones if zone.name.endswith("_top")]:
        for values in (zones, targets):
            top, bottom = values.get(f"{deck}_top"), values.get(f"{deck}_bottom")
            if top is not None and bottom is not None:
                values[deck] = round((top + bottom) / 2, 1)
    if body.has_probe:
        zones[CORE] = round(state.values[3 * count + Slot.CORE] + 0.2 * noise(seed, 91, state.moment), 1)
    return zones, targets


def _chamber(zones: Mapping[str, object]) -> str:
    return "deck_1" if "deck_1" in zones else next(iter(zones))


def _door_open(state: OvenState) -> bool:
    return state.segment.demand.door_open or state.fault is PhysicalFault.DOOR_OPEN


def _condition(state: OvenState, is_ready: bool) -> tuple[OperationalStatus, CycleStage]:
    segment = state.segment
    if state.fault is PhysicalFault.BURNER_FAULT:
        return OperationalStatus.ERROR, CycleStage.NONE
    waiting = segment.status is OperationalStatus.IDLE and segment.stage is CycleStage.NONE
    if waiting and not is_ready:
        target, air = segment.demand.sets[0], state.values[len(segment.demand.sets)]
        if target is not None and air > target:
            return OperationalStatus.COOLING, CycleStage.COOLING
        return OperationalStatus.PREHEATING, CycleStage.PREHEATING
    return segment.status, segment.stage


def _weight(state: OvenState) -> float | None:
    """Bread loses an eighth of its weight on the way."""
    if state.load is None:
        return None
    return round(state.load.weight_kg * (1 - 0.12 * state.progress), 2)


def _progress(state: OvenState) -> float | None:
    if state.segment.stage is CycleStage.FINISHED:
        return 100.0
    return round(100 * state.progress, 1) if state.load else None


def _minutes_left(state: OvenState) -> int | None:
    if state.segment.stage is CycleStage.FINISHED:
        return 0
    if state.load is None:
        return None
    return ceil((state.load.ended_at.timestamp() - state.moment) / 60)


def _further(state: OvenState, hours: float, status: OperationalStatus) -> dict[str, Any]:
    found: dict[str, Any] = {"operating_hours": round(hours, 2)}
    if state.load is not None:
        found |= {"programme": state.load.product, "batch_number": state.load.number}
    if state.fault is not None:
        found["alarm"] = ALARMS[state.fault]
    elif status is OperationalStatus.ERROR:
        found["alarm"] = ALARMS[PhysicalFault.BURNER_FAULT]
    return found


def _without_sensor_1(body: Body, reading: Reading) -> Reading:
    first = body.zones[0].name
    broken = {first, _chamber(reading.temperature_zones)}
    zones = {name: None if name in broken else value for name, value in reading.temperature_zones.items()}
    quality = {"temperature": "bad", **{f"temperature_zones.{name}": "bad" for name in sorted(broken)}}
    return replace(reading, temperature=None, temperature_zones=zones, quality=quality)
