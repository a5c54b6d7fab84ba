"""What the contract test needs of each protocol: `harness/<protocol>.py` with three real machines on loopback.

`good()` works, `refusing()` refuses the sign-in (None where the protocol has none), `nonsense(data)` answers with
these bytes instead of what it should say. Each yields complete settings that reach it, with a timeout of about 1 s.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Protocol, cast

Settings = dict[str, Any]
Served = Callable[[], AbstractAsyncContextManager[Settings]]


class Harness(Protocol):
    good: Served
    refusing: Served | None
    nonsense: Callable[[bytes], AbstractAsyncContextManager[Settings]]


def harness_of(protocol: str) -> Harness:
    return cast(Harness, import_module(f"{__name__}.{protocol}"))
