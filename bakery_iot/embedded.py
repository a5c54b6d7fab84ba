"""Runs PostgreSQL and Redis where no server is configured: beside a test, or in place of this process for a supervisor.

Both listen on a loopback port with a random password. A Unix socket would need no password, but its path may not be
longer than 107 bytes, and in a short folder under /tmp the system's cleaning would remove it one day.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bakery_iot import embedded_postgres, embedded_redis
from bakery_iot.loopback import StartError

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class EmbeddedServer:
    """A running server that this process started; `stop` ends that one and no other."""

    url: str = field(repr=False)
    process: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_postgres(folder: Path, *, durable: bool = True) -> EmbeddedServer:
    """Start PostgreSQL in `folder`; returns when it answers. `durable=False` never waits for the disk: for tests."""
    url = embedded_postgres.prepare(folder)
    command = embedded_postgres.command(folder, durable=durable)
    identity = embedded_postgres.system_identity()
    user = identity.for_popen() if identity else {}
    log_file = folder / "postgres.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **user)
    server = EmbeddedServer(url, process, signal.SIGINT)
    _wait_until(embedded_postgres.answers, server, log_file)
    return server


def start_redis(folder: Path, *, binary: Path | None = None) -> EmbeddedServer:
    """Start Redis in `folder`; returns when it answers."""
    url = embedded_redis.prepare(folder)
    log_file = folder / "redis.log"
    with log_file.open("ab") as log:
        command = embedded_redis.command(folder, binary)
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    server = EmbeddedServer(url, process, signal.SIGTERM)
    _wait_until(embedded_redis.answers, server, log_file)
    return server


def become_postgres(folder: Path) -> None:
    """Replace this process by the server, so that a supervisor's signals reach it: SIGINT is its fast, clean stop."""
    if not (folder / "data").exists():
        embedded_postgres.prepare(folder)
    command = embedded_postgres.command(folder)
    if identity := embedded_postgres.system_identity():
        os.setgroups([])
        os.setgid(identity.gid)
        os.setuid(identity.uid)
    os.execv(command[0], command)


def become_redis(folder: Path) -> None:
    if not (folder / "redis.conf").exists():
        embedded_redis.prepare(folder)
    command = embedded_redis.command(folder)
    os.execv(command[0], command)


def _wait_until(answers: Callable[[str], bool], server: EmbeddedServer, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(server.url):
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            tail = log_file.read_text(errors="replace")[-2000:]
            raise StartError(f"{server.process.args!s} did not start. The end of {log_file} says:\n{tail}")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bakery_iot.embedded", description=__doc__)
    parser.add_argument("server", choices=["postgres", "redis"])
    parser.add_argument("--folder", type=Path, required=True, help="where its data lies")
    arguments = parser.parse_args()
    become = become_postgres if arguments.server == "postgres" else become_redis
    try:
        become(arguments.folder)
    except StartError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
