"""Other processes: started, asked what they have cost, and ended. Each has a session of its own: Ctrl-C is for us."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[1]
GRACE_SECONDS = 30
PATIENCE_SECONDS = 180


class Child:
    """A process that this one started. `name` is also that of its log file, where it has one."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self.process: subprocess.Popen[str]
        with contextlib.ExitStack() as files:
            words: int | IO[str] = subprocess.PIPE
            if log is not None:
                words = files.enter_context((log / f"{name}.log").open("a"))
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=words,
                stderr=words if log is not None else None,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def say_line(self, seconds: float = PATIENCE_SECONDS) -> str:
        """The next line of its standard output. ChildError if it ends before, or has not said it in time."""
        assert self.process.stdout is not None, "its words go to a log"
        impatient = threading.Timer(seconds, self.process.kill)
        impatient.start()
        line = self.process.stdout.readline()
        impatient.cancel()
        if not line.endswith("\n"):
            raise ChildError(f"{self.name} ended in the middle of its work, as {self.process.wait()}.")
        return line

    def ask_to_end(self) -> None:
        if self.process.stdin and not self.process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process.terminate()

    def end(self) -> None:
        self.ask_to_end()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class ChildError(Exception):
    """A sentence: which process did not do its part, and what it said."""


def busy_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes and all below them, also of those that have ended and been waited for."""
    return sum(_busy_seconds(pid) for pid in pids)


def _busy_seconds(pid: int) -> float:
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def machine_seconds() -> tuple[float, float]:
    """Of all processors together: how long they have been idle, and busy with whatever."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # What guests take is in the user's time already.
    return idle, sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def memory_bytes(pid: int) -> int:
    """What the process and those below it hold for themselves alone; pages that they share count once each."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
    return total
