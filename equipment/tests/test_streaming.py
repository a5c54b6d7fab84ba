"""Long answers leave part by part, and are not gathered first."""

from collections.abc import Iterator

from equipment.streaming import in_parts


async def test_the_next_part_is_made_when_the_one_before_has_left() -> None:
    made: list[int] = []

    def make() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    parts = in_parts(make())
    assert (await anext(parts), made) == (b"0", [0])
    assert (await anext(parts), made) == (b"1", [0, 1])
    assert [part async for part in parts] == [b"2"]
