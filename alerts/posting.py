"""POST to addresses that people and browsers have given us: only where the policy allows, and never for long.

The policy is asked about the address a socket is about to connect to, as for machines: see `connectors.addresses`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from alerts.channel_errors import DeliveryError, ReceiverAwayError, RefusedError
from connectors import AddressPolicy
from connectors.addresses import AddressRefusedError
from connectors.tls import TlsSettings, get_context

TIME_LIMIT_SECONDS = 10
LONGEST_PAUSE = timedelta(hours=1)
GONE = 410


class GoneError(RefusedError):
    """The receiver says that it will never take anything at this address again."""


def post(url: str, body: bytes, headers: Mapping[str, str], policy: AddressPolicy) -> int:
    """The status, which is one of success. Everything else is a DeliveryError."""
    return asyncio.run(_post(url, body, headers, policy))


async def _post(url: str, body: bytes, headers: Mapping[str, str], policy: AddressPolicy) -> int:
    with sorted_errors(url):
        async with (
            open_session(policy) as session,
            # Whoever sends us elsewhere gets nothing: the signature was meant for this receiver.
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            check_status(response.status, response.headers.get("Retry-After"), url)
            return response.status


@asynccontextmanager
async def open_session(policy: AddressPolicy) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(
        ssl=get_context(TlsSettings()), force_close=True, use_dns_cache=False, socket_factory=policy.open_socket
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=TIME_LIMIT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "bakery-iot/1"},
    ) as session:
        yield session


@contextmanager
def sorted_errors(url: str) -> Iterator[None]:
    """The sentences name the host alone: the rest of an address may be a secret."""
    host = urlsplit(url).hostname or "the receiver"
    try:
        yield
    except TimeoutError:
        raise ReceiverAwayError(f"{host} did not answer within {TIME_LIMIT_SECONDS} s.") from None
    except aiohttp.InvalidURL:
        raise RefusedError("This is not an address that we can post to. Correct it.") from None
    except aiohttp.ClientError as error:
        raise _describe(error, host) from None


def _describe(error: aiohttp.ClientError, host: str) -> DeliveryError:
    cause = getattr(error, "os_error", None)
    if isinstance(cause, AddressRefusedError):
        return RefusedError(f"We may not connect to {host}: {cause}. Enter another address.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return ReceiverAwayError(f"The certificate of {host} cannot be trusted. Have it renewed.")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ReceiverAwayError(f"The name {host} is not known. Check its spelling.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ReceiverAwayError(f"Nothing answers at {host}. Check that the system is running.")
    return ReceiverAwayError(f"{host} broke the conversation off.")


def check_status(status: int, retry_after: str | None, url: str) -> None:
    host = urlsplit(url).hostname
    if 200 <= status < 300:
        return
    if status == GONE:
        raise GoneError(f"{host} answered {status}: it takes no more messages at this address.")
    if 300 <= status < 400:
        raise ReceiverAwayError(f"{host} answered {status} and sends us elsewhere. Enter the address it moved to.")
    raise ReceiverAwayError(f"{host} answered {status}.", pause=_read_pause(retry_after))


def _read_pause(retry_after: str | None) -> timedelta | None:
    """In seconds; a date is left to our own pauses."""
    if not retry_after or not retry_after.isdecimal():
        return None
    return min(timedelta(seconds=int(retry_after[:9])), LONGEST_PAUSE)
