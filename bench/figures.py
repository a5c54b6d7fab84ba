"""What was measured: a figure, perhaps beside that of a bare library and a target; as a table and as a file."""

import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.processes import ROOT


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. `target` is the most that is good, or the least where `at_least`.

    Where there is a floor, the target is one for the ratio to it.
    """

    part: str
    name: str
    value: float
    unit: str = ""
    floor: str = ""
    floor_value: float | None = None
    target: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor_value if self.floor_value else None

    @property
    def met(self) -> bool | None:
        """None where nothing was promised."""
        if self.target is None:
            return None
        judged = self.value if self.ratio is None else self.ratio
        return judged >= self.target if self.at_least else judged <= self.target

    def to_json(self) -> dict[str, Any]:
        numbers = {"value": _known(self.value), "floor_value": _known(self.floor_value), "ratio": _known(self.ratio)}
        return {**asdict(self), **numbers, "met": self.met}


def _known(number: float | None) -> float | None:
    """JSON has no word for what is not a number."""
    return None if number is None or math.isnan(number) else number


def print_table(figures: Sequence[Figure], console: Console) -> None:
    table = Table("figure", title=figures[0].part)
    for name in ("value", "bare", "ratio", "target", "met"):
        table.add_column(name, justify="right")
    for figure in figures:
        table.add_row(figure.name, *_cells(figure))
    console.print(table)


def _cells(figure: Figure) -> list[str]:
    sign = "≥" if figure.at_least else "≤"
    times = " x" if figure.ratio is not None else ""
    return [
        f"{show(figure.value)} {figure.unit}".strip(),
        show(figure.floor_value),
        show(figure.ratio),
        "" if figure.target is None else f"{sign} {show(figure.target)}{times}",
        {None: "", True: "yes", False: "[red]no[/red]"}[figure.met],
    ]


def show(number: float | None) -> str:
    """Four digits, and no more zeros than they need."""
    if number is None:
        return ""
    if math.isnan(number):
        return "none"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def write_file(path: Path, figures: Sequence[Figure], options: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "options": options,
        "figures": [figure.to_json() for figure in figures],
    }
    path.write_text(json.dumps(found, indent=2) + "\n")


def _commit() -> str:
    """Empty outside a checkout. A plus behind it: files were changed since."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
