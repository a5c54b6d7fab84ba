"""`python -m bakery_iot.run` in a var folder of its own, for tests that kill its parts."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from bakery_iot import embedded_postgres, embedded_redis, leftovers, run
from bakery_iot.loopback import read_address

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"postgres", "redis", "web", "poll-central", "worker", "beat", "ovens", "batches"}


def command_line(process: psutil.Process) -> str:
    """Empty for one that has just ended, and whose parent has not noticed yet."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


class Demo:
    """`python -m bakery_iot.run` with a var folder of its own."""

    def __init__(self, var: Path, port: int, **environment: str) -> None:
        self.var = var
        self.url = f"http://127.0.0.1:{port}"
        # What the test session itself runs on must not be taken for the person's own servers.
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.environment = {**inherited, "PORT": str(port), **environment}
        self.process: subprocess.Popen[str] | None = None
        self.said = ""

    def start(self) -> float:
        """Returns after how many seconds the box with the address was on the screen."""
        begun = time.monotonic()
        self.process = self.open()
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C stops everything" in line:
                seconds = time.monotonic() - begun
                # The last of them were told to start just before these words.
                eventually(lambda: "batches" in self.programs(), self)
                return seconds
        raise AssertionError(self.said + self.logs())

    def open(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "bakery_iot.run", "--var", str(self.var)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> str:
        assert self.process is not None
        self.process.send_signal(sign)
        said, _ = self.process.communicate(timeout=100)
        return said

    def programs(self) -> dict[str, psutil.Process]:
        """What supervisord runs, found without asking supervisord: it may be dead."""
        found = {}
        for process in leftovers.list_marked(self.var):
            words = command_line(process)
            for name, sign in (
                ("supervisord", "supervisor.supervisord"),
                ("web", "uvicorn"),
                ("poll-central", "poll.central"),
                ("worker", "worker@"),
                ("beat", "DatabaseScheduler"),
                ("ovens", "connectors.simulators"),
                ("batches", "follow_demo"),
            ):
                if sign in words:
                    found[name] = process
        for name, server in (
            ("postgres", embedded_postgres.find_running(self.var / "postgres")),
            ("redis", embedded_redis.find_running(self.var / "redis")),
        ):
            if server:
                found[name] = server
        return found

    def answers(self) -> bool:
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with browser.open(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def readings(self) -> int:
        """How many there are, from the database itself."""
        address = read_address(self.var / "postgres")
        url = f"postgres://bakery:{address['password']}@127.0.0.1:{address['port']}/bakery"
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                row = connection.execute("SELECT count(*) FROM equipment_sensor_readings").fetchone()
        except psycopg.Error:
            return 0
        return int(row[0]) if row else 0

    def logs(self) -> str:
        files = sorted((self.var / "log").glob("*.log"))
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        run.end_leftovers(self.var)


def eventually(happens: Callable[[], object], demo: Demo, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, demo.logs()
        time.sleep(0.1)
