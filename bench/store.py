"""What storing costs: a batch with its latest values and rollups, beside a bare COPY of the same rows.

The two take turns, block by block: the system's clock of processor time has steps of 10 ms, so a block is long.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from bench.figures import Figure
from bench.fleets import make_bakeries
from bench.house import House
from bench.options import Options
from connectors import Reading
from connectors.reading import CycleStage, DoorStatus, OperationalStatus
from equipment.models import Equipment
from telemetry.services import EquipmentReading, store_sensor_readings
from telemetry.store import COLUMNS, to_arrays

FLOOR = "bench_bare_copy"
BLOCK_READINGS = 10_000
BLOCKS = 3
TARGET_MICROSECONDS, TARGET_RATIO = 60, 4


@dataclass
class Feed:
    """Ovens that are read in turn, each once in every interval, from an hour ago."""

    ovens: Sequence[Equipment]
    interval_seconds: int
    begin: datetime = field(default_factory=lambda: timezone.now() - timedelta(hours=1))
    given: int = 0

    def take(self, count: int) -> list[EquipmentReading]:
        return [self._next() for _ in range(count)]

    def _next(self) -> EquipmentReading:
        round_, place = divmod(self.given, len(self.ovens))
        self.given += 1
        moment = self.begin + timedelta(seconds=self.interval_seconds * round_)
        degrees = 200 + random.random() * 10
        reading = Reading(
            reading_time=moment,
            temperature=degrees,
            target_temperature=210.0,
            temperature_zones={"deck_1_top": degrees, "deck_1_bottom": degrees - 2, "core": 72.0},
            humidity=40 + random.random(),
            energy_consumption_kwh=1000 + round_ / 100,
            operational_status=OperationalStatus.RUNNING,
            cycle_stage=CycleStage.BAKING,
            cycle_progress_percentage=round_ % 100,
            time_remaining_minutes=12,
            motor_speed=60.0,
            door_status=DoorStatus.CLOSED,
        )
        return EquipmentReading(equipment_id=self.ovens[place].pk, reading=reading, received_at=moment)


def measure(options: Options, house: House) -> Iterator[Figure]:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {FLOOR} (LIKE equipment_sensor_readings INCLUDING ALL)")
    for count, interval in ((200, 60), (1000, 1)):
        bakery, *_ = make_bakeries(f"store {count}", 1)
        ovens = Equipment.objects.bulk_create(
            Equipment(bakery=bakery, name=f"Oven {number}", poll_interval_seconds=interval, iot_enabled=False)
            for number in range(count)
        )
        for size in (500, 50, 1):
            yield from _measure(Feed(ovens, interval), size, house)
        Equipment.objects.filter(pk__in=[oven.pk for oven in ovens]).update(archived_at=timezone.now())


def _measure(feed: Feed, size: int, house: House) -> Iterator[Figure]:
    # A statement for each single reading: nobody needs to wait for 10,000 of them.
    block = max(BLOCK_READINGS * min(size, 50) // 50, 500)
    feed.begin -= timedelta(days=size)
    spent = {_store: 0.0, _copy: 0.0}
    _store(feed.take(size))
    for _ in range(BLOCKS):
        batches = [feed.take(size) for _ in range(block // size)]
        for way in spent:
            spent[way] += _processor_seconds(way, batches, house)
    ours, bare = (1e6 * seconds / (BLOCKS * block) for seconds in spent.values())
    name = f"{len(feed.ovens)} ovens every {feed.interval_seconds} s, batches of {size}"
    target = TARGET_RATIO if size == 500 else None
    yield Figure(
        part="store", name=name, value=ours, unit="µs", floor="bare COPY", floor_value=bare, target=target
    )  # fmt: skip
    if size == 500:
        yield Figure(part="store", name=f"{name}: a reading", value=ours, unit="µs", target=TARGET_MICROSECONDS)


def _processor_seconds(
    way: Callable[[list[EquipmentReading]], None], batches: Sequence[list[EquipmentReading]], house: House
) -> float:
    """Of this process and of PostgreSQL with all that it does beside."""
    server, client = house.busy_seconds()["postgres"], time.process_time()
    for batch in batches:
        way(batch)
    return time.process_time() - client + house.busy_seconds()["postgres"] - server


def _store(batch: list[EquipmentReading]) -> None:
    store_sensor_readings(batch, tell=False)


def _copy(batch: list[EquipmentReading]) -> None:
    rows = zip(*to_arrays(batch), strict=True)
    with connection.cursor() as cursor, cursor.copy(f"COPY {FLOOR} ({', '.join(COLUMNS)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
