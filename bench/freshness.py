"""How old a change at a machine is when it is seen: over the API, on a socket, on the page in Chromium."""

import contextlib
from collections.abc import Iterator

from bench.audience import Person, viewer_of
from bench.collecting import reading
from bench.figures import Figure
from bench.fleets import INTERVAL_SECONDS, start_fleet
from bench.house import House
from bench.options import Options
from bench.viewers.page import is_installed

OVENS = 20
# Of each fleet over the API: whoever asks for all, all the time, measures how many answers there are in a second.
ASKED_FOR = 4
# Polled: a change waits for the next read, too.
LATE_MS = {"polled": 1000 * INTERVAL_SECONDS + 400, "pushed": 400}
# An oven changes every five seconds; fewer changes than this make no percentile.
SHORTEST_SECONDS = 15.0
PLACES = {"api": "API", "sockets": "socket", "page": "Chromium"}


def measure(options: Options, house: House) -> list[Figure]:
    kinds = [kind for kind in PLACES if kind != "page" or is_installed()]
    seconds = max(options.seconds, SHORTEST_SECONDS)
    with contextlib.ExitStack() as stack:
        fleets = []
        for protocol in ("modbus", "mqtt"):
            fleets.append(start_fleet(protocol, house.servers.environment, min(OVENS, options.ovens)))
            stack.callback(fleets[-1].child.end)
        stack.enter_context(reading(fleets, house))
        person = Person.who_sees(fleets)
        viewers = {}
        for kind in kinds:
            viewers[kind] = viewer_of(kind, person, house, seconds, machines=ASKED_FOR if kind == "api" else None)
            stack.callback(viewers[kind].child.end)
        seen = {}
        for kind, viewer in viewers.items():
            viewer.said()
            if kind == "sockets":
                viewer.said()
        for kind, viewer in viewers.items():
            seen[kind] = viewer.said()
    return [figure for kind in kinds for figure in _figures(PLACES[kind], seen[kind])]


def _figures(place: str, seen: dict[str, dict[str, float]]) -> Iterator[Figure]:
    for how, target in LATE_MS.items():
        ages, name = seen[how], f"{place}, {how}"
        yield Figure(part="freshness", name=f"{name}: p50 of {ages['changes']}", value=ages["p50"], unit="ms")
        yield Figure(part="freshness", name=f"{name}: p99", value=ages["p99"], unit="ms", target=target)
