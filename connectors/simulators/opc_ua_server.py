"""An OPC UA server in front of simulated ovens: sessions, sign-in, faults. What it shows, subclasses build.

Values are brought up to date when somebody reads them, and each second while somebody subscribes.
"""

import asyncio
import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.identity import Identity, make_identity
from connectors.reading import Reading

from .faults import HttpFault
from .opc_ua_builder import make_variant
from .opc_ua_kitchen import BAD, Values
from .opc_ua_space import QuickServer
from .served import ServedOven

_POLICY = ua.SecurityPolicyType
SECURE = (
    _POLICY.Basic256Sha256_SignAndEncrypt,
    _POLICY.Basic256Sha256_Sign,
    _POLICY.Aes128Sha256RsaOaep_SignAndEncrypt,
    _POLICY.Aes128Sha256RsaOaep_Sign,
    _POLICY.Aes256Sha256RsaPss_SignAndEncrypt,
    _POLICY.Aes256Sha256RsaPss_Sign,
)
_STATUS = ua.StatusCodes
_OF_ALL_VALUES = {
    HttpFault.HTTP_403: _STATUS.BadUserAccessDenied,
    HttpFault.HTTP_404: _STATUS.BadNodeIdUnknown,
    HttpFault.HTTP_500: _STATUS.BadDeviceFailure,
    HttpFault.HTTP_503: _STATUS.BadNotConnected,
    HttpFault.NULL_VALUES: _STATUS.BadWaitingForInitialData,
}
_GARBAGE = {HttpFault.HTML: b"HTTP/1.1 400 Bad Request\r\n\r\n", HttpFault.BROKEN_JSON: b'{"temperature": '}
_FRESH_SECONDS = 1.0


@cache
def server_identity() -> Identity:
    """One for all servers of this process: its certificate may be pinned."""
    return make_identity()


class Device:
    """One oven in the address space."""

    def __init__(self, oven: ServedOven) -> None:
        self.oven = oven
        self.variables: dict[str, tuple[Any, Any]] = {}  # path -> (node id, how its value travels)
        self._written: tuple[Reading, HttpFault | None] | None = None

    async def update(self, space: Any, values: Values, reading: Reading) -> None:
        fault = self.oven.server.fault
        if self._written == (reading, fault):
            return
        self._written = reading, fault
        bad = _OF_ALL_VALUES.get(fault) if fault else None
        for path, (node, variant) in self.variables.items():
            await _put(space, node, _data_value(BAD if bad else values[path], variant, reading.reading_time, bad))


def _data_value(value: Any, variant: Any, moment: datetime, bad: int | None) -> Any:
    status = ua.StatusCode((bad or _STATUS.BadSensorFailure) if value is BAD else _STATUS.Good)
    return ua.DataValue(make_variant(None if value is BAD else value, variant), status, moment, datetime.now(UTC))


async def _put(space: Any, node: Any, data: Any) -> None:
    """asyncua's own way refuses an empty value for a number."""
    attribute = space[node].attributes[ua.AttributeIds.Value]
    attribute.value = data
    for handle, callback in list(attribute.datachange_callbacks.items()):
        await callback(handle, data)


class _Session(InternalSession):  # type: ignore[misc]
    """Tells its server what is asked, before it is answered."""

    async def read(self, params: Any) -> Any:
        if self.external:
            await self.iserver.front.prepare(self, [item.NodeId for item in params.NodesToRead])
        return await super().read(params)

    async def create_monitored_items(self, params: Any) -> Any:
        nodes = [item.ItemToMonitor.NodeId for item in params.ItemsToCreate]
        await self.iserver.front.prepare(self, nodes)
        return await super().create_monitored_items(params)

    async def browse(self, params: Any) -> Any:
        results = await super().browse(params)
        if self.external:
            for result in results:
                result.References = [found for found in result.References if self.iserver.front.shows(self, found)]
        return results


class _Users(UserManager):  # type: ignore[misc]
    """asyncua's own lets everybody in."""

    def __init__(self, front: "OpcUaFront") -> None:
        self._front = front

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        expected = self._front.password_of(username) if isinstance(username, str) else None
        given = password if isinstance(password, str) else ""
        if expected is None or not hmac.compare_digest(given.encode(), expected.encode()):
            return None
        return User(role=UserRole.User, name=username)


