"""supervisord: what it runs, its configuration, and how it is asked to start things and to stop.

It is asked over a loopback port with a password: a Unix socket's path may not be longer than 107 bytes.
"""

import contextlib
import os
import secrets
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakery_iot.loopback import StartError, free_port, write_private

PYTHON = sys.executable
GROUP = "bakery"


@dataclass(frozen=True, kw_only=True)
class Program:
    name: str
    command: Sequence[str]
    stop_signal: str = "TERM"
    stop_seconds: int = 30

    def section(self, log_folder: Path) -> str:
        settings = {
            "command": shlex.join(self.command),
            "autostart": "false",
            "autorestart": "true",
            # Each failed try waits a second longer than the one before it. It is never left lying.
            "startsecs": 1,
            "startretries": 1_000_000,
            "stopsignal": self.stop_signal,
            "stopwaitsecs": self.stop_seconds,
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": log_folder / f"{self.name}.log",
            "stdout_logfile_maxbytes": "5MB",
            "stdout_logfile_backups": 3,
        }
        return _section(f"program:{self.name}", settings)


def embedded_program(server: str, folder: Path) -> Program:
    command = [PYTHON, "-m", "bakery_iot.embedded", server, "--folder", str(folder.resolve())]
    return Program(name=server, command=command, stop_signal="INT" if server == "postgres" else "TERM")


def bakery_programs(host: str, port: int, simulator_port: int, tokens: Path) -> list[Program]:
    """The ovens need no server, the next two bring values to the page; the others can start behind them."""
    celery = [PYTHON, "-m", "celery", "-A", "bakery_iot"]
    # Workers that do not wait a second for news of each other when they start.
    worker = [*celery, "worker", "-P", "threads", "--without-mingle", "--without-gossip"]
    # Its access log and its lines about sockets would show the token in the address.
    quiet = ["--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "5"]
    # Each viewer's socket would compress the same message anew, a hundred times the cost of sending it.
    quiet += ["--ws-per-message-deflate", "false"]
    guarded = ["--http", "bakery_iot.doorkeeper:HttpLine", "--ws", "bakery_iot.doorkeeper:SocketLine"]
    address = ["--host", host, "--port", str(port)]
    demo = ["--tokens", str(tokens.resolve())]
    commands = {
        "ovens": [PYTHON, "-m", "connectors.simulators", "--port", str(simulator_port), *demo],
        "web": [PYTHON, "-m", "uvicorn", "bakery_iot.asgi:application", *address, *quiet, *guarded],
        "poll-central": [*worker, "-Q", "poll.central", "-c", "8", "-n", "poll-central@%h"],
        "worker": [*worker, "-Q", "celery", "-c", "4", "-n", "worker@%h"],
        "beat": [*celery, "beat", "-S", "django_celery_beat.schedulers:DatabaseScheduler"],
        "batches": [PYTHON, "manage.py", "follow_demo", *demo],
    }
    return [Program(name=name, command=command) for name, command in commands.items()]


class Supervisor:
    """One supervisord below this process. Where it is, its programs are; `stop` returns when none is left."""

    def __init__(self, var: Path, servers: Sequence[Program], programs: Sequence[Program]) -> None:
        self._var = var.resolve()
        self._servers = servers
        self._programs = programs
        self._port = free_port()
        self._password = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        log_folder = self._var / "log"
        log_folder.mkdir(mode=0o700, exist_ok=True)
        configuration = self._var / "supervisord.conf"
        write_private(configuration, self.configuration(log_folder))
        command = [PYTHON, "-m", "supervisor.supervisord", "--configuration", str(configuration)]
        # A session of its own, so that Ctrl-C reaches only us, and we stop things in their order.
        with (log_folder / "supervisord.start.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=dict(environment), start_new_session=True, stdout=log, stderr=log
            )
        self._wait_until_it_listens()

    def configuration(self, log_folder: Path) -> str:
        daemon = {
            "nodaemon": "true",
            "silent": "true",
            "logfile": log_folder / "supervisord.log",
            "logfile_maxbytes": "5MB",
            "logfile_backups": 3,
            "pidfile": self._var / "supervisord.pid",
            "childlogdir": log_folder,
            **({"user": "root"} if os.geteuid() == 0 else {}),
        }
        door = {"port": f"127.0.0.1:{self._port}", "username": GROUP, "password": self._password}
        factory = {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}
        sections = [
            _section("supervisord", daemon),
            _section("inet_http_server", door),
            _section("rpcinterface:supervisor", factory),
            *(program.section(log_folder) for program in (*self._servers, *self._programs)),
            # One group stops as one. The servers are alone in theirs, and stop after it.
            *(
                _section(f"group:{name}", {"programs": ",".join(p.name for p in programs), "priority": priority})
                for name, programs, priority in (("servers", self._servers, 1), (GROUP, self._programs, 2))
                if programs
            ),
        ]
        return "\n".join(sections)

    def start_servers(self) -> None:
        if self._servers:
            self._call("startProcessGroup", "servers", False)

    def start_programs(self, programs: Sequence[Program]) -> None:
        for program in programs:
            self._call("startProcess", f"{GROUP}:{program.name}", False)

    def states(self) -> dict[str, str]:
        return {process["name"]: process["statename"] for process in self._call("getAllProcessInfo")}

    def process_ids(self) -> dict[str, int]:
        """Zero for what does not run at the moment."""
        return {process["name"]: process["pid"] for process in self._call("getAllProcessInfo")}

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process is None:
            return
        longest = sum(max((p.stop_seconds for p in group), default=0) for group in (self._servers, self._programs))
        self._process.terminate()
        try:
            self._process.wait(longest + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, xmlrpc.client.Error):
                self._call("getState")
                return
            if not self.is_running() or time.monotonic() > deadline:
                said = (self._var / "log" / "supervisord.start.log").read_text(errors="replace")
                raise StartError(f"supervisord did not start. It said: {said.strip()[-1000:]}")
            time.sleep(0.05)

    def _call(self, method: str, *arguments: Any) -> Any:
        url = f"http://{GROUP}:{self._password}@127.0.0.1:{self._port}/RPC2"
        with xmlrpc.client.ServerProxy(url) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)


def _section(name: str, settings: Mapping[str, object]) -> str:
    # supervisord takes % for the start of a variable.
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in settings.items()]
    return "\n".join([f"[{name}]", *lines, ""])
