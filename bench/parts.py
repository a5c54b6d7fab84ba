"""The parts of a bench, one after the other, and what becomes of their figures."""

from collections.abc import Callable, Iterable
from dataclasses import asdict

from rich.console import Console

from bench import api_load, collecting, freshness, history, push, soak, store
from bench.figures import Figure, print_table, write_file
from bench.house import House
from bench.options import Options
from bench.processes import ChildError
from bench.servers import Servers

COLLECTING = ("modbus", "http", "mqtt", "opc_ua", "mixed", "faults")
OTHERS: dict[str, Callable[[Options, House], Iterable[Figure]]] = {
    "store": store.measure,
    "freshness": freshness.measure,
    "push": push.measure,
    "api": api_load.measure,
    "soak": soak.measure,
    "history": history.measure,
}


def measure_all(options: Options, servers: Servers) -> None:
    """Each part is shown and written when it is done, so that a stop in the middle loses only what was under way."""
    console = Console()
    figures: list[Figure] = []
    failures: list[str] = []
    asked = {**asdict(options), "file": options.file.name}
    with House(servers) as house:
        for part in options.parts:
            console.print(f"{part} ...", highlight=False)
            try:
                found = measure(part, options, house)
            except ChildError as error:
                failures.append(f"{part} was not measured: {error}")
                continue
            print_table(found, console)
            figures += found
            write_file(options.file, figures, asked)
    if failures:
        raise ChildError("\n".join(failures))


def measure(part: str, options: Options, house: House) -> list[Figure]:
    if part in COLLECTING:
        return collecting.measure(part, options, house)
    return list(OTHERS[part](options, house))