class OpcUaFront(ABC):
    """`start` after `stop` is a restart: the same port, and no session is known any more."""

    path = "/ovens"
    name = "Simulated ovens"
    security: Sequence[Any] = (_POLICY.NoSecurity, *SECURE)

    def __init__(
        self,
        ovens: Mapping[str, ServedOven],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        identity: Identity | None = None,
    ) -> None:
        self.ovens = ovens
        self.host = host
        self.port = port
        self.identity = identity or server_identity()
        self.devices: dict[str, Device] = {}
        self._owners: dict[Any, Device] = {}
        self._server: Any = None
        self._refreshing: asyncio.Task[None] | None = None

    @abstractmethod
    async def build(self, server: Any) -> None:
        """Register namespaces, add types and devices."""

    @abstractmethod
    def write(self, oven: ServedOven, reading: Reading) -> Values:
        """What the variables of this oven's device hold."""

    @abstractmethod
    def password_of(self, username: str) -> str | None:
        """None: there is no such user, or it is not let in."""

    def shows(self, session: Any, reference: Any) -> bool:
        """Whether this user may see what the reference leads to."""
        return True

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://{self.host}:{self.port}{self.path}"

    def add_device(self, key: str) -> Device:
        device = self.devices[key] = Device(self.ovens[key])
        return device

    async def start(self) -> None:
        # Each oven integrates its day on first use; a client should not wait for that.
        await asyncio.to_thread(lambda: [oven.read() for oven in self.ovens.values()])
        internal = QuickServer(_Users(self), _Session)
        internal.front = self
        server = Server(iserver=internal)
        await server.init()
        await self._configure(server)
        self.devices, self._owners = {}, {}
        await self.build(server)
        self._owners = {node: device for device in self.devices.values() for node, _ in device.variables.values()}
        await server.start()
        self._server = server
        self.port = server.bserver.port
        self._refreshing = asyncio.create_task(self._refresh())

    async def _configure(self, server: Any) -> None:
        await server.set_application_uri(self.identity.application_uri)
        server.name = self.name
        server.set_endpoint(self.endpoint)
        server.set_security_policy(list(self.security))
        server.set_identity_tokens([ua.UserNameIdentityToken])
        certificate = x509.load_pem_x509_certificate(self.identity.certificate_pem.encode())
        await server.load_certificate(certificate.public_bytes(Encoding.DER), "der")
        await server.load_private_key(self.identity.private_key_pem.encode(), format="pem")

    async def stop(self) -> None:
        refreshing, self._refreshing = self._refreshing, None
        if refreshing:
            refreshing.cancel()
            await asyncio.wait([refreshing])
        server, self._server = self._server, None
        if server:
            for client in list(server.bserver.clients):
                client.transport.abort()
            await server.iserver.close_sessions()
            await server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def prepare(self, session: Any, nodes: Sequence[Any]) -> None:
        """Somebody wants these nodes: do what the fault says, then bring them up to date."""
        for device in {self._owners[node] for node in nodes if node in self._owners}:
            device.oven.requests += 1
            device.oven.asked.set()
            await device.oven.server.delay()
            await self._misbehave(session, device.oven.server.fault)
            await self._update(device)

    async def _misbehave(self, session: Any, fault: HttpFault | None) -> None:
        if fault in (HttpFault.REFUSE, HttpFault.RESET):
            for transport in self._transports_of(session):
                transport.abort()
            raise ServiceError(_STATUS.BadConnectionClosed)
        if fault in _GARBAGE:
            for transport in self._transports_of(session):
                transport.write(_GARBAGE[fault])
            raise ServiceError(_STATUS.BadUnexpectedError)
        if fault is HttpFault.HTTP_401:  # signing in anew is refused
            await session.close_session(True)
            raise ServiceError(_STATUS.BadSessionIdInvalid)
        if fault is HttpFault.HTTP_429:
            raise ServiceError(_STATUS.BadTooManyOperations)

    def _transports_of(self, session: Any) -> list[Any]:
        clients = self._server.bserver.clients
        return [client.transport for client in clients if client.processor.session is session]

    async def _update(self, device: Device) -> None:
        reading = device.oven.read()
        await device.update(self._server.iserver.aspace, self.write(device.oven, reading), reading)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_FRESH_SECONDS)
            if not self._server.iserver.subscription_service.subscriptions:
                continue
            for device in self.devices.values():
                if device.oven.server.fault not in (HttpFault.HANG, HttpFault.REFUSE, HttpFault.RESET):
                    await self._update(device)
