"""What a request carries to be let in, and the tokens, which all ovens of one account share.

Some clouds lock accounts that fetch too many tokens or try a wrong password too often: so one request at a time, and
those who waited for it share its failure as well.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from weakref import WeakValueDictionary

import httpx

from .errors import AuthenticationError, ConnectorError, ResponseError
from .findings import find_in
from .http_client import Reply
from .values import BadValueError, parse_number

_SAFETY_SECONDS = 60
_REFUSALS = ("invalid_client", "invalid_grant", "unauthorized_client", "access_denied")


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """How to ask for a token. Nothing of it shows in repr: it holds the password."""

    url: httpx.URL = field(repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Mapping[str, str] | None = field(default=None, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    token_path: str = "access_token"
    expires_path: str = "expires_in"

    def fingerprint(self) -> str:
        """The same for two machines of one account. A hash, since the password is in it."""
        parts = [str(self.url), self.form, self.json, self.auth, self.token_path, self.expires_path]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


Ask = Callable[[TokenRequest], Awaitable[Any]]


class TokenSource:
    """One account's token, fetched when needed."""

    def __init__(self, request: TokenRequest, clock: Callable[[], float] = time.monotonic) -> None:
        self._request = request
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._good_until = 0.0
        self._rounds = 0
        self._failure: ConnectorError | None = None

    async def get(self, ask: Ask) -> str:
        """A token that should be good. `ask` sends the request and returns the JSON document of the answer."""
        rounds = self._rounds
        if token := self._valid():
            return token
        async with self._lock:
            if token := self._valid():
                return token
            if rounds != self._rounds and self._failure:
                raise copy(self._failure)
            self._failure = None
            try:
                self._take(await ask(self._request))
            except ConnectorError as error:
                self._failure = error
                self._rounds += 1
                raise
            return self._token or ""

    def forget(self, token: str) -> None:
        """The machine refused this one. Whoever comes second keeps the one fetched meanwhile."""
        if self._token == token:
            self._token = None

    def _valid(self) -> str | None:
        return self._token if self._clock() < self._good_until else None

    def _take(self, document: Any) -> None:
        token, lifetime = _find(document, self._request.token_path), _find(document, self._request.expires_path)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            keys = ", ".join(sorted(map(str, document))[:12]) if isinstance(document, dict) else "no object"
            raise ResponseError(
                f"Signed in at {self._request.url.host}, but there is no token at {self._request.token_path!r}. "
                f"Found: {keys or 'nothing'}. Correct additional_config.token_path.",
                code="mapping",
            )
        try:
            seconds = parse_number(lifetime)
        except BadValueError:
            seconds = None
        self._token = token
        self._good_until = self._clock() + (max(seconds - _SAFETY_SECONDS, seconds / 2) if seconds else float("inf"))


def _find(document: Any, path: str) -> Any:
    try:
        return find_in(document, path)
    except BadValueError:
        return None


_sources: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], TokenSource] = WeakValueDictionary()


def shared_token_source(request: TokenRequest) -> TokenSource:
    """The account's source in this event loop, shared by all who hold one."""
    key = (asyncio.get_running_loop(), request.fingerprint())
    if (source := _sources.get(key)) is None:
        source = _sources[key] = TokenSource(request)
    return source


@dataclass(frozen=True, kw_only=True)
class Access:
    """What every request to a machine carries. Kept out of repr: all of it is secret."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: httpx.Auth | None = field(default=None, repr=False)
    token_request: TokenRequest | None = field(default=None, repr=False)
    token_header: str = "Authorization"
    token_prefix: str = "Bearer"

    @property
    def carries_anything(self) -> bool:
        return bool(self.headers or self.query or self.auth or self.token_request)


def check_refusal(reply: Reply, place: str) -> None:
    """RFC 6749, 5.2: a wrong password is a 400 with a word in it, not always a 401."""
    try:
        word = json.loads(reply.body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return
    if reply.status in (400, 401) and word in _REFUSALS:
        raise AuthenticationError(
            f"{place} refuses the sign-in ({word}). Enter user name and password, or client id and secret, again."
        )
