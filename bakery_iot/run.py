"""`make run`: servers, database, demo bakeries and all processes, until Ctrl-C. Everything it makes lies under var/.

It stays above supervisord, which restarts what dies, and ends all of it when it is stopped itself.
"""

import argparse
import contextlib
import fcntl
import functools
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bakery_iot import demo_settings, embedded_postgres, embedded_redis, leftovers
from bakery_iot.install import ROOT, Progress
from bakery_iot.loopback import StartError
from bakery_iot.supervision import PYTHON, Program, Supervisor, bakery_programs, embedded_program

SERVERS_SECONDS = 120
WEB_SECONDS = 60
QUIET_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bakery_iot.run", description=__doc__)
    parser.add_argument("--var", type=Path, default=ROOT / "var", help="where everything is kept")
    var: Path = parser.parse_args(arguments).var
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        with only_one_run(var) as lock:
            run(var, lambda url: write_lock(lock, url))
    except StartError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        say("Stopped. `make run` goes on with the same data.\n")


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def only_one_run(var: Path) -> Iterator[int]:
    """The system gives the lock back whichever way this process ends; what it started does not hold it."""
    lock = os.open(var / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        where = os.pread(lock, 1000, 0).decode()
        raise StartError(f"bakery_iot already runs here{where}. Open that, or stop it first.") from None
    try:
        yield lock
    finally:
        os.close(lock)


def write_lock(lock: int, url: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f", at {url}, as process {os.getpid()}".encode(), 0)


def run(var: Path, tell_others: Callable[[str], None]) -> None:
    end_leftovers(var)
    host, port = demo_settings.read_address(os.environ)
    url = demo_settings.public_url(host, port)
    tell_others(url)
    environment = demo_settings.make_environment(os.environ, var, host, port)
    progress = Progress(4, "PostgreSQL and Redis")
    servers = prepare_servers(var, environment)
    simulator_port = demo_settings.simulator_port(var / "simulators.port")
    ovens, web, poll_worker, *others = bakery_programs(host, port, simulator_port, var / "simulators.json")
    supervisor = Supervisor(var, servers, [ovens, web, poll_worker, *others])
    try:
        supervisor.start(environment, ROOT)
        supervisor.start_servers()
        supervisor.start_programs([ovens])
        wait_for_servers(var, environment, supervisor)
        progress.done("answer")
        make_demo(Progress(5, "Tables and demo bakeries"), var, environment, url, simulator_port)
        progress = Progress(6, "Web, workers and ovens")
        # In two steps: on a small machine the first value is on the page sooner when the others wait.
        supervisor.start_programs([web, poll_worker])
        wait_for_web(var, url, supervisor)
        supervisor.start_programs(others)
        progress.done("run")
        say(welcome(json.loads((var / "demo.json").read_text()), var))
        stay(supervisor)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("\nStopping ...\n")
        supervisor.stop()
        end_leftovers(var)


def say(words: str) -> None:
    # The terminal may be gone, with the person who closed it; stopping goes on.
    with contextlib.suppress(OSError):
        sys.stdout.write(words)
        sys.stdout.flush()


def end_leftovers(var: Path) -> None:
    """What an earlier start left behind when it was killed: first the programs, then the servers they use."""
    while marked := leftovers.list_marked(var):
        leftovers.end(marked, sign=signal.SIGTERM, grace_seconds=10)
    if postgres := embedded_postgres.find_running(var / "postgres"):
        leftovers.end([postgres], sign=signal.SIGINT, grace_seconds=30)
    if redis := embedded_redis.find_running(var / "redis"):
        leftovers.end([redis], sign=signal.SIGTERM, grace_seconds=10)


def prepare_servers(var: Path, environment: dict[str, str]) -> list[Program]:
    """Put the URLs of the embedded servers into the environment. Where it names servers, those are used instead."""
    programs = []
    if not environment.get("DATABASE_URL"):
        environment["DATABASE_URL"] = embedded_postgres.prepare(var / "postgres")
        programs.append(embedded_program("postgres", var / "postgres"))
    if not environment.get("REDIS_URL"):
        environment["REDIS_URL"] = embedded_redis.prepare(var / "redis")
        programs.append(embedded_program("redis", var / "redis"))
    return programs


def wait_for_servers(var: Path, environment: dict[str, str], supervisor: Supervisor) -> None:
    for name, answers in (("DATABASE_URL", embedded_postgres.answers), ("REDIS_URL", embedded_redis.answers)):
        embedded = not os.environ.get(name)
        where = f"See {var}/log." if embedded else f"Start it, or unset {name} to use an embedded one."
        wait_until(
            functools.partial(answers, environment[name]),
            supervisor,
            SERVERS_SECONDS if embedded else 10,
            f"No server answers at {demo_settings.server_name(environment[name])} ({name}). {where}",
        )


def wait_for_web(var: Path, url: str, supervisor: Supervisor) -> None:
    # A proxy from the environment must not be asked for an address of this machine.
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        try:
            with browser.open(f"{url}/health", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            # It speaks, and says itself what it lacks.
            return error.code == 503
        except OSError:
            return False

    wait_until(answers, supervisor, WEB_SECONDS, f"The web process does not answer. Its words are in {var}/log/web.log")


def wait_until(happens: Callable[[], bool], supervisor: Supervisor, seconds: float, sentence: str) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline or not supervisor.is_running():
            raise StartError(sentence)
        time.sleep(0.1)


def make_demo(progress: Progress, var: Path, environment: dict[str, str], url: str, simulator_port: int) -> None:
    files = ["--write", str(var.resolve() / "demo.json"), "--tokens", str(var.resolve() / "simulators.json")]
    manage(["prepare_demo", *files, "--url", url, "--simulator-port", str(simulator_port)], environment)
    progress.done("are there")


def manage(arguments: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [PYTHON, "manage.py", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StartError(f"`manage.py {arguments[0]}` failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")


def welcome(demo: dict[str, Any], var: Path) -> str:
    users = [(role, user["username"], user["password"]) for role, user in demo["users"].items()]
    wide = max(len(name) for _, name, _ in users)
    lines = [
        f"bakery_iot runs at {demo['url']}",
        "",
        *(f"{role:<9} {name:<{wide}}  {password}" for role, name, password in users),
        "",
        f"Sign-ins and API tokens: {var / 'demo.json'}   Logs: {var / 'log'}",
        "Ctrl-C stops everything.",
    ]
    width = max(map(len, lines))
    edge = f"+-{'-' * width}-+"
    return "\n".join(["", edge, *(f"| {line:<{width}} |" for line in lines), edge, ""])


def stay(supervisor: Supervisor) -> None:
    """Until Ctrl-C, or until make was told to stop."""
    make = os.getppid() if "MAKELEVEL" in os.environ else None
    restarts = Restarts()
    while supervisor.is_running():
        if make and (os.getppid() != make or has_given_up(make)):
            raise KeyboardInterrupt
        # It may end between the question whether it runs and this one.
        with contextlib.suppress(OSError, http.client.HTTPException):
            for name in restarts.new(supervisor.process_ids(), time.monotonic()):
                say(f"{name} ended by itself and was started again. Its log says why.\n")
        time.sleep(0.5)
    raise StartError("supervisord ended without being asked to. Everything is stopped; start again with: make run")


def has_given_up(make: int) -> bool:
    """Whether make was interrupted alone, as by a script, and not with us as by Ctrl-C.

    It passes on SIGTERM, but after SIGINT it takes its handler away and waits for us without telling.
    """
    try:
        lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{make}/status").read_text().splitlines())
        caught, ignored = (int(lines[name], 16) >> (signal.SIGINT - 1) & 1 for name in ("SigCgt", "SigIgn"))
    except (OSError, KeyError, ValueError):
        return False
    return not caught and not ignored


class Restarts:
    """Tells which programs have a new process, each at most once a minute: a broken one has one every few seconds."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def new(self, process_ids: Mapping[str, int], now: float) -> list[str]:
        changed = [name for name, pid in process_ids.items() if pid and self._last.get(name, pid) != pid]
        self._last.update({name: pid for name, pid in process_ids.items() if pid})
        tell = [name for name in changed if now - self._told.get(name, -QUIET_SECONDS) >= QUIET_SECONDS]
        self._told.update(dict.fromkeys(tell, now))
        return tell


if __name__ == "__main__":
    main()
