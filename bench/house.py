"""Our own processes, with the very commands of `make run`."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from django.core.management import call_command

from bakery_iot.loopback import free_port
from bakery_iot.supervision import bakery_programs
from bench.own_figures import read_figures
from bench.processes import Child, ChildError, busy_seconds
from bench.servers import Servers

T = TypeVar("T")
POLL_WORKER = "poll-central"
PROGRAMS = ("web", POLL_WORKER, "worker", "beat")


class NotInTimeError(ChildError):
    """What our processes should have done did not happen."""


class House:
    """`with House(servers) as house:` they run, and end with the block."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.children: dict[str, Child] = {}
        self.address = f"127.0.0.1:{servers.environment['PORT']}"
        self._figures_port = free_port()

    def __enter__(self) -> "House":
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        port, folder = int(self.servers.environment["PORT"]), self.servers.folder
        programs = bakery_programs("127.0.0.1", port, 0, folder / "none")
        try:
            for program in programs:
                if program.name in PROGRAMS:
                    environment = self._environment(program.name)
                    child = Child(program.name, program.command, environment, folder / "log")
                    self.children[program.name] = child
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        for child in self.children.values():
            child.ask_to_end()
        for child in self.children.values():
            child.end()

    def _environment(self, program: str) -> dict[str, str]:
        own = {"METRICS_PORT": str(self._figures_port)} if program == POLL_WORKER else {}
        return {**self.servers.environment, **own}

    def own_figures(self) -> dict[str, float]:
        """Of the poll worker."""
        return read_figures(self._figures_port)

    def pids(self) -> dict[str, int]:
        """By program and server."""
        servers = {"postgres": self.servers.postgres.process.pid, "redis": self.servers.redis.process.pid}
        return {name: child.pid for name, child in self.children.items()} | servers

    def busy_seconds(self) -> dict[str, float]:
        """Processor time so far."""
        return {name: busy_seconds([pid]) for name, pid in self.pids().items()}

    def wait_until(self, happens: Callable[[], T], what: str, seconds: float = 90) -> T:
        """The first true answer. ChildError if it does not come, or if one of our processes ended."""
        deadline = monotonic() + seconds
        while not (answer := happens()):
            for child in self.children.values():
                if (code := child.process.poll()) is not None:
                    raise ChildError(f"{child.name} ended as {code} before {what}.\n{self._last_words(child)}")
            if monotonic() > deadline:
                raise NotInTimeError(f"Waited {seconds:g} s in vain for {what}.\n{self._last_words()}")
            sleep(0.1)
        return answer

    def _last_words(self, child: Child | None = None) -> str:
        log = self.servers.folder / "log" / f"{child.name if child else POLL_WORKER}.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""
