"""`python -m bench.fleet modbus --ovens 1000`: says its ports as JSON, and serves until its standard input closes."""

import argparse
import asyncio
import importlib
import json
import logging
import sys
from typing import Any

import uvloop


async def serve(protocol: Any, ovens: int, hanging: int, dead: int) -> None:
    sys.stdout.write(json.dumps(await protocol.start(ovens, hanging, dead)) + "\n")
    sys.stdout.flush()
    # Whoever started us may be gone without a word; then the pipe breaks.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    if hasattr(protocol, "stop"):
        await protocol.stop()


def main() -> None:
    logging.basicConfig(level=logging.CRITICAL)  # the libraries warn of what does not matter here
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("protocol", choices=["modbus", "http", "mqtt", "opc_ua"])
    for name in ("ovens", "hanging", "dead"):
        parser.add_argument(f"--{name}", type=int, default=0)
    given = parser.parse_args()
    protocol = importlib.import_module(f"bench.fleet.{given.protocol}")
    uvloop.run(serve(protocol, given.ovens, given.hanging, given.dead))


if __name__ == "__main__":
    main()
