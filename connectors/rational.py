"""Rational units in ConnectedCooking: the published OPC UA server, or the guide's REST configuration.

HACCP batches and cooking programmes come by `rational_records`. What to ask, every option: docs/connectors/rational.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from .base import BaseIoTConnector
from .errors import ConfigurationError, ConnectorError
from .opc_ua import OpcUaConnector
from .rational_rest import RationalRestConnector
from .rational_settings import OPC_UA_ENDPOINT, RationalConfig
from .reading import Capabilities, ConnectionTest, Reading

_REMARKS = {
    "opcua": "That unit_id is the number behind CombiSteamerDevice_ is our assumption, unverified with the "
    "manufacturer. This interface has no energy meter and no remote control.",
    "rest_assumed": "Rational has not published this REST interface: it is our assumption, unverified with the "
    "manufacturer. The published one is the OPC UA address.",
}
_WITH_RECORDS = (
    "HACCP batches and programmes are fetched once a day; how their sign-in works is unverified with the manufacturer."
)
_WITHOUT_RECORDS = "For HACCP batches and programmes, enter client_id and client_secret of an API client."


class RationalConnector(BaseIoTConnector[RationalConfig]):
    """One unit, read over whichever way its address names."""

    config_class = RationalConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": OPC_UA_ENDPOINT,
        "port": None,
        "credentials": {"username": "your-email@example.com", "password": "your-password"},
        "additional_config": {"unit_id": "12345", "timeout": 15},
    }

    def __init__(self, equipment_id: str, config: RationalConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        around = {"policy": self.policy, "identity": self.identity}
        self._inner: OpcUaConnector | RationalRestConnector
        if config.transport == "opcua":
            self._inner = OpcUaConnector(equipment_id, config.opc_ua_config(), **around)
        else:
            own = config.additional_config.unit_id
            self._inner = RationalRestConnector(equipment_id, config.rest_config(), own, **around)
        self._is_open = False

    @property
    def place(self) -> str:
        return self._inner.place

    async def connect(self) -> None:
        with _in_our_words():
            await self._inner.connect()
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False
        await self._inner.close()

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if not self._is_open:
            async with self:
                return await self.get_current_reading()
        with _in_our_words():
            return await self._inner.get_current_reading()

    async def get_capabilities(self) -> Capabilities:
        if not self._is_open:
            async with self:
                return await self.get_capabilities()
        with _in_our_words():
            found = await self._inner.get_capabilities()
        records = _WITH_RECORDS if self.config.additional_config.haccp else _WITHOUT_RECORDS
        return replace(found, remarks=(*found.remarks, _REMARKS[self.config.transport], records))

    async def test_connection(self) -> ConnectionTest:
        """Also a failed test lists the units that were seen: one of them may be the right one."""
        result = await super().test_connection()
        rows = getattr(self._inner, "device_rows", [])
        return replace(result, details={"devices": rows, **result.details}) if rows else result


@contextmanager
def _in_our_words() -> Iterator[None]:
    """The connector inside names its own setting where ours is unit_id."""
    theirs, ours = "additional_config.device", "additional_config.unit_id"
    try:
        yield
    except ConnectorError as error:
        error.args = (str(error).replace(theirs, ours),)
        if isinstance(error, ConfigurationError):
            error.fields = {
                path.replace(theirs, ours): text.replace(theirs, ours) for path, text in error.fields.items()
            }
        raise
