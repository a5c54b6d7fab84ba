"""As whom we come to a broker: what settings make one connection, and under which name."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .addresses import AddressPolicy
from .identity import Identity
from .mqtt_formats import LARGEST_MESSAGE
from .mqtt_settings import BrokerAddress, MqttConfig
from .tls import ClientCertificate, TlsSettings

# Unacknowledged messages we take at a time; Mosquitto counts 20 for a client that does not say.
RECEIVE_MAXIMUM = 1000
_LARGEST_PACKET = 4 * LARGEST_MESSAGE  # a broker drops what is longer without a word, and we would not know why
_PORT_OF_THE_WEB = 443


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that makes a connection its own: two machines with equal ones share it."""

    broker: BrokerAddress
    client_id: str
    username: str | None
    password: str | None = field(repr=False)
    tls: TlsSettings | None = field(repr=False)
    server_name: str | None
    version: str
    persistent: bool
    policy: AddressPolicy
    session_expiry: int = field(compare=False)  # of several machines that share it, the first one's counts
    keepalive: int = field(compare=False)

    @property
    def is_anonymous(self) -> bool:
        return self.username is None and not (self.tls and self.tls.client)


def make_account(config: MqttConfig, *, policy: AddressPolicy, identity: Identity, is_guest: bool) -> Account:
    """A guest comes with a name of its own and leaves nothing behind: it must not throw out the live line."""
    options, credentials, broker = config.additional_config, config.credentials, config.broker
    account = Account(
        broker=broker,
        client_id="",
        username=credentials.username,
        password=credentials.password.get_secret_value() if credentials.password else None,
        tls=_tls(config) if broker.encrypted else None,
        server_name=options.server_name,
        version=options.version,
        persistent=options.persistent_session and not is_guest,
        policy=policy,
        session_expiry=options.session_expiry,
        keepalive=options.keepalive,
    )
    if is_guest:
        name = f"{options.client_id or 'bakery-iot'}-test-{secrets.token_hex(3)}"
    else:
        name = options.client_id or f"{identity.client_id}-{_digest(account, identity)}"
    return replace(account, client_id=name)


def _tls(config: MqttConfig) -> TlsSettings:
    options, credentials = config.additional_config, config.credentials
    if config.broker.websocket_path:
        protocol: str | None = "http/1.1"
    else:
        protocol = options.alpn or ("mqtt" if config.broker.port == _PORT_OF_THE_WEB else None)
    client = None
    if credentials.certificate and credentials.private_key:
        client = ClientCertificate(credentials.certificate, credentials.private_key.get_secret_value())
    trusted = (options.verify_ssl, options.ca_file, options.ca_pem)
    return TlsSettings(*trusted, alpn=(protocol,) if protocol else (), client=client)


def _digest(account: Account, identity: Identity) -> str:
    """Each connection needs a name of its own. Keyed, as brokers log names and passwords can be guessed."""
    settings = (
        account.broker, account.username, account.password, account.tls, account.server_name, account.version
    )  # fmt: skip
    return hmac.new(identity.private_key_pem.encode(), repr(settings).encode(), hashlib.sha256).hexdigest()[:10]


def connect_properties(account: Account) -> Properties:
    """What we say to a broker of MQTT 5."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = account.session_expiry if account.persistent else 0
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    properties.MaximumPacketSize = _LARGEST_PACKET
    return properties
