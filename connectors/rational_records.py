"""HACCP batches and cooking programmes from ConnectedCooking's published REST interface.

The cloud keeps a month, filters by the day of the last change in UTC, and recommends one fetch a day.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from .addresses import AddressPolicy
from .base import translate_errors
from .errors import AuthenticationError, ConfigurationError, ConnectorError, ResponseError, UnreachableError
from .http import parse_json, place_of
from .http_client import Reply, SharedClient
from .http_errors import error_for_status, http_error_table
from .rational_record_shapes import list_items, parse_haccps, parse_programmes
from .rational_settings import HaccpOptions, RationalConfig
from .records import CookingProgramme, HaccpBatch, RecordsFound
from .sign_in import TokenRequest, TokenSource, check_refusal, shared_token_source
from .tls import TlsSettings

_PAGE_SIZE = 100  # the most the cloud gives
_SIZE_WITH_ENTRIES = 10
_MOST_PAGES = 100
_FETCH_SECONDS = 180
_NAMED_DEVICES = 5


def find_records(config: RationalConfig, *, policy: AddressPolicy) -> "RationalRecords | None":
    """None if no API client was entered."""
    if config.additional_config.haccp is None:
        return None
    return RationalRecords(config, policy=policy)


class RationalRecords:
    """One API client's view of one device."""

    def __init__(self, config: RationalConfig, *, policy: AddressPolicy) -> None:
        assert config.additional_config.haccp
        self._options: HaccpOptions = config.additional_config.haccp
        tls = config.additional_config
        self._tls = TlsSettings(tls.verify_ssl, tls.ca_file, tls.ca_pem)
        self._timeout = tls.timeout
        self._policy = policy
        self._request = make_token_request(config)
        self._client: SharedClient | None = None

    async def fetch(self, *, since: datetime | None, serial_number: str, now: datetime) -> RecordsFound:
        """What has changed from the day before `since` on. Trouble with the programmes leaves the batches whole."""
        client = self._client = SharedClient(self._tls, self._policy)
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                tokens = shared_token_source(self._request)
                batches, complete = await self._fetch_batches(tokens, since, serial_number, now)
                programmes, trouble = await self._fetch_programmes(tokens)
        except TimeoutError:
            raise UnreachableError(
                f"{self._options.base_url} did not send all records within {_FETCH_SECONDS} s. Tried again later.",
                code="timeout",
            ) from None
        finally:
            self._client = None
            await client.give_back()
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
        return RecordsFound(
            batches=batches,
            programmes=programmes,
            seen_until=midnight if complete else None,
            trouble=trouble or (None if complete else _too_many(len(batches))),
        )

    async def _fetch_batches(
        self, tokens: TokenSource, since: datetime | None, serial_number: str, now: datetime
    ) -> tuple[tuple[HaccpBatch, ...], bool]:
        options = self._options
        earliest = now - timedelta(days=options.days)
        start = max(earliest, since - timedelta(days=1)) if since else earliest
        query = {
            "from": f"{start.astimezone(UTC):%Y-%m-%d}",
            "to": f"{now.astimezone(UTC):%Y-%m-%d}",
            "finished": _word(not options.unfinished),
            "incomplete": _word(options.unfinished),
            "entries": _word(options.entries),
            "sort": "id,asc",  # a page must not move while batches change
        }
        if options.group_id is not None:
            query["groupId"] = str(options.group_id)
        if serial_number:
            query["search"] = serial_number
        size = _SIZE_WITH_ENTRIES if options.entries else _PAGE_SIZE
        items, complete = await self._list(tokens, options.haccp_path, query, size)
        return choose_device(parse_haccps(items, options.fields), serial_number), complete

    async def _fetch_programmes(
        self, tokens: TokenSource
    ) -> tuple[tuple[CookingProgramme, ...] | None, ConnectorError | None]:
        if not self._options.programmes:
            return None, None
        query = {"sort": "id.asc"}  # a dot here, a comma above
        if self._options.group_id is not None:
            query["groupId"] = str(self._options.group_id)
        try:
            items, complete = await self._list(tokens, self._options.programmes_path, query, _PAGE_SIZE)
            return (parse_programmes(items), None) if complete else (None, _too_many(len(items)))
        except ConnectorError as error:
            return None, error

    async def _list(
        self, tokens: TokenSource, path: str, query: Mapping[str, str], size: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """The items of all pages, and whether these were all.

        By page number and not by the address in the `link` header, which leaves the filters out.
        """
        items: list[dict[str, Any]] = []
        before: list[dict[str, Any]] | None = None
        for page in range(_MOST_PAGES):
            reply = await self._get(tokens, path, {**query, "page": str(page), "size": str(size)})
            found = list_items(parse_json(reply.body, reply.headers.get("content-type", ""), place_of(reply.url)))
            if found and found == before:
                raise ResponseError(
                    f"{place_of(reply.url)} sends the same page again and again, so we stopped. Tell the maker.",
                    code="mapping",
                )
            before = found
            items += found
            if not found or not _has_more(reply, len(items), len(found), size):
                return items, True
        return items, False

    async def _get(self, tokens: TokenSource, path: str, query: Mapping[str, str]) -> Reply:
        url = httpx.URL(path if "://" in path else self._options.base_url + path)
        for attempt in range(2):
            token = await tokens.get(self._ask_for_token)
            headers = {"Authorization": f"Bearer {token}"}
            reply = await self._exchange("GET", url, headers=headers, hidden_query=urlencode(query).encode())
            if reply.status == 401 and attempt == 0:
                tokens.forget(token)  # it may have expired before its time
                continue
            break
        if reply.status == 401:
            raise AuthenticationError(
                f"{place_of(url)} gives the API client a token and then refuses it. Check that the client is of the "
                'type "Base API" and that its group holds this device.'
            )
        if not 200 <= reply.status < 300:
            raise error_for_status(reply, place_of(url))
        return reply

    async def _ask_for_token(self, request: TokenRequest) -> Any:
        auth = httpx.BasicAuth(*request.auth) if request.auth else None
        body = {"data": dict(request.form)} if request.form is not None else {"json": dict(request.json or {})}
        reply = await self._exchange("POST", request.url, auth=auth, **body)
        check_refusal(reply, place_of(request.url))
        if not 200 <= reply.status < 300:
            raise error_for_status(reply, place_of(request.url))
        return parse_json(reply.body, reply.headers.get("content-type", ""), place_of(request.url))

    async def _exchange(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Reply:
        assert self._client
        place = place_of(url)
        try:
            async with asyncio.timeout(self._timeout):
                with translate_errors(http_error_table(place)):
                    return await self._client.exchange(
                        method,
                        url.copy_with(query=None),
                        headers=headers or {},
                        hidden_query=body.pop("hidden_query", url.query),
                        server_name=None,
                        **body,
                    )
        except TimeoutError:
            raise UnreachableError(
                f"{place} did not answer within {self._timeout:g} s. Tried again later; if it stays so, set a longer "
                "timeout.",
                code="timeout",
            ) from None


def make_token_request(config: RationalConfig) -> TokenRequest:
    options, given = config.additional_config.haccp, config.credentials
    assert options and given.client_id and given.client_secret
    client = (given.client_id, given.client_secret.get_secret_value())
    body = {"grant_type": options.grant_type, "scope": options.scope}
    if options.token_request != "basic":
        body |= {options.client_id_field: client[0], options.client_secret_field: client[1]}
    body = {key: value for key, value in body.items() if value}
    path = options.token_url
    return TokenRequest(
        url=httpx.URL(path if "://" in path else options.base_url + path),
        form=None if options.token_request == "json" else body,
        json=body if options.token_request == "json" else None,
        auth=client if options.token_request == "basic" else None,
        token_path=options.token_field,
        expires_path=options.expires_field,
    )


def choose_device(batches: tuple[HaccpBatch, ...], serial_number: str) -> tuple[HaccpBatch, ...]:
    """Only this device's: the cloud searches in names too, and an account sees a whole group."""
    if serial_number:
        own = serial_number.casefold()
        return tuple(batch for batch in batches if batch.serial_number.casefold() in (own, ""))
    devices = sorted({batch.serial_number for batch in batches if batch.serial_number})
    if len(devices) > 1:
        named = ", ".join(devices[:_NAMED_DEVICES]) + (" ..." if len(devices) > _NAMED_DEVICES else "")
        raise ConfigurationError(
            f"The API client sees batches of {len(devices)} devices ({named}). Enter this oven's serial number."
        )
    return batches


def _has_more(reply: Reply, so_far: int, on_page: int, size: int) -> bool:
    if "link" in reply.headers:
        return "next" in reply.response.links
    total = reply.headers.get("x-total-count", "").strip()
    if total.isdecimal():
        return so_far < int(total[:9])
    return on_page >= size


def _too_many(count: int) -> ResponseError:
    return ResponseError(
        f"There are more records than we fetch at once; the first {count} are stored. Enter the oven's serial number, "
        "or a group under additional_config.haccp.group_id.",
        code="too_large",
    )


def _word(value: bool) -> str:
    return "true" if value else "false"
