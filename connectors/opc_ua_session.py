"""One session with an OPC UA server, on asyncua's low-level client: no task of its own, and nothing that reconnects.

Every session is a new client. A lost line ends it at once, and whoever needs another one opens another one.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from asyncua import ua
from asyncua.client.ua_client import UaClient
from asyncua.common.utils import create_nonce
from asyncua.ua.ua_binary import struct_to_binary

from .addresses import AddressPolicy
from .base import translate_errors
from .dialing import dial, dial_error_table
from .errors import ConnectorError, ResponseError, UnreachableError
from .identity import Identity
from .opc_ua_answers import parse_samples, parse_values
from .opc_ua_errors import opc_ua_error_table
from .opc_ua_security import (
    Handshake,
    check_server_certificate,
    find_endpoint,
    first_certificate,
    is_secure,
    make_activation,
    make_policy,
    own_thumbprint,
)
from .opc_ua_settings import OpcUaConfig
from .opc_ua_transport import Transport
from .opc_ua_values import Sample

# asyncua writes whole requests to its log, the sign-in with its password among them, and every failure with a trace.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

_SESSION_MS = 180_000  # short: servers keep few sessions, and ours may end without a farewell
_CHANNEL_MS = 3_600_000
_RENEW_AT = 0.75  # of the channel's life: OPC 10000-4, 5.5.2.1
_FAREWELL_SECONDS = 1.0
_MOST_AT_ONCE = 1000
_NAMESPACES, _SERVER_STATE = ua.ObjectIds.Server_NamespaceArray, ua.ObjectIds.Server_ServerStatus_State
_LIMITS = {
    "read": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "browse": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "translate": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
    "monitor": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}
_SHUTTING_DOWN = 4
_REFUSED_SECURITY = (
    ua.uaerrors.BadSecurityModeRejected,
    ua.uaerrors.BadSecurityModeInsufficient,
    ua.uaerrors.BadSecurityPolicyRejected,
)

T = TypeVar("T")
# The parameters of each request, and how many values it asks for.
Question = tuple[tuple[bytes, int], ...]


class OpcUaSession:
    """`open()` once, `close()` in any case. Everything raises our four errors only."""

    def __init__(self, config: OpcUaConfig, *, policy: AddressPolicy, identity: Identity) -> None:
        self.config = config
        self.namespaces: list[str] = []
        self.certificate: Any = None  # of the server, as x509
        self.limits = dict.fromkeys(_LIMITS, _MOST_AT_ONCE)
        self._policy, self._identity = policy, identity
        self._client: Transport | None = None
        self._opening: set[Transport] = set()
        self._errors = opc_ua_error_table(config.place, own_thumbprint(identity))
        self._broken = False
        self._renewing = asyncio.Lock()
        self._renew_at = self._expires_at = 0.0
        self._session_seconds = _SESSION_MS / 1000
        self._spoken_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._client is not None and not self._client.is_lost and not self._broken

    @property
    def has_expired(self) -> bool:
        """Nothing was said for so long that the server will have forgotten us."""
        now = time.monotonic()
        return now > self._expires_at or now - self._spoken_at > 0.8 * self._session_seconds

    async def open(self) -> None:
        options = self.config.additional_config
        with translate_errors(self._errors):
            if is_secure(options):
                self.certificate = await self._ask_for_certificate()
            policy = make_policy(options, self.certificate, self._identity)
            try:
                client = await self._open_channel(policy)
                await self._sign_in(client, policy)
            except _REFUSED_SECURITY:
                await self._find_endpoint()  # says what there is instead
                raise
            self._client = client
            self._opening.discard(client)
        await self._look_around()

    async def close(self) -> None:
        """Says goodbye where somebody may listen, and leaves no socket and no task behind in any case."""
        client, self._client = self._client, None
        if client:
            if not self._broken:
                with suppress(Exception):  # noqa: BLE001 - the farewell may fail in every way; we leave anyway
                    async with asyncio.timeout(_FAREWELL_SECONDS):
                        await client.close_session(True)
            await client.hang_up()
        while self._opening:
            await self._opening.pop().hang_up()

    async def _find_endpoint(self) -> Any:
        """In the list of endpoints, which every server shows without security (OPC 10000-4, 5.4.4)."""
        client = await self._open_channel(make_policy(self.config.additional_config, None, self._identity))
        parameters = ua.GetEndpointsParameters()
        parameters.EndpointUrl = self.config.url
        endpoint = find_endpoint(await client.get_endpoints(parameters), self.config)
        await client.hang_up()
        self._opening.discard(client)
        return endpoint

    async def _ask_for_certificate(self) -> Any:
        found = first_certificate((await self._find_endpoint()).ServerCertificate, self.config.place)
        check_server_certificate(found, self.config.additional_config, self.config.place)
        return found

    async def _open_channel(self, policy: Any) -> Transport:
        client = Transport(timeout=self.config.additional_config.timeout)
        client.set_security(policy)
        self._opening.add(client)
        with translate_errors(dial_error_table(self.config.place)):
            line = await dial(self.config.host, self.config.dialled_port, self._policy)
        await client.run_over(line)
        await client.send_hello(self.config.url)
        await self._open_secure_channel(client, ua.SecurityTokenRequestType.Issue)
        return client

    async def _open_secure_channel(self, client: UaClient, kind: ua.SecurityTokenRequestType) -> None:
        parameters = ua.OpenSecureChannelParameters()
        parameters.RequestType = kind
        parameters.SecurityMode = client.security_policy.Mode
        parameters.RequestedLifetime = _CHANNEL_MS
        parameters.ClientNonce = create_nonce(client.security_policy.secure_channel_nonce_length)
        answer = await client.open_secure_channel(parameters)
        seconds = min(answer.SecurityToken.RevisedLifetime or _CHANNEL_MS, _CHANNEL_MS) / 1000
        self._renew_at = time.monotonic() + _RENEW_AT * seconds
        self._expires_at = time.monotonic() + seconds

    async def _sign_in(self, client: Transport, policy: Any) -> None:
        request, place = ua.CreateSessionParameters(), self.config.place
        request.ClientDescription.ApplicationUri = self._identity.application_uri  # the one in our certificate
        request.ClientDescription.ProductUri = "urn:bakery-iot"
        request.ClientDescription.ApplicationName = ua.LocalizedText("bakery_iot")
        request.ClientDescription.ApplicationType = ua.ApplicationType.Client
        request.EndpointUrl = self.config.url
        request.SessionName = f"bakery_iot {self._identity.gateway}".strip()
        request.ClientNonce = create_nonce(32)
        request.ClientCertificate = policy.host_certificate or None
        request.RequestedSessionTimeout = _SESSION_MS
        answer = await client.create_session(request)
        self._session_seconds = max(answer.RevisedSessionTimeout, 1000) / 1000
        if self.certificate is not None:
            if first_certificate(answer.ServerCertificate, place) != self.certificate:
                raise ResponseError(f"{place} shows two different certificates. Restart the server.", code="tls")
            challenge = (policy.host_certificate or b"") + request.ClientNonce
            policy.asymmetric_cryptography.verify(challenge, answer.ServerSignature.Signature)
        elif answer.ServerCertificate and self.config.auth != "anonymous":
            self.certificate = first_certificate(answer.ServerCertificate, place)
            check_server_certificate(self.certificate, self.config.additional_config, place)
        tokens = find_endpoint(answer.ServerEndpoints, self.config).UserIdentityTokens
        handshake = Handshake(policy, tokens, self.certificate, answer.ServerNonce or b"")
        await client.activate_session(make_activation(self.config, handshake))

    async def _look_around(self) -> None:
        """Namespaces, limits and state of the server, in one round trip."""
        found = await self.read([ua.NodeId(number) for number in (_NAMESPACES, _SERVER_STATE, *_LIMITS.values())])
        values = [data.Value.Value if data.Value else None for data in found]
        if not isinstance(values[0], list) or not all(isinstance(uri, str) for uri in values[0]):
            raise ResponseError(f"{self.config.place} does not say which namespaces it has. Restart the server.")
        self.namespaces = values[0]
        if values[1] == _SHUTTING_DOWN:
            raise UnreachableError(f"{self.config.place} is shutting down. We try again by ourselves.", code="refused")
        for name, limit in zip(_LIMITS, values[2:], strict=True):
            if isinstance(limit, int) and 0 < limit < _MOST_AT_ONCE:
                self.limits[name] = limit

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[Transport]:
        """The client for one request, its channel renewed. A failure ends the session; being cancelled does not."""
        try:
            with translate_errors(self._errors):
                client = self._client
                if client is None or client.is_lost:
                    raise ConnectionResetError
                async with self._renewing:
                    if time.monotonic() > self._renew_at:
                        await self._open_secure_channel(client, ua.SecurityTokenRequestType.Renew)
                yield client
                self._spoken_at = time.monotonic()
        except ConnectorError:
            self._broken = True
            raise

    async def read(self, nodes: Sequence[ua.NodeId], attribute: int = ua.AttributeIds.Value) -> list[ua.DataValue]:
        """One value per node with its status and times, in as few requests as the server allows."""
        return await self._ask(self.make_question(nodes, attribute), parse_values)

    def make_question(self, nodes: Sequence[ua.NodeId], attribute: int = ua.AttributeIds.Value) -> Question:
        """To `ask` this again and again."""
        parts = []
        for start in range(0, len(nodes), self.limits["read"]):
            request = ua.ReadParameters()
            request.TimestampsToReturn = ua.TimestampsToReturn.Both
            part = nodes[start : start + self.limits["read"]]
            request.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in part]
            parts.append((struct_to_binary(request), len(part)))
        return tuple(parts)

    async def ask(self, question: Question) -> list[Sample]:
        """The values of the question's nodes, in their order."""
        return await self._ask(question, parse_samples)

    async def _ask(self, question: Question, parse: Callable[[bytes], list[T]]) -> list[T]:
        found: list[T] = []
        for parameters, count in question:
            async with self.speaking() as client:
                answer = parse(await client.read_encoded(parameters))
                self.check_count(answer, count)
                found += answer
        return found

    def check_count(self, answer: Sequence[Any] | None, expected: int) -> None:
        if answer is None or len(answer) != expected:
            raise ResponseError(f"{self.config.place} did not answer every question. Ask the maker for newer software.")

    def find_namespace(self, uri: str) -> int | None:
        """Its number in this session only."""
        return self.namespaces.index(uri) if uri in self.namespaces else None
