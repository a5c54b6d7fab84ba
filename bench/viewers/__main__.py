"""`python -m bench.viewers sockets`, with the task as JSON on standard input."""

import argparse
import importlib
import json
import sys
from typing import Any

import uvloop

from bench.viewers.sight import Task


def say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.viewers", description=__doc__)
    parser.add_argument("kind", choices=["sockets", "api", "page", "load"])
    kind = importlib.import_module(f"bench.viewers.{parser.parse_args().kind}")
    task = Task.of(json.load(sys.stdin))
    say(uvloop.run(kind.look(task, say)))


if __name__ == "__main__":
    main()
