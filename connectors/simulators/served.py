"""One simulated oven as its servers see it, whatever they speak: what it reads now, and what is wrong with it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connectors.reading import Reading

from .faults import FAULTS, HttpFault, Misbehaviour
from .fleet import FLEET, OvenSpec
from .installation import Installation
from .oven import PhysicalFault
from .simulated import SimulatedOven


class ServedOven:
    """One oven and its web server. Set `fault` to a word of `FAULTS`, or to None; `asked` tells of a request."""

    def __init__(self, spec: OvenSpec, token: str, clock: "Clock") -> None:
        self.spec = spec
        self.token = token
        self.oven = SimulatedOven(spec, clock.epoch)
        self.server = Misbehaviour()
        self.requests = 0
        self.asked = asyncio.Event()
        self._clock = clock

    @property
    def fault(self) -> str | None:
        found = self.server.fault or self.oven.oven.fault
        return str(found) if found else None

    @fault.setter
    def fault(self, word: str | None) -> None:
        if word is not None and word not in FAULTS:
            raise ValueError(f"There is no fault {word!r}. Choose one of: {', '.join(sorted(FAULTS))}.")
        found = FAULTS[word] if word else None
        self.server.set(found if isinstance(found, HttpFault) else None, self._clock.now())
        physical = found if isinstance(found, PhysicalFault) else None
        self.oven.oven.set_fault(physical, self._clock.model_time(self._clock.now()).timestamp())

    def read(self) -> Reading:
        """The newest values of the control: it measures at its own pace, however often it is asked."""
        pace = self.spec.sample_seconds
        sampled = datetime.fromtimestamp(self._clock.now().timestamp() // pace * pace, UTC)
        reading = self.oven.read(self._clock.model_time(sampled))
        return replace(reading, reading_time=self.server.reported_time(sampled))


class Clock:
    """Wall clock, and the time of the ovens, which may run faster. Readings carry the wall clock's."""

    def __init__(self, epoch: datetime, speed: float, seconds: Callable[[], float]) -> None:
        self.epoch = epoch
        self._speed = speed
        self._seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds(), UTC)

    def model_time(self, moment: datetime) -> datetime:
        return self.epoch + (moment - self.epoch) * self._speed


def make_ovens(
    fleet: Sequence[OvenSpec] = FLEET,
    *,
    speed: float = 1,
    installation: Installation | None = None,
    seconds: Callable[[], float] = time.time,
) -> Mapping[str, ServedOven]:
    """The fleet by key. Several servers may serve the same ovens: each is one machine, whatever it is asked in."""
    started = datetime.fromtimestamp(seconds(), UTC)
    installation = installation or Installation.new((spec.key for spec in fleet), started)
    clock = Clock(installation.epoch, speed, seconds)
    return {spec.key: ServedOven(spec, installation.tokens[spec.key], clock) for spec in fleet}
