"""A small OPC UA server of our own, as the tests need it: any device, any status, any time, and away at a word."""

import asyncio
import datetime
import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connectors.opc_ua_settings import NAMESPACES
from connectors.opc_ua_values import UNIT_IDS
from connectors.simulators.opc_ua_space import QuickServer

OWN = "urn:example:ovens"
URIS = (NAMESPACES["di"], NAMESPACES["cke"], NAMESPACES["packml"], NAMESPACES["machinery"], NAMESPACES["weihenstephan"])
TYPES = {"combi": ("cke", 1011), "oven": ("cke", 1013), "microwave": ("cke", 1034), "fryer": ("cke", 1007),
         "packml": ("packml", 6), "ws": ("weihenstephan", 1000)}  # fmt: skip
USER, PASSWORD = "bakery", "sesame-open-7"
_POLICY = ua.SecurityPolicyType
ALL_SECURITY = (
    _POLICY.NoSecurity,
    _POLICY.Basic256Sha256_Sign,
    _POLICY.Basic256Sha256_SignAndEncrypt,
    _POLICY.Aes128Sha256RsaOaep_SignAndEncrypt,
    _POLICY.Aes256Sha256RsaPss_SignAndEncrypt,
)
APPLICATION_URI = "urn:example:ovens:server"

_CLASSES = {
    ua.ObjectAttributes: ua.NodeClass.Object,
    ua.VariableAttributes: ua.NodeClass.Variable,
    ua.ObjectTypeAttributes: ua.NodeClass.ObjectType,
}


class _Users(UserManager):  # type: ignore[misc]
    def __init__(self, allowed: Mapping[str, str], certificate: bytes | None) -> None:
        self.allowed, self.certificate = allowed, certificate
        self.asked: list[tuple[Any, Any]] = []

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        """asyncua's own lets everybody in."""
        self.asked.append((username, password))
        user = User(role=UserRole.User)
        if username is None:
            return user if self.certificate in (None, certificate) else None
        return user if self.allowed.get(username) == password else None


