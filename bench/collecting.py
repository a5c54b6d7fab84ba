"""What collecting costs: our system on a fleet for a while, and before and after it the bare libraries."""

import contextlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import Figure
from bench.fleets import Fleet, start_fleet
from bench.house import POLL_WORKER, House, NotInTimeError
from bench.lateness import Arrivals, clock_shift, look_at
from bench.options import Options
from bench.own_figures import growth
from bench.processes import PYTHON, Child, busy_seconds, machine_seconds
from bench.ranks import ranks
from telemetry.models import LatestReading

# How many times what the bare library costs we may cost, by protocol.
TARGETS = {"modbus": 2.2, "http": 1.5, "mqtt": 2.5, "opc_ua": 1.6}
STORED_PERCENT, LATE_MS, BUSY_PERCENT, JUDGING_PERCENT = 99.9, 250.0, 95.0, 15.0
HANGING, DEAD = 0.10, 0.05
FAULTY = ("modbus", "http")
# Before and after ours. A library that only reads is the same after half a minute as after half an hour.
MOST_BARE_SECONDS = 30.0
# What was read at the end of the window is in the table by then.
STORE_SECONDS = 2.0
COUNTED = (POLL_WORKER, "postgres", "redis")


@dataclass(frozen=True)
class Bare:
    """What the libraries took for so many readings."""

    readings: float
    expected: float
    busy_seconds: dict[str, float]

    def __add__(self, other: "Bare") -> "Bare":
        both = {name: busy + other.busy_seconds[name] for name, busy in self.busy_seconds.items()}
        return Bare(self.readings + other.readings, self.expected + other.expected, both)

    @property
    def ms(self) -> float:
        return sum(self.busy_seconds.values()) / self.readings * 1000

    @property
    def target(self) -> float:
        """Of several protocols each weighs as much as its library takes."""
        allowed = sum(busy * TARGETS[name] for name, busy in self.busy_seconds.items())
        return allowed / sum(self.busy_seconds.values())


@dataclass(frozen=True, kw_only=True)
class Window:
    """Processor seconds of our programs and servers, and of the ovens; and what the poll worker counted meanwhile."""

    seconds: float
    busy: dict[str, float]
    ovens_busy: float
    machine_percent: float
    others_percent: float  # of the machine, by what has nothing to do with the bench
    counted: dict[str, float]


def measure(part: str, options: Options, house: House) -> list[Figure]:
    bare_seconds = min(options.seconds / 2, MOST_BARE_SECONDS)
    with _fleets(part, options, house) as fleets:
        bare = _run_bare(fleets, bare_seconds, house)
        with reading(fleets, house):
            window, found = _run_ours(fleets, options.seconds, house)
        bare += _run_bare(fleets, bare_seconds, house)
    return [*_cost(part, window, found.readings, bare), *_promptness(part, found, bare), *_load(part, window)]


