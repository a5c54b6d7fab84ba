"""A user who may see the machines of some fleets, and the processes that look at them in this user's name."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from knox.models import AuthToken

from bench.fleets import Fleet
from bench.house import House
from bench.processes import PYTHON, Child
from bench.viewers.sight import Machine, Task


@dataclass(frozen=True)
class Person:
    machines: list[Machine]
    token: str = field(repr=False)
    session: str = field(repr=False)

    @classmethod
    def who_sees(cls, fleets: Iterable[Fleet]) -> "Person":
        """A new one, a member of these fleets' bakeries and of no others."""
        user = User.objects.create_user(f"viewer-{User.objects.count()}")
        rows = [(row, number, fleet.pushes) for fleet in fleets for number, row in enumerate(fleet.healthy)]
        for bakery in {row.bakery for row, _, _ in rows}:
            bakery.members.add(user)
        client = Client()
        client.force_login(user)
        _, token = AuthToken.objects.create(user)
        machines = [Machine(str(row.uuid), row.name, number, pushes) for row, number, pushes in rows]
        return cls(machines, token, client.cookies["sessionid"].value)

    def task(self, address: str, seconds: float, viewers: int | None = 1, machines: int | None = None) -> Task:
        """Of all machines, or of the first few of each fleet."""
        chosen = [machine for machine in self.machines if machines is None or machine.number < machines]
        return Task(address, chosen, seconds, viewers or 1, self.token, self.session)


class Viewer:
    """One process of viewers; `said` reads what it says, line by line. The first line means that it looks."""

    def __init__(self, kind: str, task: Task, environment: Mapping[str, str]) -> None:
        self.child = Child(f"viewers {kind}", [PYTHON, "-m", "bench.viewers", kind], environment, None)
        assert self.child.process.stdin is not None
        self.child.process.stdin.write(json.dumps(asdict(task)))
        self.child.process.stdin.close()

    def said(self) -> dict[str, Any]:
        words: dict[str, Any] = json.loads(self.child.say_line())
        return words


def viewer_of(kind: str, person: Person, house: House, seconds: float, **how_many: int | None) -> Viewer:
    return Viewer(kind, person.task(house.address, seconds, **how_many), house.servers.environment)