@functools.cache
def server_key() -> rsa.RSAPrivateKey:
    """One for all tests: making one takes longer than a test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_certificate(
    *,
    days: int = 30,
    common_name: str = "ovens",
    key: rsa.RSAPrivateKey | None = None,
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
) -> bytes:
    """DER, valid until so many days from now; self-signed without an issuer."""
    key = key or server_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(APPLICATION_URI)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pem_of(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


class OpcUaMachine:
    """Devices are added before or after `start`; `stop` and `start` are a restart on the same port."""

    def __init__(
        self,
        *,
        security: Sequence[Any] = (_POLICY.NoSecurity,),
        certificate: bytes | None = None,
        users: Mapping[str, str] | None = None,
        tokens: Sequence[Any] | None = None,
        user_certificate: bytes | None = None,
        namespaces: Sequence[str] = (*URIS, OWN),
    ) -> None:
        self.port = 0
        self.security, self.certificate = security, certificate
        self.users = _Users({USER: PASSWORD} if users is None else users, user_certificate)
        self.tokens = tokens
        self.uris = namespaces
        self.server: Server | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._devices: list[tuple[str, str, Mapping[str, Any]]] = []

    def options(self, **changes: Any) -> dict[str, Any]:
        """Complete settings that reach it."""
        credentials = changes.pop("credentials", {})
        options = {"security_mode": "none", "timeout": 5, **changes}
        return {
            "endpoint": f"opc.tcp://127.0.0.1:{self.port}/ovens",
            "port": None,
            "credentials": credentials,
            "additional_config": options,
        }

    async def add(self, kind: str, name: str, values: Mapping[str, Any]) -> None:
        """`values`: path below the device -> value, (value, unit) or a DataValue."""
        self._devices.append((kind, name, values))
        if self.server:
            await self._build(kind, name, values)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()
        self._folder.cleanup()

    async def start(self) -> None:
        self.server = Server(iserver=QuickServer(user_manager=self.users))
        await self.server.init()
        self.server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/ovens")
        await self.server.set_application_uri(APPLICATION_URI)
        self.server.set_security_policy(list(self.security))
        if any(policy != _POLICY.NoSecurity for policy in self.security):
            folder = Path(self._folder.name)
            pem = server_key().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (folder / "key.pem").write_bytes(pem)
            (folder / "certificate.der").write_bytes(self.certificate or make_certificate())
            await self.server.load_certificate(str(folder / "certificate.der"))
            await self.server.load_private_key(str(folder / "key.pem"))
        if self.tokens is not None:
            self.server.set_identity_tokens(list(self.tokens))
        for uri in self.uris:
            await self.server.register_namespace(uri)
        await self._add_types()
        for device in self._devices:
            await self._build(*device)
        await self.server.start()
        listener = self.server.bserver._server
        self.port = listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self.server = self.server, None
        if server:
            await server.iserver.close_sessions()
            await server.stop()

    def index(self, uri: str) -> int:
        return ["http://opcfoundation.org/UA/", APPLICATION_URI, *self.uris].index(uri)

    def node_id(self, device: str, path: str = "") -> Any:
        return ua.NodeId("/".join(filter(None, (device, path))), self.index(OWN))

    async def write(self, device: str, path: str, value: Any) -> None:
        """A value with the present time, or a DataValue as it is."""
        assert self.server
        await self.server.write_attribute_value(self.node_id(device, path), _data_value(value))

    async def _add_types(self) -> None:
        """The names of the types only, without what instances of them have."""
        for name, (alias, number) in TYPES.items():
            if (uri := NAMESPACES[alias]) in self.uris:
                node = ua.NodeId(number, self.index(uri))
                await self._add(ua.NodeId(58), node, name, uri, ua.ObjectTypeAttributes(), ua.NodeId(), reference=45)

    async def _build(self, kind: str, name: str, values: Mapping[str, Any]) -> None:
        alias, number = TYPES[kind]
        uri = NAMESPACES[alias]
        parent = await self._device_set(uri)
        type_node = ua.NodeId(number, self.index(uri)) if uri in self.uris else ua.NodeId(58)
        await self._add(parent, self.node_id(name), name, OWN, ua.ObjectAttributes(), type_node)
        made = {""}
        for path, value in values.items():
            parts = path.split("/")
            for end in range(1, len(parts)):
                await self._object(name, "/".join(parts[:end]), made)
            await self._variable(name, path, value)

    async def _device_set(self, uri: str) -> Any:
        """DeviceSet of DI, where the server has DI."""
        if NAMESPACES["di"] not in self.uris:
            return ua.NodeId(85)
        node = ua.NodeId(5001, self.index(NAMESPACES["di"]))
        assert self.server
        if node not in self.server.iserver.aspace:
            await self._add(ua.NodeId(85), node, "DeviceSet", NAMESPACES["di"], ua.ObjectAttributes(), ua.NodeId(58))
            await self._add(
                node, ua.NodeId(15034, node.NamespaceIndex), "DeviceFeatures", NAMESPACES["di"], ua.ObjectAttributes(),
                ua.NodeId(61),
            )  # fmt: skip
        return node

    async def _object(self, device: str, path: str, made: set[str]) -> None:
        assert self.server
        node = self.node_id(device, path)
        if path in made or node in self.server.iserver.aspace:
            return
        made.add(path)
        parent = self.node_id(device, path.rpartition("/")[0])
        await self._add(parent, node, path.rpartition("/")[2], NAMESPACES["cke"], ua.ObjectAttributes(), ua.NodeId(58))

    async def _variable(self, device: str, path: str, given: Any) -> None:
        value, unit = given if isinstance(given, tuple) else (given, None)
        attributes = ua.VariableAttributes()
        data = _data_value(value)
        attributes.Value = data.Value if data.Value else ua.Variant()
        attributes.DataType = ua.NodeId(attributes.Value.VariantType.value or ua.ObjectIds.Double)
        attributes.AccessLevel = attributes.UserAccessLevel = 1
        parent, node = self.node_id(device, path.rpartition("/")[0]), self.node_id(device, path)
        name = path.rpartition("/")[2]
        is_property = "/" not in path or path.startswith("BatchInformation/")
        kind = 68 if is_property else 2368 if unit else 63
        uri = NAMESPACES["cke"] if NAMESPACES["cke"] in self.uris else OWN
        await self._add(parent, node, name, uri, attributes, ua.NodeId(kind), reference=46 if is_property else 47)
        assert self.server
        await self.server.write_attribute_value(node, data)
        if unit:
            number = next((number for number, ours in UNIT_IDS.items() if ours == unit), -1)
            information = ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", number,
                                           ua.LocalizedText(unit), ua.LocalizedText(unit))  # fmt: skip
            attributes.Value = ua.Variant(information)
            unit_node = self.node_id(device, f"{path}/EngineeringUnits")
            await self._add(node, unit_node, "EngineeringUnits", "", attributes, ua.NodeId(68), reference=46)

    async def _add(
        self, parent: Any, node: Any, name: str, uri: str, attributes: Any, kind: Any, *, reference: int = 47
    ) -> None:
        """Below asyncua's own helpers, which want the whole nodeset for a type."""
        item = ua.AddNodesItem()
        item.ParentNodeId, item.RequestedNewNodeId, item.TypeDefinition = parent, node, kind
        item.ReferenceTypeId = ua.NodeId(reference)
        item.BrowseName = ua.QualifiedName(name, self.index(uri) if uri else 0)
        item.NodeClass = _CLASSES[type(attributes)]
        attributes.DisplayName = ua.LocalizedText(name)
        item.NodeAttributes = attributes
        assert self.server
        (result,) = await self.server.iserver.isession.add_nodes([item])
        result.StatusCode.check()


