"""The twelve values of a bench oven, which every protocol tells in its own way, and how they change with the clock.

The temperature takes a step every few seconds at a moment that follows from the oven's number: whoever sees a
temperature for the first time knows from the clock alone how long ago it appeared at the machine.
"""

from typing import NamedTuple

STEP_SECONDS = 5.0
STEPS = 100
_LOWEST = 150
# Neighbours do not step together: the steps of a fleet are spread evenly.
_SPREAD = 0.6180339887


class Value(NamedTuple):
    """One value, as the whole number that travels and what makes the field of it."""

    field: str
    scale: float = 1.0
    words: dict[str, str] | None = None


VALUES = (
    Value("temperature", 0.1),
    Value("target_temperature", 0.1),
    Value("temperature_zones.deck_1_top", 0.1),
    Value("temperature_zones.deck_1_bottom", 0.1),
    Value("temperature_zones.core", 0.1),
    Value("humidity"),
    Value("energy_consumption_kwh", 0.1),
    Value("operational_status", words={"5": "running"}),
    Value("cycle_progress_percentage"),
    Value("time_remaining_minutes"),
    Value("motor_speed"),
    Value("door_status", words={"0": "closed"}),
)


def _shift(number: int) -> float:
    return number * _SPREAD % 1 * STEP_SECONDS


def place_in_second(number: int) -> float:
    """Where in each second of the wall clock a step of this oven can be."""
    return -_shift(number) % 1


def numbers_at(number: int, now: float) -> tuple[int, ...]:
    """What oven `number` shows at a moment of the wall clock, in the order of VALUES."""
    temperature = 10 * (_LOWEST + int((now + _shift(number)) // STEP_SECONDS) % STEPS)
    second = int(now)
    return (
        temperature, 2200, temperature + 5, temperature - 5, 720, 40 + second % 20, second % 60_000, 5, second % 100,
        12, 60, 0,
    )  # fmt: skip


def age_of_temperature(number: int, temperature: float, now: float) -> float:
    """How many seconds ago this temperature appeared at the machine, if it is one of the last STEPS."""
    steps = (now + _shift(number)) / STEP_SECONDS
    behind = (int(steps) - (round(temperature) - _LOWEST)) % STEPS
    return (steps - int(steps) + behind) * STEP_SECONDS
