"""`python -m bench.floors modbus --ovens 1000 --seconds 5`, with the ports on standard input: says what it cost."""

import argparse
import asyncio
import importlib
import json
import logging
import os
import sys
import time
from typing import Any

import uvloop

from bench.floors.rhythm import INTERVAL_SECONDS, Count

START_SECONDS = 60.0
# The lines are open; after this the first round is over, too.
WARM_UP_SECONDS = 1.5 * INTERVAL_SECONDS


async def measure(library: Any, ports: list[int], ovens: int, seconds: float) -> None:
    """Writes the figures and ends the process: some libraries take being cancelled as a reason to connect again."""
    count = Count()
    async with asyncio.timeout(START_SECONDS):
        await library.start(ports, ovens, count)
    await asyncio.sleep(WARM_UP_SECONDS)
    readings, begun, busy = count.readings, time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    for task in count.tasks:
        if task.done():
            task.result()  # raises what ended it: a floor with a hole in it is none
    figures = {
        "readings": count.readings - readings,
        "expected": ovens * (time.monotonic() - begun) / INTERVAL_SECONDS,
        "busy_seconds": time.process_time() - busy,
    }
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    logging.basicConfig(level=logging.CRITICAL)  # the libraries warn of what does not matter here
    parser = argparse.ArgumentParser(prog="python -m bench.floors", description=__doc__)
    parser.add_argument("library", choices=["modbus", "http", "mqtt", "opc_ua"])
    parser.add_argument("--ovens", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    library = importlib.import_module(f"bench.floors.{given.library}")
    ports = json.load(sys.stdin)
    uvloop.run(measure(library, ports, given.ovens, given.seconds))


if __name__ == "__main__":
    main()
