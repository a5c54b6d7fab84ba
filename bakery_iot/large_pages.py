"""Asks Linux to keep this process's memory in large pages (2 MB instead of 4 kB).

What belongs to a machine is looked at once a second, and by then the processor has forgotten where it lies: of a
thousand machines' reads, a quarter of the time was spent on finding pages. Python has no setting for its own memory.
"""

import ctypes
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_COLLAPSE = 25  # MADV_COLLAPSE, since Linux 6.1; anything older refuses it
_LARGE = 2 << 20
_PAUSE_SECONDS = 30.0
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Of proc_pid_smaps(5): memory that no file stands behind. Begin, end, and in kB what is in use and what in large pages.
_AREA = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(?:\[heap\])?\n"
    r"(?:\w+: +\d+ kB\n)*?Rss: +(\d+) kB\n(?:\w+: +\d+ kB\n)*?AnonHugePages: +(\d+) kB\n",
    re.MULTILINE,
)
_madvise = ctypes.CDLL(None, use_errno=True).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def keep_in_large_pages() -> None:
    """From now on, beside what this process does, as long as it lives."""

    def repeat() -> None:
        while True:
            time.sleep(_PAUSE_SECONDS)
            use_large_pages()

    threading.Thread(target=repeat, name="large-pages", daemon=True).start()


def use_large_pages(breath: float = 0.05) -> int:
    """Gives how many large pages there are now in the areas that had small ones.

    Call it again after a while: memory that is added comes in small pages. Nothing happens where the system does not
    offer large ones, or where they were switched off. A page takes some milliseconds, and then the seconds of `breath`.
    """
    try:
        if "[never]" in _SETTING.read_text():
            return 0
        starts = list(_list_small(Path("/proc/self/smaps").read_text()))
    except OSError:
        return 0
    return sum(_make_large(start, breath) for start in starts)


def _make_large(start: int, breath: float) -> bool:
    """The other threads have to wait for what lies there meanwhile, so they are given time after it."""
    done: int = _madvise(start, _LARGE, _COLLAPSE)
    time.sleep(breath)
    return done == 0


def _list_small(smaps: str) -> Iterator[int]:
    """Where a large page could begin, and none does. Areas that are half empty, as a thread's stack is, would grow."""
    for area in _AREA.finditer(smaps):
        begin, end = (int(area[number], 16) for number in (1, 2))
        used, large = (int(area[number]) << 10 for number in (3, 4))
        starts = range(-(-begin // _LARGE) * _LARGE, end - _LARGE + 1, _LARGE)
        if used > (end - begin) / 2 and large < len(starts) * _LARGE:
            yield from starts
