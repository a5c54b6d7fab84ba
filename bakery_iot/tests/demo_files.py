"""Makes the demo in a folder of its own, for the tests of its commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command

from connectors.simulators.installation import Installation

Maker = Callable[..., dict[str, Any]]


def demo_maker(folder: Path) -> Maker:
    """A function that runs `create_demo` and returns what it wrote."""

    def make(port: int = 8800, hours: int = 0, **options: Any) -> dict[str, Any]:
        files = {"write": folder / "demo.json", "tokens": folder / "simulators.json"}
        call_command("create_demo", **files, simulator_port=port, history_hours=hours, verbosity=0, **options)
        found: dict[str, Any] = json.loads(files["write"].read_text())
        return found

    return make


def installation(folder: Path) -> Installation:
    return Installation.open(folder / "simulators.json", [])
