"""When readings came, against when they were due: which of the expected ones were stored, and how late they were.

A polled machine has places in time of its own: its phase, and each interval after it, on the collector's clock. The
lateness of a reading is the time from its place until the answer was there (`received_at`). A machine that pushes has
no places: there it is the time from the machine's own moment (`reading_time`), and each second has one.
"""

import math
import time
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bench.fleets import INTERVAL_SECONDS, Fleet
from connectors import AddressPolicy
from equipment.models import Equipment
from telemetry.line import Line, LineSettings
from telemetry.models import SensorReading
from telemetry.news import News

# Beyond it a reading belongs to a place that another one has passed over.
_LATEST_SECONDS = 5.0


class Arrivals(NamedTuple):
    readings: int  # received in the window
    expected: int  # places in the window
    stored: int  # of those, how many have their reading
    lateness: list[float]  # seconds


def clock_shift() -> float:
    """What the wall clock is ahead of the one that collectors go by."""
    return time.time() - time.monotonic()


def look_at(fleets: Iterable[Fleet], begin: float, end: float, shift: float) -> Arrivals:
    """The window is in seconds of the wall clock; call it when the last of it must have been stored."""
    parts = [_look_at(fleet, begin, end, shift) for fleet in fleets]
    readings, expected, stored = (sum(column) for column in list(zip(*parts, strict=True))[:3])
    return Arrivals(readings, expected, stored, [late for part in parts for late in part.lateness])


def _look_at(fleet: Fleet, begin: float, end: float, shift: float) -> Arrivals:
    phases = {row.pk: 0.0 if fleet.pushes else phase_of(row) for row in fleet.healthy}
    found: dict[tuple[int, int], float] = {}
    readings = 0
    for pk, moment, received in _rows(phases, begin, end):
        readings += begin <= received < end
        if fleet.pushes:
            place, late = math.floor(moment), received - moment
            inside = begin <= moment < end
        else:
            place = math.floor((received - shift - phases[pk]) / INTERVAL_SECONDS)
            due = place * INTERVAL_SECONDS + phases[pk] + shift
            inside, late = begin <= due < end, received - due
        if inside:
            found[pk, place] = min(late, found.get((pk, place), math.inf))
    expected = round(len(phases) * (end - begin) / INTERVAL_SECONDS)
    return Arrivals(readings, expected, min(len(found), expected), list(found.values()))


def _rows(pks: Iterable[int], begin: float, end: float) -> Iterable[tuple[int, float, float]]:
    first, last = (datetime.fromtimestamp(moment).astimezone() for moment in (begin - 1, end + _LATEST_SECONDS))
    rows = SensorReading.objects.filter(equipment_id__in=list(pks), received_at__gte=first, received_at__lt=last)
    for pk, moment, received in rows.values_list("equipment_id", "reading_time", "received_at"):
        yield pk, moment.timestamp(), received.timestamp()


def phase_of(machine: Equipment) -> float:
    """As the collector finds it."""
    news = News(machine.pk, machine.name, ("", ""), lambda event: None)
    return Line(LineSettings.of(machine), AddressPolicy(), news).phase
