"""Is a bakery at work at a moment, and when does it open next? Pure, and safe where the clocks change.

A stretch is (weekday, start, end) in the bakery's own time; an end that is not after its start is on the next day.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


class Stretch(NamedTuple):
    weekday: int  # 0 is Monday
    starts: time
    ends: time


def is_within(stretches: Iterable[Stretch], zone: ZoneInfo, moment: datetime) -> bool:
    """Whether the moment lies in one of them. The end itself is outside."""
    return find_end(stretches, zone, moment) is not None


def find_end(stretches: Iterable[Stretch], zone: ZoneInfo, moment: datetime) -> datetime | None:
    """When the stretch that the moment lies in ends; the last end, where it lies in several. None outside of all."""
    local = moment.astimezone(zone).date()
    bounds = (
        _bounds(stretch, zone, day)
        for stretch in stretches
        for day in (local - DAY, local)
        if day.weekday() == stretch.weekday
    )
    return max((ends for starts, ends in bounds if starts <= moment < ends), default=None)


def is_in_plan(stretches: Sequence[Stretch], zone: ZoneInfo, moment: datetime) -> bool:
    """Without any opening hours a bakery is always at work."""
    return not stretches or is_within(stretches, zone, moment)


def find_next_start(stretches: Sequence[Stretch], zone: ZoneInfo, moment: datetime) -> datetime | None:
    """When the next stretch begins, within a week. None without opening hours."""
    local = moment.astimezone(zone).date()
    days = [local + number * DAY for number in range(8)]
    starts = [_bounds(s, zone, day)[0] for s in stretches for day in days if day.weekday() == s.weekday]
    return min((start for start in starts if start > moment), default=None)


def _bounds(stretch: Stretch, zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """As moments: 02:30 of a night that has none is an hour later, and of one that has two the first."""
    ends_on = day if stretch.ends > stretch.starts else day + DAY
    starts = datetime.combine(day, stretch.starts, zone).astimezone(UTC)
    return starts, datetime.combine(ends_on, stretch.ends, zone).astimezone(UTC)