@contextlib.contextmanager
def _fleets(part: str, options: Options, house: House) -> Iterator[list[Fleet]]:
    """One of a protocol, or one of each; of `faults` some ovens hang or are dead."""
    protocols = {"mixed": tuple(TARGETS), "faults": FAULTY}.get(part, (part,))
    each = max(options.ovens // len(protocols), 1)
    hanging, dead = (int(each * share) if part == "faults" else 0 for share in (HANGING, DEAD))
    with contextlib.ExitStack() as stack:
        fleets = []
        for protocol in protocols:
            fleet = start_fleet(protocol, house.servers.environment, each - hanging - dead, hanging, dead)
            stack.callback(fleet.child.end)
            fleets.append(fleet)
        yield fleets


@contextlib.contextmanager
def reading(fleets: Sequence[Fleet], house: House) -> Iterator[None]:
    """Inside, our system reads these ovens, and has stored each of them that answers once, if it can."""
    for fleet in fleets:
        fleet.enable()
    pks = [row.pk for fleet in fleets for row in fleet.healthy]
    try:
        with contextlib.suppress(NotInTimeError):  # a system that cannot do it is measured nevertheless
            house.wait_until(
                lambda: LatestReading.objects.filter(pk__in=pks).count() == len(pks), "every oven to be stored once", 60
            )
        yield
    finally:
        for fleet in fleets:
            fleet.archive()


def _run_bare(fleets: Sequence[Fleet], seconds: float, house: House) -> Bare:
    """All at once, where there are several: so do ours."""
    with contextlib.ExitStack() as stack:
        children = []
        for fleet in fleets:
            command = [PYTHON, "-m", "bench.floors", fleet.protocol, "--ovens", str(fleet.ovens)]
            child = Child(
                f"bare {fleet.protocol}", [*command, "--seconds", str(seconds)], house.servers.environment, None
            )
            stack.callback(child.end)
            assert child.process.stdin is not None
            child.process.stdin.write(json.dumps(fleet.ports))
            child.process.stdin.close()
            children.append(child)
        found = {fleet.protocol: json.loads(child.say_line()) for fleet, child in zip(fleets, children, strict=True)}
    readings, expected = (sum(one[name] for one in found.values()) for name in ("readings", "expected"))
    return Bare(readings, expected, {name: one["busy_seconds"] for name, one in found.items()})


def _run_ours(fleets: Sequence[Fleet], seconds: float, house: House) -> tuple[Window, Arrivals]:
    time.sleep(STORE_SECONDS)
    ovens = [fleet.child.pid for fleet in fleets]
    counted, served = house.own_figures(), busy_seconds(ovens)
    shift, begin, before = clock_shift(), time.time(), house.busy_seconds()
    machine = machine_seconds()
    time.sleep(seconds)
    end = time.time()
    busy = {name: after - before[name] for name, after in house.busy_seconds().items()}
    ovens_busy = busy_seconds(ovens) - served
    idle, all_busy = (after - earlier for after, earlier in zip(machine_seconds(), machine, strict=True))
    window = Window(
        seconds=end - begin,
        busy=busy,
        ovens_busy=ovens_busy,
        machine_percent=100 * all_busy / (idle + all_busy),
        others_percent=100 * max(all_busy - sum(busy.values()) - ovens_busy, 0) / (idle + all_busy),
        counted=growth(counted, house.own_figures()),
    )
    time.sleep(STORE_SECONDS)
    return window, look_at(fleets, begin, end, shift)


def _cost(part: str, window: Window, readings: int, bare: Bare) -> Iterator[Figure]:
    def ms(*names: str) -> float:
        return 1000 * sum(window.busy[name] for name in names) / readings if readings else math.nan

    yield Figure(
        part=part,
        name="processor time per reading",
        value=ms(*COUNTED),
        unit="ms",
        floor=f"bare {' + '.join(bare.busy_seconds)}",
        floor_value=bare.ms,
        target=bare.target,
    )
    for name in COUNTED:
        yield Figure(part=part, name=f"of it {name}", value=ms(name), unit="ms")
    yield Figure(part=part, name="beside it web, worker, beat", value=ms("web", "worker", "beat"), unit="ms")
    if (judging := window.counted.get("bakery_evaluation_seconds_total")) is not None:
        share = 100 * judging / max(window.busy[POLL_WORKER], 1e-9)
        yield Figure(part=part, name="alert rules, of the poll worker", value=share, unit="%", target=JUDGING_PERCENT)
    if batches := window.counted.get("bakery_batch_readings_count"):
        yield Figure(part=part, name="readings a batch", value=window.counted["bakery_batch_readings_sum"] / batches)


def _promptness(part: str, found: Arrivals, bare: Bare) -> Iterator[Figure]:
    share = 100 * found.stored / max(found.expected, 1)
    yield Figure(part=part, name="stored", value=share, unit="%", target=STORED_PERCENT, at_least=True)
    yield Figure(part=part, name="read by the bare loop", value=100 * bare.readings / bare.expected, unit="%")
    late = ranks(found.lateness)
    yield Figure(part=part, name="lateness p50", value=late["p50"], unit="ms")
    yield Figure(part=part, name="lateness p99", value=late["p99"], unit="ms", target=LATE_MS)


def _load(part: str, window: Window) -> Iterator[Figure]:
    yield Figure(part=part, name="machine busy", value=window.machine_percent, unit="%", target=BUSY_PERCENT)
    yield Figure(part=part, name="of it by others", value=window.others_percent, unit="%")
    for name, busy in (("poll worker", window.busy[POLL_WORKER]), ("ovens", window.ovens_busy)):
        yield Figure(part=part, name=f"{name} busy, of one core", value=100 * busy / window.seconds, unit="%")
