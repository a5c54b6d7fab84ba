"""Long answers, part by part. Given a plain iterator, Django's ASGI handler would gather all of it in memory first."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain
from typing import TypeVar

from asgiref.sync import sync_to_async

Part = TypeVar("Part", str, bytes)


def begun(parts: Iterator[Part]) -> Iterator[Part]:
    """With the first part made at once: what fails there can still be answered with an error."""
    first = next(parts, None)
    return parts if first is None else chain([first], parts)


async def in_parts(parts: Iterable[Part]) -> AsyncIterator[Part]:
    """For StreamingHttpResponse: the next part is made when the one before has left."""
    iterator = iter(parts)
    take = sync_to_async(lambda: next(iterator, None))
    while (part := await take()) is not None:
        yield part
