"""The settings of an OPC UA machine. Namespaces are named by their URI: their numbers change when a server restarts."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from .base import ConnectorConfig, Options, Settings
from .errors import ConfigurationError
from .field_specs import FieldName, make_spec
from .http_settings import EmptyIsNone, Pem, check_endpoint
from .mapping_settings import Finite, PathSpec
from .opc_ua_nodes import BrowsePath, NodeAddress, parse_browse_path, parse_node_address
from .validation import describe_validation_error

DEFAULT_PORT = 4840
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_MOST_NODES = 500
# Known without being entered.
NAMESPACES: Mapping[str, str] = {
    "di": "http://opcfoundation.org/UA/DI/",
    "cke": "http://opcfoundation.org/UA/CommercialKitchenEquipment/",
    "machinery": "http://opcfoundation.org/UA/Machinery/",
    "packml": "http://opcfoundation.org/UA/PackML/",
    "weihenstephan": "http://opcfoundation.org/UA/Weihenstephan/",
    "ws": "http://weihenstephan-standards.com/WS/",
}


def check_opc_endpoint(text: str) -> str:
    """An opc.tcp address without user name or query. A bare host is completed."""
    address = text.strip()
    if "://" not in address:
        address = f"opc.tcp://{address}"
    scheme, _, rest = address.partition("://")
    if scheme.lower() != "opc.tcp":
        raise ValueError("This must begin with opc.tcp://, for example opc.tcp://192.168.1.20:4840.")
    try:
        check_endpoint(f"http://{rest}")  # the same rules for host, port, user name and query
    except ValueError as error:
        raise ValueError(str(error).replace("https://", "opc.tcp://")) from error
    return f"opc.tcp://{rest.rstrip('/')}"


def _check_private_key(secret: SecretStr) -> SecretStr:
    try:
        key = load_pem_private_key(secret.get_secret_value().encode(), None)
    except TypeError:
        raise ValueError("This key is locked with a password. Paste it unlocked; we keep it encrypted.") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("This is not a private key. Paste the whole text, from -----BEGIN to -----END.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("OPC UA takes RSA keys only; make the certificate anew with one.")
    return secret


def _check_namespaces(namespaces: dict[str, str]) -> dict[str, str]:
    if any(not _ALIAS.fullmatch(alias) for alias in namespaces):
        raise ValueError("An alias is a short name that begins with a letter, for example maker.")
    return namespaces


Auth = Literal["auto", "anonymous", "username", "certificate"]
SecurityMode = Literal["none", "Sign", "SignAndEncrypt"]
SecurityPolicyName = Literal["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "username": ("username", "password"),
    "certificate": ("certificate", "private_key"),
}


class OpcUaCredentials(Settings):
    """All may be left out where the server lets everybody read."""

    username: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=500)
    password: Annotated[SecretStr | None, EmptyIsNone] = Field(default=None, max_length=500)
    certificate: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=20_000, description="The user's certificate, as text."
    )
    private_key: Annotated[Annotated[SecretStr, AfterValidator(_check_private_key)] | None, EmptyIsNone] = Field(
        default=None, max_length=20_000, description="Its RSA key, as text and without a password."
    )


class NodeSetting(Settings):
    """One variable of the server and the field it is. `unit` defaults to what the node says of itself."""

    node: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=1000, description="ns=<alias>;s=Oven.Temperature, with i=, g= and b= likewise."
    )
    browse_path: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=1000, description="From the Objects folder: maker:Oven/maker:Temperature."
    )
    field: FieldName = Field(description="humidity, temperature_zones.core, additional_sensors.water ...")
    type: str | None = None
    scale: Finite = Field(default=1, description="value = number * scale + offset, then the unit is converted.")
    offset: Finite = 0
    unit: str | None = None
    enum: dict[str, str] = Field(default={}, max_length=200, description="The machine's word or number -> ours.")
    bit: int | None = None
    default: str | Finite | bool | None = None


class OpcUaOptions(Options):
    auth: Auth = Field(default="auto", description="auto: what the given credentials are for.")
    security_mode: SecurityMode = "SignAndEncrypt"
    security_policy: SecurityPolicyName = "Basic256Sha256"
    server_certificate: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=100_000, description="The server's certificate or its issuer's, pasted as text."
    )
    verify_server_certificate: bool = Field(default=True, description="Off only for a test.")
    allow_plain_password: bool = Field(default=False, description="Send the password even where it is not encrypted.")
    profile: Literal["cke", "packml", "ws", "none"] = Field(
        default="cke", description="cke: OPC 30200. none: only the nodes listed below."
    )
    device: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=300, description="Name or serial number, on a server with several machines."
    )
    mode: Literal["poll", "subscribe"] = "poll"
    publishing_interval: float = Field(default=1.0, ge=0.05, le=600, description="Seconds, for mode subscribe.")
    timestamp: Literal["source", "server", "received"] = Field(
        default="source", description="Which time a reading bears; see the docs for servers that stamp only changes."
    )
    namespaces: Annotated[dict[str, str], AfterValidator(_check_namespaces)] = Field(
        default={}, max_length=50, description="Alias -> namespace URI, for `nodes`."
    )
    nodes: tuple[NodeSetting, ...] = Field(default=(), max_length=_MOST_NODES)


class NodePoint(NamedTuple):
    """A `NodeSetting`, taken apart."""

    where: NodeAddress | BrowsePath
    field: str
    spec: PathSpec
    unit_given: bool


class OpcUaConfig(ConnectorConfig):
    endpoint: Annotated[str, AfterValidator(check_opc_endpoint)] = Field(
        min_length=1, max_length=2000, description="opc.tcp:// and the address of the machine or its maker's cloud."
    )
    credentials: OpcUaCredentials = OpcUaCredentials()
    additional_config: OpcUaOptions = OpcUaOptions()

    @property
    def auth(self) -> str:
        """anonymous, username or certificate."""
        given = self.credentials
        if self.additional_config.auth != "auto":
            return self.additional_config.auth
        if given.username or given.password:
            return "username"
        return "certificate" if given.certificate or given.private_key else "anonymous"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def dialled_port(self) -> int:
        return self.port or urlsplit(self.endpoint).port or DEFAULT_PORT

    @property
    def place(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.dialled_port}"

    @property
    def url(self) -> str:
        """What a server wants to hear as the endpoint's address."""
        return f"opc.tcp://{self.place}{urlsplit(self.endpoint).path}"

    @cached_property
    def points(self) -> tuple[NodePoint, ...]:
        aliases = {**NAMESPACES, **self.additional_config.namespaces}
        return tuple(_make_point(node, aliases, index) for index, node in enumerate(self.additional_config.nodes))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        fields = dict(self._list_wrong())
        if fields:
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields=fields)
        assert self.points is not None  # a point that cannot be made is found here, not at three in the night
        return self

    def _list_wrong(self) -> Iterator[tuple[str, str]]:
        written = urlsplit(self.endpoint).port
        if written and self.port and written != self.port:
            yield "port", f"The address already names port {written}; leave one of them out."
        for name in _NEEDED.get(self.auth, ()):
            if not getattr(self.credentials, name):
                yield f"credentials.{name}", f"This is needed for auth {self.auth}."
        given = self.credentials
        if given.certificate and given.private_key and not _belong_together(given.certificate, given.private_key):
            yield "credentials.private_key", "This key does not belong to the certificate above."
        if self.additional_config.profile == "none" and not self.additional_config.nodes:
            yield "additional_config.nodes", "Without a profile, list here which nodes to read."


def _belong_together(certificate: str, private_key: SecretStr) -> bool:
    key = load_pem_private_key(private_key.get_secret_value().encode(), None)
    return x509.load_pem_x509_certificate(certificate.encode()).public_key() == key.public_key()


def _make_point(node: NodeSetting, aliases: Mapping[str, str], index: int) -> NodePoint:
    path = f"additional_config.nodes.{index}"
    if bool(node.node) == bool(node.browse_path):
        raise ConfigurationError(fields={f"{path}.node": "Give either the node or its browse_path."})
    place = "node" if node.node else "browse_path"
    try:
        where: NodeAddress | BrowsePath = (
            parse_node_address(node.node, aliases) if node.node else parse_browse_path(node.browse_path or "", aliases)
        )
    except ValueError as error:
        raise ConfigurationError(fields={f"{path}.{place}": str(error)}) from None
    given: dict[str, Any] = node.model_dump(exclude_unset=True, exclude={"node", "browse_path", "field"})
    try:
        spec = make_spec(node.field, {key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        found = describe_validation_error(error, NodeSetting)
        raise ConfigurationError(fields={f"{path}.{name}": text for name, text in found.items()}) from None
    return NodePoint(where, node.field, spec, unit_given="unit" in given)
