"""The four errors of a connector, sorted by what to do next.

`str(error)` is the sentence a baker reads on the card: what happened and what to do. No secret, no query string.
"""

import re
from collections.abc import Mapping

# Sentences repeat what machines sent and people typed; databases take neither NUL nor half of a surrogate pair.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_LENGTH = 1000


class ConnectorError(Exception):
    """Talking to a machine failed; the subclass says what to do next."""

    status = "error"  # what the equipment card shows
    retry = True  # may the collector try again by itself?
    default_code = "server"

    def __init__(self, message: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(_UNPRINTABLE.sub(" ", message)[:_LENGTH])
        self.code = code or self.default_code
        self.retry_after = retry_after


class ConfigurationError(ConnectorError):
    """The settings are wrong. `fields` says which: JSON path -> message."""

    retry = False
    default_code = "configuration"

    def __init__(
        self,
        message: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.fields = dict(fields or {})
        listed = " ".join(f"{path}: {text}" for path, text in self.fields.items())
        super().__init__(message or f"Please correct these settings. {listed}", code=code, retry_after=retry_after)


class AuthenticationError(ConnectorError):
    """The machine knows us and says no. Trying on could lock the account."""

    retry = False
    default_code = "auth"


class UnreachableError(ConnectorError):
    """Nobody answered in time."""

    status = "disconnected"
    default_code = "timeout"


class ResponseError(ConnectorError):
    """An answer came, and it was not a reading."""

    default_code = "parse"


ERROR_CODES: Mapping[str, str] = {
    "dns": "the name of the machine is not known in the network",
    "refused": "nothing listens at this address and port, or there is no way to it",
    "timeout": "no answer in time",
    "reset": "the machine hung up in the middle",
    "offline": "the cloud or gateway answers, but has no connection to its machine",
    "tls": "no secure connection: certificate or encryption",
    "auth": "user name, password, key or token refused",
    "forbidden": "signed in, but not allowed to read this",
    "not_found": "no such path at this machine",
    "redirect": "the machine sends us to another address",
    "rate_limited": "asked too often; the machine said when to come back",
    "rejected": "the machine refuses the request itself",
    "server": "the machine reports a fault of its own",
    "parse": "the answer is not what was expected",
    "too_large": "the answer is longer than a reading can be",
    "mapping": "the answer holds none of the expected values",
    "address": "the address policy forbids this address",
    "configuration": "a setting is missing or wrong",
}
