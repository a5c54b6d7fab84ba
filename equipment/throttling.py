"""How often one person may make our server dial: counted together for the API and the admin's button."""

import math
from typing import Any

from redis.exceptions import RedisError
from rest_framework.throttling import UserRateThrottle


class DialingThrottle(UserRateThrottle):
    """By user, and not by address: a shop has one address for all."""

    scope = "test-connection"


def seconds_until_dialing(request: Any) -> int:
    """0 where the person may go on now, which counts as one time. For views outside the API."""
    throttle = DialingThrottle()
    try:
        is_allowed = throttle.allow_request(request, None)  # type: ignore[arg-type]
    except (RedisError, OSError):
        return 0  # the test itself says that Redis is away
    return 0 if is_allowed else max(1, math.ceil(throttle.wait() or 1))
