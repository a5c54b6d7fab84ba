"""One listening port per oven. A hanging oven takes the connection and says nothing; at a dead one nobody listens."""

import asyncio
import functools
import socket
from collections.abc import Callable

_BACKLOG = 16
_kept: list[socket.socket] = []


async def listen_on_many(oven: Callable[[int], asyncio.Protocol], ovens: int, hanging: int, dead: int) -> list[int]:
    """The ports: first those of the ovens that answer, then of those that hang, then of the dead."""
    loop = asyncio.get_running_loop()
    ports = []
    for number in range(ovens + hanging + dead):
        place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        place.bind(("127.0.0.1", 0))
        ports.append(place.getsockname()[1])
        if number < ovens:
            await loop.create_server(functools.partial(oven, number), sock=place, backlog=_BACKLOG)
        elif number < ovens + hanging:
            await loop.create_server(asyncio.Protocol, sock=place, backlog=_BACKLOG)
        else:
            _kept.append(place)  # bound, so that nobody else gets the port
    return ports
