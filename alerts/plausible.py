"""Which values of a reading cannot be true. Pure. They are kept and marked, and no alarm rests on them."""

from typing import Any, NamedTuple

# What sensors and their converters send when they have nothing to say: DS18B20, open thermocouples, full words.
SENTINELS = frozenset({-127.0, -999.0, -9999.0, 999.9, 9999.0, 3276.7, -3276.8, 6553.5, 32767.0, -32768.0, 65535.0})
RANGES = {
    "oven": (-30.0, 500.0),
    "proofer": (-30.0, 120.0),
    "fridge": (-40.0, 90.0),
    "freezer": (-60.0, 90.0),
    "other": (-273.15, 1_500.0),
}
# An oven's door cools its air by some 60 degrees in seconds; nothing in a bakery is twice as fast.
LARGEST_JUMP = 120.0
DEGREES_PER_SECOND = 2.0
# Heating with a value that does not move in the last digit: the probe is not in the oven, or not alive.
STUCK_SECONDS = 30 * 60.0
FAR_FROM_TARGET = 20.0
# One that stays where it jumped to is no longer a jump.
STEADY_SECONDS = 120.0


class Memory(NamedTuple):
    """Of the temperature: the last believable value, since when it has been the very same, since when it jumped."""

    value: float | None = None
    at: float = 0.0
    same_since: float = 0.0
    jumped_at: float | None = None


NOTHING = Memory()


def find_suspects(reading: Any, kind: str, memory: Memory, at: float) -> tuple[tuple[str, ...], Memory]:
    """The fields that are not to be believed, and what to remember. `kind` is the type of the machine."""
    value = reading.temperature
    suspects: tuple[str, ...] = ()
    humidity = reading.humidity
    if humidity is not None and not -1.0 <= humidity <= 101.0:
        suspects = ("humidity",)
    if value is None:
        return suspects, memory
    low, high = RANGES.get(kind, RANGES["other"])
    if value in SENTINELS or not low <= value <= high:
        return (*suspects, "temperature"), memory
    if memory.value is None:
        return suspects, Memory(value, at, at)
    if value == memory.value:
        memory = memory._replace(at=at, jumped_at=None)
        return ((*suspects, "temperature"), memory) if _is_stuck(reading, memory, at) else (suspects, memory)
    if _is_jump(value, memory, at):
        began = at if memory.jumped_at is None else memory.jumped_at
        if at - began < STEADY_SECONDS:
            return (*suspects, "temperature"), memory._replace(jumped_at=began)
    return suspects, Memory(value, at, at)


def _is_jump(value: float, memory: Memory, at: float) -> bool:
    assert memory.value is not None
    return abs(value - memory.value) > LARGEST_JUMP + DEGREES_PER_SECOND * max(0.0, at - memory.at)


def _is_stuck(reading: Any, memory: Memory, at: float) -> bool:
    target = reading.target_temperature
    return (
        at - memory.same_since > STUCK_SECONDS
        and reading.operational_status == "preheating"
        and target is not None
        and memory.value is not None
        and target - memory.value > FAR_FROM_TARGET
    )
