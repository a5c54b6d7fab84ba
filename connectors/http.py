"""HttpConnector: sign-in, requests and their limits, for every machine that answers in JSON.

A subclass says what a request carries (`make_access`) and turns documents into readings.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import httpx

from .base import BaseIoTConnector, ErrorTable, translate_errors
from .errors import AuthenticationError, ConnectorError, ResponseError
from .http_client import Reply, SharedClient
from .http_errors import digest_error_table, error_for_status, http_error_table
from .http_settings import HttpConfig
from .sign_in import Access, TokenRequest, TokenSource, check_refusal, shared_token_source
from .tls import TlsSettings

_MOST_REDIRECTS = 3

HttpConfigT = TypeVar("HttpConfigT", bound=HttpConfig)


class Answer(NamedTuple):
    document: Any
    unchanged: bool  # 304: the document is None, and the last one still holds


@dataclass(frozen=True, slots=True)
class _Target:
    """An address, and what httpx and its log may see of it."""

    url: httpx.URL = field(repr=False)
    bare: httpx.URL
    hidden_query: bytes = field(repr=False)
    server_name: str | None
    errors: ErrorTable = field(repr=False)


class HttpConnector(BaseIoTConnector[HttpConfigT]):
    """A machine with a web server that answers in JSON."""

    def __init__(self, equipment_id: str, config: HttpConfigT, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self._client: SharedClient | None = None
        self._access = self.make_access()
        self._base = config.base_url
        self._place = place_of(self._base)
        self._tokens: TokenSource | None = None
        self._targets: dict[str, _Target] = {}  # httpx parses an address in 0.1 ms, several times a request
        self._validators: dict[str, dict[str, str]] = {}

    def make_access(self) -> Access:
        """What every request carries."""
        return Access()

    @property
    def is_open(self) -> bool:
        return self._client is not None

    @property
    def place(self) -> str:
        return self._place

    async def connect(self) -> None:
        options = self.config.additional_config
        if self._client is None:
            tls = TlsSettings(options.verify_ssl, options.ca_file, options.ca_pem)
            self._client = SharedClient(tls, self.policy)
        if self._access.token_request:
            self._tokens = shared_token_source(self._access.token_request)
            await self._tokens.get(self._ask_for_token)

    async def close(self) -> None:
        client, self._client = self._client, None
        self._validators.clear()
        if client:
            await client.give_back()

    async def get_json(self, path: str) -> Answer:
        """The JSON document at a path of the endpoint. Call it inside `_time_limit`."""
        token = await self._tokens.get(self._ask_for_token) if self._tokens else None
        reply = await self._get(path, token)
        if reply.status == 401 and self._tokens and token:
            self._tokens.forget(token)
            reply = await self._get(path, await self._tokens.get(self._ask_for_token))
            if reply.status == 401:
                raise AuthenticationError(
                    f"{self.place} lets us sign in and then refuses the token. Check that the account may read "
                    "this machine."
                )
        if reply.status == 304 and path in self._validators:
            return Answer(None, True)
        if not 200 <= reply.status < 300:
            raise self.describe_refusal(reply)
        document = parse_json(reply.body, reply.headers.get("content-type", ""), self.place)
        known = {"If-None-Match": reply.headers.get("etag"), "If-Modified-Since": reply.headers.get("last-modified")}
        if kept := {name: value for name, value in known.items() if value}:
            self._validators[path] = kept
        else:
            self.forget_validators(path)
        return Answer(document, False)

    def describe_refusal(self, reply: Reply) -> ConnectorError:
        """What a status means that is neither 2xx nor 304; a subclass may know its maker's better."""
        return error_for_status(reply, self.place)

    def forget_validators(self, path: str) -> None:
        """The last document was no good: ask for a full one next time."""
        self._validators.pop(path, None)

    def list_security_remarks(self) -> tuple[str, ...]:
        """Sentences on what is not safe in these settings."""
        if self._base.scheme == "http":
            return ("The connection is not encrypted, so the credentials can be read on the way.",) * bool(
                self._access.carries_anything
            )
        if not self.config.additional_config.verify_ssl:
            return ("The machine's certificate is not checked; paste it under additional_config.ca_pem instead.",)
        return ()

    async def _get(self, path: str, token: str | None) -> Reply:
        """GET, and up to three redirects that stay at this machine."""
        access = self._access
        headers = {**access.headers, **self._validators.get(path, {})}
        if token:
            headers[access.token_header] = f"{access.token_prefix} {token}".strip()
        if (target := self._targets.get(path)) is None:
            target = self._targets[path] = self._aim(httpx.URL(f"{str(self._base).rstrip('/')}{path}"), access)
        for _ in range(_MOST_REDIRECTS + 1):
            reply = await self._exchange("GET", target, headers=headers, auth=access.auth)
            if reply.status not in (301, 302, 303, 307, 308):
                return reply
            target = self._aim(self._redirected(target.url, reply.headers.get("location", "")), access)
        raise ResponseError(f"{self.place} sends us round in circles. Correct the address path.", code="redirect")

    def _redirected(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            target = url.join(location)
        except httpx.InvalidURL:
            target = httpx.URL()
        if (target.scheme, target.host, target.port) == (url.scheme, url.host, url.port) and not target.userinfo:
            return target
        elsewhere = f"{target.scheme}://{place_of(target)}" if target.host else "nowhere"
        raise ResponseError(
            f"{self.place} sends us on to {elsewhere}, and we do not follow with credentials. If that is right, enter "
            "it as the address.",
            code="redirect",
        )

    def _aim(self, url: httpx.URL, access: Access) -> "_Target":
        place = place_of(url)
        query = b"&".join(filter(None, (url.query, urlencode(access.query).encode())))
        server_name = self.config.additional_config.server_name if url.host == self._base.host else None
        if isinstance(access.auth, httpx.DigestAuth):  # its answer covers the query, so it has to see it
            return _Target(url, url, b"", server_name, {**http_error_table(place), **digest_error_table(place)})
        return _Target(url, url.copy_with(query=None), query, server_name, http_error_table(place))

    async def _exchange(
        self, method: str, target: "_Target", *, headers: Mapping[str, str], auth: httpx.Auth | None = None, **body: Any
    ) -> Reply:
        if self._client is None:
            raise RuntimeError("connect() first")
        with translate_errors(target.errors):
            return await self._client.exchange(
                method,
                target.bare,
                headers=headers,
                hidden_query=target.hidden_query,
                server_name=target.server_name,
                auth=auth,
                **body,
            )

    async def _ask_for_token(self, request: TokenRequest) -> Any:
        auth = httpx.BasicAuth(*request.auth) if request.auth else None
        body = {"data": dict(request.form)} if request.form is not None else {"json": dict(request.json or {})}
        reply = await self._exchange("POST", self._aim(request.url, Access()), headers={}, auth=auth, **body)
        place = place_of(request.url)
        check_refusal(reply, place)
        if not 200 <= reply.status < 300:
            raise error_for_status(reply, place)
        return parse_json(reply.body, reply.headers.get("content-type", ""), place)


def place_of(url: httpx.URL) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}"


def parse_json(body: bytes, content_type: str, place: str) -> Any:
    """The document in an answer. Forgives a byte order mark and single letters in the wrong encoding."""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise ResponseError(
            f"{place} sent a web page instead of values. Check the address path; perhaps it leads to a sign-in page."
        )
    if not body.strip():
        raise ResponseError(f"{place} sent an empty answer. Check the address path.")
    try:
        return json.loads(body.decode(json.detect_encoding(body), "replace"))
    except (ValueError, RecursionError):
        raise ResponseError(
            f"{place} sent something that is not JSON. Check the address path, or ask the maker for the JSON one."
        ) from None
