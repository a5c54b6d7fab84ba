"""A long time at speed: whether the memory of any process or the length of any queue grows.

Every oven is read each second, the quickest there is, and time is counted in readings: 100 ovens that are read every
30 seconds give as many in an hour as come here in a few seconds.
"""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import redis

from bench.collecting import TARGETS, reading
from bench.figures import Figure
from bench.fleets import GATEWAY, Fleet, start_fleet
from bench.house import PROGRAMS, House
from bench.options import Options
from bench.processes import memory_bytes
from bench.recomputation import count_buckets
from telemetry.models import SensorReading

READINGS_A_SIMULATED_HOUR = 100 * 3600 / 30
SAMPLES = 60
# Until then libraries are loaded and caches filled.
SETTLED = 1 / 3
# In less time than this nothing can be promised: one freed list is more than the slope.
SHORTEST_SECONDS = 60.0
MB_AN_HOUR, MOST_WAITING = 0.5, 10
QUEUES = ("celery", f"poll.{GATEWAY}")


@dataclass
class Samples:
    moments: list[float] = field(default_factory=list)
    megabytes: dict[str, list[float]] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    unstored: list[float] = field(default_factory=list)

    def take(self, house: House, queues: "redis.Redis") -> None:
        self.moments.append(time.monotonic())
        for name, pid in house.pids().items():
            self.megabytes.setdefault(name, []).append(memory_bytes(pid) / 2**20)
        self.waiting.append(sum(int(queues.llen(name)) for name in QUEUES))
        self.unstored.append(house.own_figures().get("bakery_waiting", 0.0))

    def slope(self, name: str) -> float:
        """MB a second, by the least squares, once all is settled."""
        begin = int(len(self.moments) * SETTLED)
        return statistics.linear_regression(self.moments[begin:], self.megabytes[name][begin:]).slope


def measure(options: Options, house: House) -> Iterator[Figure]:
    samples, queues = Samples(), redis.Redis.from_url(house.servers.redis.url)
    with contextlib.ExitStack() as stack:
        stack.callback(queues.close)
        fleets: list[Fleet] = []
        for protocol in TARGETS:
            fleets.append(start_fleet(protocol, house.servers.environment, max(options.ovens // len(TARGETS), 1)))
            stack.callback(fleets[-1].child.end)
        stack.enter_context(reading(fleets, house))
        before, begin = SensorReading.objects.count(), time.monotonic()
        for number in range(1, SAMPLES + 1):
            time.sleep(max(begin + number * options.seconds / SAMPLES - time.monotonic(), 0))
            samples.take(house, queues)
        hours = (SensorReading.objects.count() - before) / READINGS_A_SIMULATED_HOUR
    buckets, differing = count_buckets()
    hours_a_second = hours / (samples.moments[-1] - begin)
    judged = options.seconds >= SHORTEST_SECONDS
    yield Figure(part="soak", name="simulated hours", value=hours)
    for name, megabytes in samples.megabytes.items():
        yield Figure(part="soak", name=f"memory of {name} at the end", value=megabytes[-1], unit="MB")
        slope = samples.slope(name) / max(hours_a_second, 1e-9)
        target = MB_AN_HOUR if judged and name in PROGRAMS else None
        yield Figure(part="soak", name="its slope per simulated hour", value=slope, unit="MB", target=target)
    yield Figure(part="soak", name="tasks waiting at most", value=max(samples.waiting), target=MOST_WAITING)
    half = statistics.median(samples.unstored[: SAMPLES // 2])
    later = statistics.median(samples.unstored[SAMPLES // 2 :])
    yield Figure(part="soak", name="readings not stored yet, first half", value=half)
    yield Figure(part="soak", name="readings not stored yet, second half", value=later, target=2 * half + MOST_WAITING)
    yield Figure(part="soak", name=f"of {buckets:,} rollups, differ from a recomputation", value=differing, target=0)
