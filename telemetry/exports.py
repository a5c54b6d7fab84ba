"""Files of any length, sent in the parts in which they are made: never more in memory than a chunk of them."""

from collections.abc import AsyncIterator, Iterator
from itertools import chain

from asgiref.sync import sync_to_async


async def stream(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts as they are made. Given plainly, Django would gather all of them before it sends the first."""
    take = sync_to_async(_find_next)
    while (part := await take(parts)) is not None:
        yield part


def _find_next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def begin(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Makes the first part at once: what fails there can still be answered with an error."""
    return chain([next(parts, b"")], parts)
