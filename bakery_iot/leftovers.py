"""Finds processes that an earlier start left behind, by proof and never by name.

A database server is known by the process id it wrote down and by the folder it works in; everything else by a mark in
its environment. The servers overwrite their environment with their title, so the mark would not be found there.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "BAKERY_IOT_VAR"


def find_server(pid_file: Path, folder: Path) -> psutil.Process | None:
    """The server that wrote `pid_file`, if it still lives and works in `folder`: a process id is given out again."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        lives_here = process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder.resolve()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if lives_here else None


def list_marked(var: Path) -> list[psutil.Process]:
    """Every process that a start under `var` has started and that still lives."""
    return list(_marked(str(var.resolve())))


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                yield process


def end(processes: list[psutil.Process], *, sign: signal.Signals, grace_seconds: float) -> None:
    """Ask them to stop, wait, and kill what is still there. psutil refuses to signal a process id that moved on."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(sign)
    _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=10)
