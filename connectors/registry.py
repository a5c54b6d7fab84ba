"""Which protocols there are. Each is imported on first use: a server without OPC UA machines does not load asyncua.

Other packages add theirs with an entry point in the group `bakery_iot.connectors`.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from pydantic import ValidationError

from .addresses import DEFAULT_POLICY, AddressPolicy
from .base import BaseIoTConnector, ConnectorConfig
from .errors import ConfigurationError
from .identity import Identity
from .validation import describe_validation_error

ENTRY_POINT_GROUP = "bakery_iot.connectors"


class Protocol(NamedTuple):
    label: str
    path: str  # "package.module:Class"


PROTOCOLS: dict[str, Protocol] = {
    "rest_api": Protocol("REST API (JSON over HTTP)", "connectors.rest_api:RestApiConnector"),
    "rational": Protocol("Rational ConnectedCooking", "connectors.rational:RationalConnector"),
    "wachtel": Protocol("Wachtel REMOTE", "connectors.wachtel:WachtelConnector"),
    "opc_ua": Protocol("OPC UA", "connectors.opc_ua:OpcUaConnector"),
    "mqtt": Protocol("MQTT", "connectors.mqtt:MqttConnector"),
    "modbus": Protocol("Modbus", "connectors.modbus:ModbusConnector"),
    "ws": Protocol("Weihenstephan (WS) protocol", "connectors.ws:WsConnector"),
}
# The guide's other names.
ALIASES: dict[str, str] = {"rational_connected_cooking": "rational", "wachtel_remote": "wachtel"}


# The guide's word for a protocol that is none of ours.
CUSTOM = "custom"


@cache
def _entry_points() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=ENTRY_POINT_GROUP)}


def list_protocols() -> dict[str, str]:
    """Key -> label of every protocol that is installed, for choices."""
    return {key: protocol.label for key, protocol in PROTOCOLS.items()} | {
        key: _label_of(key) for key in _entry_points() if key not in PROTOCOLS
    }


def _label_of(key: str) -> str:
    """Another package's class says it itself; of one that cannot be loaded only the key is known."""
    try:
        return get_connector_class(key).label or key
    except ConfigurationError:
        return key


def get_connector_class(protocol: str) -> type[BaseIoTConnector[Any]]:
    """The class behind a key or an alias. ConfigurationError for an unknown one, or one that cannot be loaded."""
    key = ALIASES.get(protocol, protocol)
    if known := PROTOCOLS.get(key):
        return _load(known.path)
    if found := _entry_points().get(key):
        return _load_from_package(found)
    choices = list(list_protocols()) + list(ALIASES)
    near = get_close_matches(protocol, choices, n=1)
    hint = f"Do you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(choices)}."
    if protocol == CUSTOM:
        hint = f"A connector of your own goes by its own name: docs/connectors/your_own.md says how to add it. {hint}"
    raise ConfigurationError(fields={"protocol": f"There is no protocol of this name. {hint}"})


def _load_from_package(found: EntryPoint) -> type[BaseIoTConnector[Any]]:
    """What others wrote may not fit this release: that must not take the pages down with it."""
    try:
        return _load(found.value)
    except (ImportError, AttributeError, TypeError) as error:
        package = found.dist.name if found.dist else found.value
        raise ConfigurationError(
            fields={
                "protocol": f"The package {package} brings this protocol and cannot be loaded ({error}). "
                "Install a version of it that fits this release, or remove it."
            }
        ) from error


@cache
def _load(path: str) -> type[BaseIoTConnector[Any]]:
    module, _, name = path.partition(":")
    found = getattr(import_module(module), name)
    if not (isinstance(found, type) and issubclass(found, BaseIoTConnector)):
        raise TypeError(f"{path} is not a BaseIoTConnector")
    if not (hasattr(found, "config_class") and hasattr(found, "example")):
        raise TypeError(f"{path} has no config_class and example")
    return found


def parse_config(protocol: str, config: Mapping[str, Any]) -> ConnectorConfig:
    """Check endpoint, port, credentials and additional_config. ConfigurationError names the wrong ones in `fields`."""
    config_class: type[ConnectorConfig] = get_connector_class(protocol).config_class
    try:
        return config_class.model_validate(dict(config))
    except ValidationError as error:
        # Cut off the original: it knows what was typed in.
        raise ConfigurationError(fields=describe_validation_error(error, config_class)) from None


def create_connector(
    protocol: str,
    equipment_id: str,
    config: Mapping[str, Any] | ConnectorConfig,
    *,
    policy: AddressPolicy = DEFAULT_POLICY,
    identity: Identity | None = None,
) -> BaseIoTConnector[Any]:
    """A connector that is not open yet. `config` has the keys of the API's request body, without `protocol`."""
    settings = config if isinstance(config, ConnectorConfig) else parse_config(protocol, config)
    return get_connector_class(protocol)(equipment_id, settings, policy=policy, identity=identity)


class ConnectorFactory:
    """The guide's spelling of `create_connector`."""

    create_connector = staticmethod(create_connector)
