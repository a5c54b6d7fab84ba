"""Realtime data over the API on one web process, beside a bare view that gives the same bytes on the same stack."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from bakery_iot.loopback import free_port
from bench.audience import Person, Viewer, viewer_of
from bench.collecting import reading
from bench.figures import Figure
from bench.fleets import start_fleet
from bench.floors import BODY
from bench.house import House
from bench.options import Options
from bench.processes import PYTHON, Child, busy_seconds

OVENS = 50
CLIENTS = 4


@dataclass(frozen=True)
class Load:
    requests: int
    requests_a_second: float
    ms_a_request: float  # of the web process
    took: dict[str, float]
    body: str


def measure(options: Options, house: House) -> Iterator[Figure]:
    with contextlib.ExitStack() as stack:
        fleet = start_fleet("modbus", house.servers.environment, min(OVENS, options.ovens))
        stack.callback(fleet.child.end)
        stack.enter_context(reading([fleet], house))
        person = Person.who_sees([fleet])
        viewer = viewer_of("load", person, house, options.seconds, viewers=CLIENTS)
        before = _count_sessions()
        ours = _put_under_load(viewer, house.children["web"], options.seconds)
        sessions = _count_sessions() - before
        bare_view, address = stack.enter_context(_bare_view(ours.body, house))
        task = person.task(address, options.seconds, viewers=CLIENTS)
        bare = _put_under_load(Viewer("load", task, house.servers.environment), bare_view, options.seconds)
    name, part = "a bare Django view", "api"
    yield Figure(
        part=part,
        name="requests a second",
        value=ours.requests_a_second,
        floor=name,
        floor_value=bare.requests_a_second,
    )
    yield Figure(
        part=part, name="web's time per request", value=ours.ms_a_request, unit="ms", floor=name,
        floor_value=bare.ms_a_request,
    )  # fmt: skip
    yield Figure(part=part, name="database sessions opened per request", value=sessions / max(ours.requests, 1))
    for rank, took in ours.took.items():
        yield Figure(part=part, name=f"answered {rank}", value=took, unit="ms", floor=name, floor_value=bare.took[rank])


def _put_under_load(viewer: Viewer, web: Child, seconds: float) -> Load:
    try:
        body, busy = viewer.said()["body"], busy_seconds([web.pid])
        done = viewer.said()
        busy = busy_seconds([web.pid]) - busy
    finally:
        viewer.child.end()
    requests = done["requests"]
    return Load(requests, requests / seconds, 1000 * busy / max(requests, 1), done["took"], body)


def _count_sessions() -> int:
    """Since the server began."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def _bare_view(body: str, house: House) -> Iterator[tuple[Child, str]]:
    port = free_port()
    command = [PYTHON, "-m", "uvicorn", "bench.floors.page:application", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**house.servers.environment, BODY: body}
    quiet = ["--log-level", "warning", "--no-access-log"]
    child = Child("bare-view", [*command, *quiet], environment, house.servers.folder / "log")
    try:
        house.wait_until(lambda: _listens(port), "the bare view to answer")
        yield child, f"127.0.0.1:{port}"
    finally:
        child.end()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
