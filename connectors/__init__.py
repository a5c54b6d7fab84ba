"""The front door to the machines. Plain Python: no Django, no database, no logging."""

from .addresses import AddressPolicy
from .base import BaseIoTConnector, ConnectorConfig
from .errors import (
    ERROR_CODES,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
)
from .identity import Identity, make_identity
from .reading import Capabilities, ConnectionTest, CycleStage, DoorStatus, OperationalStatus, Reading
from .registry import PROTOCOLS, ConnectorFactory, create_connector, get_connector_class, list_protocols, parse_config

__all__ = [
    "ERROR_CODES",
    "PROTOCOLS",
    "AddressPolicy",
    "AuthenticationError",
    "BaseIoTConnector",
    "Capabilities",
    "ConfigurationError",
    "ConnectionTest",
    "ConnectorConfig",
    "ConnectorError",
    "ConnectorFactory",
    "CycleStage",
    "DoorStatus",
    "Identity",
    "OperationalStatus",
    "Reading",
    "ResponseError",
    "UnreachableError",
    "create_connector",
    "get_connector_class",
    "list_protocols",
    "make_identity",
    "parse_config",
]