def _data_value(value: Any) -> Any:
    if isinstance(value, ua.DataValue):
        return value
    variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
    return ua.DataValue(variant, SourceTimestamp=datetime.datetime.now(datetime.UTC))


def bad(status: str, value: Any = None, at: datetime.datetime | None = None) -> Any:
    """A value with this status."""
    code = ua.StatusCode(getattr(ua.StatusCodes, status))
    return ua.DataValue(ua.Variant(value), code, at or datetime.datetime.now(datetime.UTC))


def server_tasks() -> "set[asyncio.Task[Any]]":
    """Those of the servers in this same process: all that are not the connector's."""
    codes = ((task, getattr(task.get_coro(), "cr_code", None)) for task in asyncio.all_tasks())
    return {task for task, code in codes if code and "/asyncua/server/" in code.co_filename}


async def until(condition: Callable[[], object]) -> None:
    """Generously: machines of the CI pause."""
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - whatever it looks at tells nobody that it has changed
            await asyncio.sleep(0.01)


COMBI: dict[str, Any] = {
    "SerialNumber": "E61SI21", "Model": ua.LocalizedText("iCombi 10"), "Manufacturer": ua.LocalizedText("Maker"),
    "IsWithAutomaticCleaning": True,
    "CombiSteamer/CombiSteamerMode": 6,
    "CombiSteamer/SpecialCookingMode": 0,
    "CombiSteamer/SetTemperature": (185.0, "°C"),
    "CombiSteamer/ActualTemperatureChamber_0": (180.0, "°C"),
    "CombiSteamer/ActualInternalCoreTemperature_0": (72.0, "°C"),
    "CombiSteamer/SetProcessTimeProgram": (1300, "s"),
    "CombiSteamer/TimeRemainingProgram": (715, "s"),
    "CombiSteamer/ActualHumidity": (65, "%"),
    "CombiSteamer/IsDoorOpen": False,
    "CombiSteamer/ProgramName": ua.LocalizedText("Baguettes"),
    "BatchInformation/BatchId": "4711",
    "ErrorConditions/Error_12/ActiveState": ua.LocalizedText("Inactive"),
    "ErrorConditions/Error_12/ActiveState/Id": False,
    "ErrorConditions/Error_12/Message": ua.LocalizedText("Core probe"),
}  # fmt: skip
