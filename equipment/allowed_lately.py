"""What somebody was allowed to see, remembered for a second: programs ask for the same machines many times a second.

It serves reading alone. Only what was allowed is remembered, so a new right holds at once. One that is taken away ends
at once in the process that takes it away, and in the others within the second.
"""

import hashlib
from collections.abc import Hashable
from threading import Lock
from typing import Any

from cachetools import TTLCache

SECONDS = 1.0
_MOST = 10_000

_allowed: TTLCache[Hashable, Any] = TTLCache(_MOST, SECONDS)
_lock = Lock()


def recall(*key: Hashable) -> Any:
    """What was remembered under this key, or None."""
    with _lock:
        return _allowed.get(key)


def remember(*key: Hashable, value: Any = True) -> None:
    with _lock:
        _allowed[key] = value


def forget(**kwargs: Any) -> None:
    """Also as a receiver of the signals of whatever gives rights."""
    with _lock:
        _allowed.clear()


def fingerprint(secret: bytes) -> bytes:
    """A key that does not keep the secret in memory."""
    return hashlib.sha256(secret).digest()


def who(user: Any) -> tuple[int, int | None]:
    """Of whom rights are remembered: the client of a user may see less than the user."""
    client = getattr(user, "api_client", None)
    return user.pk, client.pk if client else None
