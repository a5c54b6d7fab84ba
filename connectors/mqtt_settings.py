"""The settings of a machine behind an MQTT broker: which broker, which account, which topics, what is in a message."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import AfterValidator, Field, SecretStr, model_validator

from .base import ConnectorConfig, Options, Settings
from .errors import ConfigurationError
from .http_settings import EmptyIsNone, Pem, check_endpoint
from .mapping_settings import DocumentMapping, JmesPath, Key
from .mqtt_formats import StructLayout

_SCHEMES: Mapping[str, int] = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_TOPIC_NAME = re.compile(r"[^\x00-\x1f+#/\x7f\ud800-\udfff]+")
_NEEDED_TOGETHER = (("username", "password"), ("certificate", "private_key"))


def check_broker(text: str) -> str:
    """An mqtt, mqtts, ws or wss address without user name or query; or only a host."""
    address = text.strip()
    scheme, mark, rest = address.partition("://")
    if not mark:
        scheme, rest = "mqtt", address
    if scheme.lower() not in _SCHEMES:
        raise ValueError("This must begin with mqtt://, mqtts://, ws:// or wss://, for example mqtts://192.168.1.20.")
    try:
        check_endpoint(f"http://{rest}")  # the same rules for host, port, user name and query
    except ValueError as error:
        raise ValueError(str(error).replace("https://", "mqtts://")) from error
    if urlsplit(f"http://{rest}").path.strip("/") and not scheme.lower().startswith("ws"):
        raise ValueError("Enter only host and port here; the topics have a setting of their own.")
    return f"{scheme.lower()}://{rest.rstrip('/')}" if mark else rest.rstrip("/")


def check_filter(text: str) -> str:
    """A topic, perhaps with wildcards."""
    topic = text.strip()
    if any(found not in ("{equipment_id}", "{device_id}") for found in _PLACEHOLDER.findall(topic)):
        raise ValueError("Only {equipment_id} and {device_id} can stand in curly brackets here.")
    levels = topic.split("/")
    wrong = any(level != "+" and "+" in level for level in levels) or any("#" in level for level in levels[:-1])
    if wrong or ("#" in levels[-1] and levels[-1] != "#") or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", topic):
        raise ValueError("Write a topic like bakery/oven-1/data; + stands for one level, # at the end for all below.")
    return topic


def check_topic(text: str) -> str:
    """One topic, without wildcards."""
    topic = check_filter(text)
    if "+" in topic or "#" in topic:
        raise ValueError("This must be one topic, without + and #.")
    return topic


def _check_level(text: str) -> str:
    if not _TOPIC_NAME.fullmatch(text):
        raise ValueError("This is one level of a topic: it holds no /, + or #.")
    return text


def _load_key(secret: SecretStr) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(secret.get_secret_value().encode(), None)
    except TypeError:
        raise ValueError("This key is locked with a password. Paste it unlocked; we keep it encrypted.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("This is not a private key. Paste the whole text, from -----BEGIN to -----END.") from None


def _check_key(secret: SecretStr) -> SecretStr:
    _load_key(secret)
    return secret


Filter = Annotated[str, AfterValidator(check_filter), Field(min_length=1, max_length=500)]
Topic = Annotated[str, AfterValidator(check_topic), Field(min_length=1, max_length=500)]
Level = Annotated[str, AfterValidator(_check_level), Field(min_length=1, max_length=200)]
PrivateKey = Annotated[SecretStr, AfterValidator(_check_key)]
Format = Literal["json", "raw", "senml", "struct", "sparkplug_b"]


class MqttCredentials(Settings):
    """All may be left out where the broker lets everybody in."""

    username: Annotated[str | None, EmptyIsNone] = Field(default=None, max_length=500)
    password: SecretStr | None = Field(default=None, max_length=10_000)
    certificate: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=50_000, description="Our certificate for this broker, as text."
    )
    private_key: Annotated[PrivateKey | None, EmptyIsNone] = Field(
        default=None, max_length=50_000, description="The certificate's key, as text and without a password."
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_form(cls, value: Any) -> Any:
        """A form that was left empty sends empty texts; beside a user name an empty password is one."""
        if isinstance(value, dict) and not value.get("username") and value.get("password") == "":
            return {**value, "password": None}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        # Not ValueErrors: those cannot say which field they mean.
        for pair in _NEEDED_TOGETHER:
            missing = [name for name in pair if getattr(self, name) is None]
            if len(missing) == 1:
                raise ConfigurationError(fields={f"credentials.{missing[0]}": "This is needed beside the other."})
        if self.certificate and self.private_key:
            own = x509.load_pem_x509_certificate(self.certificate.encode()).public_key()
            form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            if _load_key(self.private_key).public_key().public_bytes(*form) != own.public_bytes(*form):
                raise ConfigurationError(
                    fields={"credentials.private_key": "This key belongs to another certificate. Paste the pair."}
                )
        return self


class SessionOptions(Options):
    version: Literal["auto", "5", "3.1.1"] = Field(default="auto", description="Of MQTT; auto tries 5 first.")
    client_id: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=200, description="Only if the broker prescribes it; by default one of our own."
    )
    qos: Literal[0, 1] = Field(default=1, description="1: what could not be stored is delivered again.")
    persistent_session: bool = Field(default=True, description="The broker keeps messages while we are away.")
    session_expiry: int = Field(default=86_400, ge=0, le=2**32 - 2, description="For how many seconds (MQTT 5).")
    keepalive: int = Field(default=30, ge=5, le=3600, description="Seconds of silence before we ask the broker.")
    verify_ssl: bool = Field(default=True, description="Off only for a test: anyone in between could read along.")
    ca_file: Annotated[str | None, EmptyIsNone] = Field(
        default=None, description="Path of a file with certificates to trust, on our server."
    )
    ca_pem: Annotated[Pem | None, EmptyIsNone] = Field(
        default=None, max_length=100_000, description="The broker's certificate, or its authority's, pasted as text."
    )
    server_name: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=253, description="The name in the certificate, if it is not the address."
    )
    alpn: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=100, pattern=r"^[!-~]+$", description="Name of the protocol on port 443: mqtt."
    )


class MqttOptions(SessionOptions):
    format: Format = Field(default="json", description="What a message holds.")
    topic: Annotated[Filter | None, EmptyIsNone] = Field(default=None, description="Where the machine publishes.")
    topics: dict[Key, Filter] = Field(
        default={}, max_length=100, description="Several topics that make one machine: name -> topic."
    )
    device_id: Annotated[Level | None, EmptyIsNone] = Field(
        default=None, description="The machine's name in topics and messages; in Sparkplug its device."
    )
    device_path: Annotated[JmesPath | None, EmptyIsNone] = Field(
        default=None, description="Where a message names its machine, if several share a topic."
    )
    part_path: Annotated[JmesPath | None, EmptyIsNone] = Field(
        default=None, description="Where a message names the part of the machine it is about: cavity."
    )
    root: Annotated[JmesPath | None, EmptyIsNone] = Field(default=None, description="Where the values begin: data.")
    mapping: DocumentMapping = DocumentMapping()
    struct: StructLayout | None = Field(default=None, description="What lies where in a message of bytes.")
    interval: float = Field(default=30, gt=0, le=86_400, description="How often the machine sends, in seconds.")
    stale_after: float | None = Field(
        default=None, gt=0, le=604_800, description="Silence of this many seconds counts as lost; default 3 x interval."
    )
    availability_topic: Annotated[Topic | None, EmptyIsNone] = Field(
        default=None, description="Where the machine, or its last will, says whether it is there."
    )
    payload_available: str = Field(default="online", min_length=1, max_length=200)
    payload_not_available: str = Field(default="offline", min_length=1, max_length=200)
    group_id: Annotated[Level | None, EmptyIsNone] = Field(default=None, description="Sparkplug: the group.")
    edge_node_id: Annotated[Level | None, EmptyIsNone] = Field(default=None, description="Sparkplug: the edge node.")
    allow_rebirth: bool = Field(default=False, description="Sparkplug: we may ask for a birth; that is a command.")
    reorder_timeout: float = Field(
        default=2, ge=0, le=30, description="Sparkplug: seconds a missing message may come late."
    )
    discovery_prefix: Annotated[Topic | None, EmptyIsNone] = Field(
        default=None, description="homeassistant: the connection test then lists what is announced there."
    )

    @model_validator(mode="after")
    def _fits_the_format(self) -> Self:
        if wrong := dict(self._list_misfits()):
            # Not a ValueError: those cannot say which field they mean.
            raise ConfigurationError(fields={f"additional_config.{name}": text for name, text in wrong.items()})
        return self

    def _list_misfits(self) -> Iterator[tuple[str, str]]:
        if self.format == "sparkplug_b":
            for name in ("group_id", "edge_node_id"):
                if not getattr(self, name):
                    yield name, "Sparkplug needs this: it stands in the topic, spBv1.0/<group>/NDATA/<edge node>."
            if self.topic or self.topics:
                yield "topic", "Sparkplug's topics follow from group_id and edge_node_id; leave this out."
            return
        only_looks = self.discovery_prefix and not self.topic and not self.topics
        if bool(self.topic) == bool(self.topics) and not only_looks:
            yield "topic", "Say where the machine publishes: either here, or under `topics` if there are several."
        if self.format == "struct" and not self.struct:
            yield "struct", "This is needed: it says what lies where in the bytes."
        if self.topics and self.format not in ("json", "raw"):
            yield "topics", "Several topics can be joined only with the formats json and raw."
        if self.part_path and self.format != "json":
            yield "part_path", "Only JSON messages can name the part they are about."

    @property
    def is_merged(self) -> bool:
        """One message is only a part of the reading: the last ones are kept side by side."""
        return self.format == "raw" or bool(self.topics) or bool(self.part_path)

    @property
    def silence_seconds(self) -> float | None:
        """How long a machine may be silent. None: Sparkplug machines send only what changes, and have a last will."""
        if self.stale_after is None and self.format == "sparkplug_b":
            return None
        return self.stale_after or 3 * self.interval


class BrokerAddress(NamedTuple):
    host: str
    port: int
    encrypted: bool
    websocket_path: str | None

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class MqttConfig(ConnectorConfig):
    endpoint: Annotated[str, AfterValidator(check_broker)] = Field(
        min_length=1, max_length=2000, description="The broker: mqtt://, mqtts://, ws:// or wss:// and its host."
    )
    credentials: MqttCredentials = MqttCredentials()
    additional_config: MqttOptions

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        written = urlsplit(self._address).port
        if written and self.port and written != self.port:
            raise ConfigurationError(
                fields={"port": f"The address already names port {written}; leave one of them out."}
            )
        if self.credentials.certificate and not self.broker.encrypted:
            raise ConfigurationError(fields={"endpoint": "A certificate needs an encrypted line: mqtts:// or wss://."})
        return self

    @property
    def _address(self) -> str:
        return self.endpoint if "://" in self.endpoint else f"mqtt://{self.endpoint}"

    @property
    def broker(self) -> BrokerAddress:
        """A bare host on port 8883 or 443 means an encrypted line: nothing else is spoken there."""
        url = urlsplit(self._address)
        scheme = url.scheme
        port = url.port or self.port or _SCHEMES[scheme]
        if "://" not in self.endpoint and port in (8883, 443):
            scheme = "mqtts"
        path = (url.path or "/mqtt") if scheme.startswith("ws") else None
        return BrokerAddress(url.hostname or "", port, scheme in ("mqtts", "wss"), path)
