"""What the command line can ask for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ROOT

PARTS = ("modbus", "http", "mqtt", "opc_ua", "mixed", "faults", "store", "freshness", "push", "api", "soak", "history")
# What fits into five minutes; the others are asked for by name.
DEFAULT_PARTS = tuple(part for part in PARTS if part not in ("soak", "history"))


@dataclass(frozen=True, kw_only=True)
class Options:
    ovens: int
    seconds: float
    parts: tuple[str, ...]
    viewers: int
    readings_million: float
    file: Path


def read_options(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="Figures of this machine, in about five minutes. As in: make bench BENCH='--only modbus'",
    )
    parser.add_argument("--ovens", type=_positive, default=1000, help="how many, each read once a second (1000)")
    parser.add_argument("--seconds", type=float, default=5, help="how long each part is measured, in seconds (5)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=DEFAULT_PARTS, help="which parts", metavar="PART")
    parser.add_argument("--viewers", type=_positive, default=500, help="of part push (500)")
    parser.add_argument(
        "--readings", type=float, default=10, metavar="MILLION", help="of part history, in millions (10); 105 at most"
    )
    parser.add_argument(
        "--file",
        type=Path,
        default=ROOT / "var" / "bench.json",
        help="where the figures go; what runs lives beside it (var/bench.json)",
    )
    given = parser.parse_args(arguments)
    return Options(
        ovens=given.ovens,
        seconds=given.seconds,
        parts=tuple(part for part in PARTS if part in given.only),
        viewers=given.viewers,
        readings_million=given.readings,
        file=given.file,
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above zero")
    return int(text)
