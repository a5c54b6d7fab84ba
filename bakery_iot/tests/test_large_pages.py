"""Large pages: what is in use is moved into them, what is not stays small."""

import subprocess
import sys

import pytest

from bakery_iot.large_pages import _list_small, use_large_pages

SMAPS = """\
55a000000000-55a000600000 rw-p 00000000 00:00 0                          [heap]
Size:               6144 kB
KernelPageSize:        4 kB
Rss:                6000 kB
AnonHugePages:         0 kB
7f0000100000-7f0000700000 rw-p 00000000 00:00 0 \n\
Size:               6144 kB
Rss:                6144 kB
AnonHugePages:         0 kB
7f1000000000-7f1000400000 rw-p 00000000 00:00 0 \n\
Size:               4096 kB
Rss:                4096 kB
AnonHugePages:      4096 kB
7f2000000000-7f2000800000 rw-p 00000000 00:00 0 \n\
Size:               8192 kB
Rss:                  60 kB
AnonHugePages:         0 kB
7f3000000000-7f3000800000 rw-p 00000000 fe:00 7                          /usr/lib/some.so
Size:               8192 kB
Rss:                8192 kB
AnonHugePages:         0 kB
"""
FILL = """
from bakery_iot.large_pages import use_large_pages
kept = [bytearray(100) for _ in range(300_000)]
print(use_large_pages(0), use_large_pages(0))
"""


def test_only_memory_that_is_used_and_in_small_pages_is_moved() -> None:
    assert [hex(start) for start in _list_small(SMAPS)] == [
        "0x55a000000000",
        "0x55a000200000",
        "0x55a000400000",
        "0x7f0000200000",
        "0x7f0000400000",
    ]


def test_a_full_heap_is_moved_once() -> None:
    ran = subprocess.run([sys.executable, "-c", FILL], capture_output=True, text=True, check=True)
    moved, again = map(int, ran.stdout.split())
    if not moved:
        pytest.skip("this system has no large pages to give")
    assert moved >= 10  # of the 20 or more that 300,000 objects take
    assert again <= 2


def test_where_they_are_switched_off_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr("bakery_iot.large_pages.Path.read_text", lambda self: "always madvise [never]\n")
    assert use_large_pages() == 0
