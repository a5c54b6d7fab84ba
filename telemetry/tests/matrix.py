"""One simulated oven of every protocol, each behind a line of its own that can be broken."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conftest import BackgroundLoop
from connectors import Identity
from connectors.simulators.fleet import FLEET
from connectors.simulators.http import SimulatedBakery
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.mqtt import MqttOvens
from connectors.simulators.opc_ua import OpcUaOvens
from connectors.simulators.opc_ua_cloud import ConnectedCookingOvens
from connectors.simulators.opc_ua_server import server_identity
from connectors.simulators.proxy import FaultyProxy
from connectors.simulators.rational import RationalOvens
from connectors.simulators.served import ServedOven, make_ovens
from connectors.simulators.wachtel import WachtelOvens
from connectors.simulators.ws import WsOvens
from connectors.tests.machines import server_context
from connectors.tests.opc_ua_server import make_certificate, pem_of, server_key


def _alone(key: str) -> Mapping[str, ServedOven]:
    return make_ovens([spec for spec in FLEET if spec.key == key])


def _rest(key: str) -> SimulatedBakery:
    return SimulatedBakery([spec for spec in FLEET if spec.key == key])


# Protocol, or protocol and transport -> oven, server, and options with which a fault shows within seconds.
MACHINES: dict[str, tuple[str, Callable[[str], Any], dict[str, Any]]] = {
    "rest_api": ("sol-1", _rest, {}),
    "rational/rest": ("sol-3", lambda key: RationalOvens(_alone(key)), {}),
    "wachtel": ("backstube-2", lambda key: WachtelOvens(_alone(key)), {}),
    "modbus": ("sol-4", lambda key: ModbusOvens(_alone(key)), {"request_timeout": 1}),
    "opc_ua": ("sol-3", lambda key: OpcUaOvens(_alone(key)), {}),
    "opc_ua/subscribe": (
        "backstube-4",
        lambda key: OpcUaOvens(_alone(key)),
        {"mode": "subscribe", "publishing_interval": 0.5},
    ),
    "rational": ("teide-3", lambda key: ConnectedCookingOvens(_alone(key)), {}),
    "mqtt": ("teide-2", lambda key: MqttOvens(_alone(key)), {"keepalive": 5, "stale_after": 3}),
    "mqtt/sparkplug": ("teide-4", lambda key: MqttOvens(_alone(key)), {"keepalive": 5, "stale_after": 3}),
    "ws": ("sol-2", lambda key: WsOvens(_alone(key)), {}),
}
TIMEOUT_SECONDS = 2
_ENCRYPTED = {"http": "https", "mqtt": "mqtts"}


CA = trustme.CA()
VALID = server_context(CA.issue_cert("127.0.0.1"))
EXPIRED_NAME = "expired"
EXPIRED = server_context(CA.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)))


class Machine:
    def __init__(self, label: str, loop: BackgroundLoop) -> None:
        self.label, self.protocol = label, label.partition("/")[0]
        self.key, make, self.options = MACHINES[label]
        self._loop = loop
        self.server = make(self.key)
        loop.run(self.server.start())
        self.proxy = FaultyProxy(self.server.port)
        loop.run(self.proxy.start())

    @property
    def oven(self) -> ServedOven:
        return self.server.ovens[self.key]  # type: ignore[no-any-return]

    def settings(self) -> dict[str, Any]:
        """Through the line that can be broken."""
        found: dict[str, Any] = self.server.settings(self.key, port=self.proxy.port)
        options = {**found["additional_config"], "timeout": TIMEOUT_SECONDS, **self.options}
        if self.proxy.tls:
            scheme, _, rest = found["endpoint"].partition("://")
            found["endpoint"] = f"{_ENCRYPTED[scheme]}://{rest}"
            options["ca_pem"] = CA.cert_pem.bytes().decode()
        return {"protocol": self.protocol, **found, "additional_config": options}

    def turn(self, fault: str | None) -> None:
        self._loop.run(self.proxy.turn(fault))

    def stop(self) -> None:
        self._loop.run(self.server.stop())

    def start(self) -> None:
        self._loop.run(self.server.start())

    @property
    def has_certificate(self) -> bool:
        return self._signs or self.server.settings(self.key)["endpoint"].partition("://")[0] in _ENCRYPTED

    @property
    def _signs(self) -> bool:
        """OPC UA brings its own certificates, below TLS."""
        return hasattr(self.server, "identity")

    def present(self, *, expired: bool) -> None:
        """From now on it shows a certificate that is valid, or one that was until yesterday."""
        if self._signs:
            self.stop()
            self.server.identity = _expired_identity() if expired else server_identity()
            self.start()
            return
        self.turn("refuse")
        self.proxy.tls = EXPIRED if expired else VALID
        self.turn(None)

    def repair(self) -> None:
        self.oven.fault = None
        if self.proxy.tls:
            self.turn("refuse")
            self.proxy.tls = None
        self.turn(None)
        if self._signs and self.server.identity.name == EXPIRED_NAME:
            self.present(expired=False)

    def close(self) -> None:
        self._loop.run(self.proxy.stop())
        self._loop.run(self.server.__aexit__(None, None, None))


def _expired_identity() -> Identity:
    key = server_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(EXPIRED_NAME, pem_of(make_certificate(days=-1)), key.decode())
