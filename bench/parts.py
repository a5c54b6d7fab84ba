"""The parts of a bench, one after the other, and what becomes of their figures."""

from dataclasses import asdict

from rich.console import Console

from bench import collecting
from bench.figures import Figure, print_table, write_file
from bench.house import House
from bench.options import Options
from bench.servers import Servers

COLLECTING = ("modbus", "http", "mqtt", "opc_ua", "mixed", "faults")


def measure_all(options: Options, servers: Servers) -> None:
    console = Console(stderr=True)
    figures: list[Figure] = []
    with House(servers) as house:
        for part in options.parts:
            console.print(f"{part} ...")
            figures += measure(part, options, house)
    print_table(figures, Console())
    write_file(options.file, figures, {**asdict(options), "file": str(options.file.name)})
    console.print(f"Written to {options.file}")


def measure(part: str, options: Options, house: House) -> list[Figure]:
    return collecting.measure(part, options, house)
