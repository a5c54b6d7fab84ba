"""Planning requests: within the limits, nothing split, nothing forgotten; and what a machine's refusals teach."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.modbus_blocks import (
    MERGE_AGAIN_SECONDS,
    TABLES,
    Block,
    BlockMemory,
    Limits,
    Span,
    plan_blocks,
)


def places(blocks: tuple[Block, ...]) -> list[tuple[str, int, int]]:
    return [(block.table, block.address, block.count) for block in blocks]


def inputs(*values: tuple[int, int]) -> list[Span]:
    return [Span("input", address, count) for address, count in values]


def test_neighbours_are_read_together_and_gaps_are_not() -> None:
    spans = inputs((0, 1), (1, 2), (3, 1), (5, 1))
    assert places(plan_blocks(spans, Limits())) == [("input", 0, 4), ("input", 5, 1)]
    assert places(plan_blocks(spans, Limits(max_gap=1))) == [("input", 0, 6)]


def test_tables_are_never_mixed() -> None:
    spans = [Span(table, 0, 1) for table in TABLES]
    assert places(plan_blocks(spans, Limits())) == [(table, 0, 1) for table in TABLES]


def test_a_block_ends_before_a_value_that_would_be_split() -> None:
    spans = inputs(*((address, 2) for address in range(0, 100, 2)))
    assert places(plan_blocks(spans, Limits(max_registers=25)))[:2] == [("input", 0, 24), ("input", 24, 24)]


def test_values_that_overlap_are_read_once() -> None:
    spans = inputs((20, 1), (20, 2), (21, 1), (20, 2))
    assert places(plan_blocks(spans, Limits())) == [("input", 20, 2)]


def test_one_request_per_field() -> None:
    spans = inputs((0, 1), (1, 2), (1, 2))
    assert places(plan_blocks(spans, Limits(one_request_per_field=True))) == [("input", 0, 1), ("input", 1, 2)]


def test_bits_from_zero() -> None:
    spans = [Span("coil", 17, 1), Span("coil", 900, 1), Span("holding", 17, 1)]
    limits = Limits(read_bits_from_zero=True)
    assert places(plan_blocks(spans, limits)) == [("coil", 0, 901), ("holding", 17, 1)]
    assert places(plan_blocks(spans, Limits())) == [("coil", 17, 1), ("coil", 900, 1), ("holding", 17, 1)]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_hole_is_found_left_out_and_tried_again_later() -> None:
    clock = Clock()
    memory = BlockMemory(inputs(*((address, 1) for address in range(8))), Limits(), seconds=clock)
    waiting, asked = list(memory.plan()), 0
    while waiting:  # register 5 is not there
        block = waiting.pop(0)
        asked += 1
        if block.address <= 5 < block.address + block.count:
            waiting[:0] = memory.refuse(block, 2)
    assert memory.holes == {Span("input", 5, 1): 2}
    assert places(memory.plan()) == [("input", 0, 4), ("input", 4, 1), ("input", 6, 2)]
    assert asked == 7
    clock.now += MERGE_AGAIN_SECONDS - 1
    assert len(memory.plan()) == 3
    clock.now += 1
    assert places(memory.plan()) == [("input", 0, 8)]
    assert not memory.holes


def test_a_hole_between_two_values_only_parts_them() -> None:
    memory = BlockMemory(inputs((0, 1), (4, 1)), Limits(max_gap=10))
    assert places(memory.refuse(memory.plan()[0], 2)) == [("input", 0, 1), ("input", 4, 1)]
    assert not memory.holes


spans = st.builds(
    Span,
    st.sampled_from(TABLES),
    st.integers(0, 400),
    st.integers(1, 4),
)
limits = st.builds(
    Limits,
    max_registers=st.integers(4, 125),
    max_bits=st.integers(404, 2000),
    max_gap=st.integers(0, 20),
    one_request_per_field=st.booleans(),
    read_bits_from_zero=st.booleans(),
)


def assert_complete(blocks: tuple[Block, ...], wanted: set[Span], limits: Limits) -> None:
    """Each value in exactly one request, whole; no request above the limit."""
    found = [span for block in blocks for span in block.spans]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    for block in blocks:
        assert 1 <= block.count <= limits.longest(block.table)
        for span in block.spans:
            assert span.table == block.table
            assert block.address <= span.address and span.end <= block.address + block.count


@given(st.lists(spans, max_size=60), limits)
@settings(max_examples=100, deadline=None)
def test_every_value_is_read_whole_and_once(wanted: list[Span], limits: Limits) -> None:
    blocks = plan_blocks(wanted, limits)
    assert_complete(blocks, set(wanted), limits)
    for block in blocks:
        if limits.starts_at_zero(block.table):
            continue
        used = {address for span in block.spans for address in range(span.address, span.end)}
        unused = 0
        for address in range(block.address, block.address + block.count):
            unused = 0 if address in used else unused + 1
            assert unused <= limits.max_gap


@given(
    st.lists(spans, min_size=1, max_size=40), limits, st.sets(st.tuples(st.sampled_from(TABLES), st.integers(0, 404)))
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_missing_the_rest_is_read(
    wanted: list[Span], limits: Limits, missing: set[tuple[str, int]]
) -> None:
    memory = BlockMemory(wanted, limits)
    waiting, read, requests = list(memory.plan()), set[Span](), 0
    while waiting:
        block = waiting.pop(0)
        requests += 1
        if any((block.table, address) in missing for address in range(block.address, block.address + block.count)):
            waiting[:0] = memory.refuse(block, 2)
        else:
            read.update(block.spans)
    assert requests <= 2 * len(set(wanted))
    assert read | set(memory.holes) == set(wanted) and not read & set(memory.holes)
    for span in set(wanted) - read:
        start = 0 if limits.starts_at_zero(span.table) else span.address
        assert any((span.table, address) in missing for address in range(start, span.end))
    assert_complete(memory.plan(), read, limits)
