"""The simulated bakery as a process: `python -m connectors.simulators --port 8800`."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .fleet import FLEET
from .installation import Installation
from .site import SimulatedSite

DEFAULT_PORT = 8800
DEFAULT_FILE = Path("var/simulators.json")

logger = logging.getLogger("connectors.simulators")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m connectors.simulators", description="Twelve simulated ovens.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="of HTTP; the other protocols take those that follow. 0: free ones; it is logged",
    )
    parser.add_argument("--speed", type=float, default=1, help="60: an hour of baking passes in a minute")
    parser.add_argument(
        "--tokens",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="JSON with the ovens' keys and the beginning of their time; made where it is missing (mode 600)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.speed <= 0:
        parser.error("--speed must be more than 0.")
    return chosen


async def serve(chosen: argparse.Namespace) -> None:
    installation = Installation.open(chosen.tokens, [spec.key for spec in FLEET])
    site = SimulatedSite(installation=installation, speed=chosen.speed, host=chosen.host, port=chosen.port)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with site:
        logger.info("%d simulated ovens at %s, speed %g", len(site.http.ovens), site.http.url, chosen.speed)
        await stopping.wait()
    logger.info("stopped")


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    chosen = parse_arguments(arguments)
    try:
        asyncio.run(serve(chosen))
    except OSError as error:
        logger.error(
            "The simulated ovens cannot use %s:%d or %s (%s). Choose another --port, or a folder that can be written.",
            chosen.host,
            chosen.port,
            chosen.tokens,
            error.strerror or error,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
