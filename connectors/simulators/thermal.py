"""How a heated (or cooled) chamber behaves: elements, air, load, moisture and one energy meter.

Rates are per minute and heat capacities are shares of the whole, so that full power is simply so many kelvin a minute.
"""

from dataclasses import dataclass
from typing import Final

STEP_SECONDS = 5  # of the fixed grid: the result does not depend on how often somebody asks
_MINUTES = STEP_SECONDS / 60
_DOUGH = 24.0  # °C
_BOIL = 98.0  # bread does not get hotter inside while it holds water


@dataclass(frozen=True, kw_only=True)
class Zone:
    """One controlled zone. `offset` is added to the programme's temperature: bottom heat is usually lower than top."""

    name: str
    offset: float = 0


@dataclass(frozen=True, kw_only=True)
class Body:
    """What an oven is made of. A negative `ramp` makes it a fridge."""

    zones: tuple[Zone, ...] = (Zone(name="cabinet"),)
    ramp: float = 9.5  # K/min at full power, before losses
    loss: float = 1 / 125  # per minute and kelvin above the room
    door: float = 0.06  # the same through the open door
    exchange: float = 0.25  # between elements and air
    air_share: float = 0.25  # of the heat capacity; the rest is elements, stone and walls
    gain: float = 0.6  # of the controller, K/min per kelvin of deviation
    rated_kw: float = 36
    idle_kw: float = 0.2  # control, light, fan
    ambient: float = 22
    has_probe: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """What programme and people ask of the oven for a while. A set temperature of None is: heaters off."""

    sets: tuple[float | None, ...]
    door_open: bool = False
    steam: bool = False
    humid: float = 9  # % the air tends to by itself
    loaded: bool = False
    soak_minutes: float = 6  # how fast the load takes heat up
    power_limit: float = 1  # share of the heaters that work


class Slot:
    """Places in the state list behind the zones' temperatures and boost flags."""

    LOAD: Final = 0
    CORE: Final = 1
    HUMIDITY: Final = 2
    STEAM: Final = 3
    ENERGY: Final = 4  # kWh
    HOURS: Final = 5
    READY: Final = 6  # 1 once the target was reached


def initial_state(body: Body, temperature: float) -> list[float]:
    """[elements..., air..., boost..., then `Slot`]."""
    count = len(body.zones)
    return [temperature] * (2 * count) + [0.0] * count + [_DOUGH, temperature, 12.0, 100.0, 0.0, 0.0, 0.0]


def put_in_load(state: list[float], zones: int) -> None:
    """Cold dough goes in, and with it the probe."""
    state[3 * zones + Slot.LOAD] = _DOUGH
    state[3 * zones + Slot.CORE] = _DOUGH + 3


def advance(body: Body, state: list[float], demand: Demand) -> None:
    """Move the state one step on, in place."""
    count = len(demand.sets)
    base = 3 * count
    load, ambient, exchange, limit = state[base], body.ambient, body.exchange, demand.power_limit
    drain = body.loss + (body.door if demand.door_open else 0)
    pull = 0.1 / demand.soak_minutes if demand.loaded else 0
    for_air, for_elements = _MINUTES / body.air_share, _MINUTES / (1 - body.air_share)
    used, first_air = 0.0, state[count]
    for zone, target in enumerate(demand.sets):
        elements, air = state[zone], state[count + zone]
        duty = 0.0
        if target is None:
            state[2 * count + zone] = 0.0
        elif _is_boosting(body, state, 2 * count + zone, target - air):
            duty = limit
        else:
            wanted = (body.loss * (target - ambient) + body.gain * (target - air)) / body.ramp
            duty = 0.0 if wanted < 0 else limit if wanted > limit else wanted
        flow = exchange * (elements - air)
        state[zone] = elements + for_elements * (body.ramp * duty - flow)
        state[count + zone] = air + for_air * (flow - drain * (air - ambient) - pull * (air - load))
        used += duty
    _warm_load(state, base, first_air, demand)
    _moisten(state, base, demand)
    _count(body, state, base, used / count, demand)


def _is_boosting(body: Body, state: list[float], flag: int, gap: float) -> bool:
    """Full power until close to the target, with hysteresis: what is stored in the elements then overshoots."""
    if body.ramp < 0:
        gap = -gap
    if gap > 14:
        state[flag] = 1.0
    elif gap < 2:
        state[flag] = 0.0
    return state[flag] == 1.0


def _warm_load(state: list[float], base: int, air: float, demand: Demand) -> None:
    if not demand.loaded:
        state[base + Slot.CORE] += _MINUTES / 3 * (air - state[base + Slot.CORE])
        return
    load, core = state[base], state[base + Slot.CORE]
    state[base] = min(load + _MINUTES / demand.soak_minutes * (air - load) * 0.7, _BOIL)
    state[base + Slot.CORE] = core + _MINUTES / (0.6 * demand.soak_minutes) * (load - core)


def _moisten(state: list[float], base: int, demand: Demand) -> None:
    humidity = state[base + Slot.HUMIDITY]
    if demand.steam:
        humidity += _MINUTES * 2.5 * (92 - humidity)
    elif demand.door_open:
        humidity += _MINUTES * 2 * (18 - humidity)
    else:
        humidity += _MINUTES / 5 * (demand.humid + (14 if demand.loaded else 0) - humidity)
    state[base + Slot.HUMIDITY] = humidity
    boiler = state[base + Slot.STEAM] + _MINUTES * (-22 if demand.steam else 5)
    state[base + Slot.STEAM] = min(max(boiler, 8.0), 100.0)


def _count(body: Body, state: list[float], base: int, duty: float, demand: Demand) -> None:
    target = demand.sets[0]
    hours = STEP_SECONDS / 3600
    kw = body.rated_kw * duty + (body.idle_kw if target is not None else 0) + (6 if demand.steam else 0)
    state[base + Slot.ENERGY] += kw * hours
    if target is None:
        state[base + Slot.READY] = 0.0
        return
    state[base + Slot.HOURS] += hours
    gap = abs(target - state[len(body.zones)])
    if gap < 3:
        state[base + Slot.READY] = 1.0
    elif gap > 25 and not demand.loaded:
        state[base + Slot.READY] = 0.0
