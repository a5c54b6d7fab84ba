"""What a maker's cloud keeps about a machine beside its live values: HACCP batches and cooking programmes.

A protocol that has such records names here what fetches them; the others have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any
from typing import Protocol as TypingProtocol

from .addresses import DEFAULT_POLICY, AddressPolicy
from .base import ConnectorConfig
from .errors import ConnectorError
from .registry import ALIASES, parse_config


@dataclass(frozen=True, kw_only=True, slots=True)
class HaccpBatch:
    """One batch as its device documented it. Moments are aware and in UTC; what is not known is None or empty."""

    batch_id: str
    serial_number: str = ""
    name: str = ""
    group_name: str = ""
    device_name: str = ""
    started_at: datetime | None = None
    updated_at: datetime | None = None  # as the cloud says; it changes batches afterwards
    finished: bool | None = None
    total_seconds: int | None = None
    core_temperature_reached: bool | None = None
    temperature_unit: str = ""  # C or F: of the measurements in `document`, which stay as received
    software_versions: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class CookingProgramme:
    """One programme as the cloud lists it."""

    programme_id: str
    uuid: str = ""
    name: str = ""
    kind: str = ""  # MANUAL | INTELLIGENT
    status: str = ""  # created | review | published
    group: str = ""
    device_family: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordsFound:
    """One fetch. `programmes` is None where they were not asked for or did not come; `trouble` says why."""

    batches: tuple[HaccpBatch, ...]
    programmes: tuple[CookingProgramme, ...] | None = None
    seen_until: datetime | None = None  # every change up to here is in `batches`; None if some were left out
    trouble: ConnectorError | None = None


class RecordSource(TypingProtocol):
    async def fetch(self, *, since: datetime | None, serial_number: str, now: datetime) -> RecordsFound:
        """What has changed since that moment; everything the cloud still has if None. Raises ConnectorError."""


# protocol -> "package.module:function" that takes (config, policy=) and returns a RecordSource, or None without access
RECORD_SOURCES = {"rational": "connectors.rational_records:find_records"}


def has_records(protocol: str) -> bool:
    """Does this protocol know records at all? Whether a machine's account may read them is another question."""
    return ALIASES.get(protocol, protocol) in RECORD_SOURCES


def list_record_protocols() -> list[str]:
    """Their keys and aliases, to filter machines by."""
    return [key for key in (*RECORD_SOURCES, *ALIASES) if has_records(key)]


def find_record_source(
    protocol: str, config: Mapping[str, Any] | ConnectorConfig, *, policy: AddressPolicy = DEFAULT_POLICY
) -> RecordSource | None:
    """What fetches this machine's records; None if there are none or no access was entered.

    `config` is as for `create_connector`. Raises ConfigurationError.
    """
    if not has_records(protocol):
        return None
    settings = config if isinstance(config, ConnectorConfig) else parse_config(protocol, config)
    module, _, name = RECORD_SOURCES[ALIASES.get(protocol, protocol)].partition(":")
    found: RecordSource | None = getattr(import_module(module), name)(settings, policy=policy)
    return found
