"""Which registers to read in one request. Pure: nothing here knows a socket.

A value is never split: a machine may change it between two requests, and some refuse a request that ends inside one.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

Table = Literal["coil", "discrete", "holding", "input"]
TABLES: tuple[Table, ...] = get_args(Table)
BIT_TABLES = ("coil", "discrete")
MOST_ADDRESSES = 65536
MERGE_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Span:
    """The place of one value; addresses count from 0."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        return self.address + self.count


@dataclass(frozen=True, slots=True)
class Limits:
    max_registers: int = 100
    max_bits: int = 2000
    max_gap: int = 0
    one_request_per_field: bool = False
    read_bits_from_zero: bool = False

    def longest(self, table: Table) -> int:
        return self.max_bits if table in BIT_TABLES else self.max_registers

    def starts_at_zero(self, table: Table) -> bool:
        return self.read_bits_from_zero and table in BIT_TABLES


@dataclass(frozen=True, slots=True)
class Block:
    """One request, and the values that its answer holds."""

    table: Table
    address: int
    count: int
    spans: tuple[Span, ...]


def plan_blocks(spans: Iterable[Span], limits: Limits) -> tuple[Block, ...]:
    """The fewest requests within the limits. A value longer than the limit gets a request of its own."""
    return _plan(frozenset(spans), limits)


@lru_cache(maxsize=1024)
def _plan(wanted: frozenset[Span], limits: Limits) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for table in TABLES:
        gathered: list[Span] = []
        for span in sorted(
            (span for span in wanted if span.table == table), key=lambda span: (span.address, -span.count)
        ):
            if gathered and not _fits(gathered, span, limits):
                blocks.append(_block_of(gathered, limits))
                gathered = []
            gathered.append(span)
        if gathered:
            blocks.append(_block_of(gathered, limits))
    return tuple(blocks)


def _fits(gathered: Sequence[Span], span: Span, limits: Limits) -> bool:
    if limits.one_request_per_field:
        return False
    from_zero = limits.starts_at_zero(span.table)
    start = 0 if from_zero else gathered[0].address
    end = max(found.end for found in gathered)
    near = from_zero or span.address - end <= limits.max_gap
    return near and max(end, span.end) - start <= limits.longest(span.table)


def _block_of(spans: Sequence[Span], limits: Limits) -> Block:
    table = spans[0].table
    start = 0 if limits.starts_at_zero(table) else spans[0].address
    return Block(table, start, max(span.end for span in spans) - start, tuple(spans))


class BlockMemory:
    """The plan, and what the machine has taught about it since the line was opened.

    A request that is refused is split until the registers that are not there stand alone; these are left out. After a
    while the whole plan is tried again: a machine that was just starting up refuses registers that it has.
    """

    def __init__(self, spans: Iterable[Span], limits: Limits, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._seconds = seconds
        self._ideal = plan_blocks(spans, limits)
        self._blocks = list(self._ideal)
        self._learned_at: float | None = None
        self.holes: dict[Span, int] = {}  # -> exception code

    def plan(self) -> tuple[Block, ...]:
        """The requests of the next reading."""
        if self._learned_at is not None and self._seconds() - self._learned_at >= MERGE_AGAIN_SECONDS:
            self.forget()
        return tuple(self._blocks)

    def refuse(self, block: Block, code: int) -> tuple[Block, ...]:
        """The machine refused this request: what to ask instead, and from now on. Nothing if it is a hole."""
        if self._learned_at is None:
            self._learned_at = self._seconds()
        middle = len(block.spans) // 2
        halves = (block.spans[:middle], block.spans[middle:]) if middle else ()
        smaller = tuple(_block_of(half, self._limits) for half in halves)
        if not smaller:
            self.holes[block.spans[0]] = code
        place = self._blocks.index(block)
        self._blocks[place : place + 1] = smaller
        return smaller

    def forget(self) -> None:
        self._blocks = list(self._ideal)
        self._learned_at = None
        self.holes.clear()
