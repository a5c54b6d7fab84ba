"""What a viewer is told, and the ages at which it saw a temperature for the first time."""

from dataclasses import dataclass, field
from typing import Any

from bench.ranks import ranks
from bench.values import age_of_temperature


@dataclass(frozen=True)
class Machine:
    uuid: str
    name: str
    number: int  # in its fleet
    pushes: bool


@dataclass(frozen=True)
class Task:
    """`address` is host:port of the web process."""

    address: str
    machines: list[Machine]
    seconds: float
    viewers: int = 1
    token: str = field(default="", repr=False)
    session: str = field(default="", repr=False)

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Task":
        return cls(**{**told, "machines": [Machine(**machine) for machine in told["machines"]]})


@dataclass
class FirstSight:
    """By machine the last temperature; a new one was at the machine for as long as the clock says."""

    polled: list[float] = field(default_factory=list)
    pushed: list[float] = field(default_factory=list)
    _last: dict[str, float] = field(default_factory=dict)

    def see(self, machine: Machine, temperature: float | None, now: float) -> None:
        last = self._last.get(machine.uuid)
        if temperature is None or temperature == last:
            return
        self._last[machine.uuid] = temperature
        if last is not None:  # the first one may have been there for long
            ages = self.pushed if machine.pushes else self.polled
            ages.append(age_of_temperature(machine.number, temperature, now))

    def to_json(self) -> dict[str, dict[str, float]]:
        return {
            name: {"changes": len(ages), **ranks(ages)}
            for name, ages in (("polled", self.polled), ("pushed", self.pushed))
        }
