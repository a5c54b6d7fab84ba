"""Any machine or cloud with a JSON endpoint: where to ask, how to sign in, which value is where.

Options and what to ask the technician: docs/connectors/rest_api.md.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from .errors import ConnectorError, ResponseError
from .http import HttpConnector
from .http_settings import EmptyIsNone, UrlPath
from .mapping import merge_readings, parse_document
from .mapping_settings import DocumentMapping, JmesPath
from .reading import Capabilities, Reading
from .sign_in import Access
from .sign_in_settings import SignInConfig, SignInOptions, make_access

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_OLD = timedelta(minutes=10)


def _check_placeholders(path: str) -> str:
    if any(found not in ("{equipment_id}", "{device_id}") for found in _PLACEHOLDER.findall(path)):
        raise ValueError("Only {equipment_id} and {device_id} can stand in curly brackets here.")
    return path


PathTemplate = Annotated[UrlPath, AfterValidator(_check_placeholders)]


class RestApiOptions(SignInOptions):
    data_endpoint: PathTemplate = Field(
        default="/api/v1/equipment/{equipment_id}/data", description="Path of the current values."
    )
    status_endpoint: Annotated[PathTemplate | None, EmptyIsNone] = Field(
        default=None, description="Path of the machine's state; asked by the connection test."
    )
    device_id: Annotated[str | None, EmptyIsNone] = Field(
        default=None, max_length=200, description="The machine's id at its maker, put in for {equipment_id}."
    )
    root: Annotated[JmesPath | None, EmptyIsNone] = Field(default=None, description="Where the values begin: data.")
    mapping: DocumentMapping = DocumentMapping()
    status_mapping: DocumentMapping | None = Field(
        default=None, description="If given, the state is read with every reading and fills what the values leave open."
    )


class RestApiConfig(SignInConfig):
    additional_config: RestApiOptions = RestApiOptions()


def parse_rest_document(document: Any, options: RestApiOptions, *, received_at: datetime) -> Reading:
    """The reading in the answer of `data_endpoint`. ResponseError if it holds none."""
    return parse_document(document, options.mapping, root=options.root, received_at=received_at)


def parse_status_document(document: Any, options: RestApiOptions, *, received_at: datetime) -> Reading:
    """What the answer of `status_endpoint` adds; perhaps nothing."""
    return parse_document(document, options.status_mapping or DocumentMapping(), received_at=received_at, partial=True)


class RestApiConnector(HttpConnector[RestApiConfig]):
    """Any machine that answers in JSON."""

    config_class = RestApiConfig
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "https://192.168.1.20",
        "port": 443,
        "credentials": {"token": "the token from the machine's settings"},
        "additional_config": {
            "auth": "bearer",
            "device_id": "oven-1",
            "data_endpoint": "/api/v1/equipment/{equipment_id}/data",
            "status_endpoint": "/api/v1/equipment/{equipment_id}/status",
            "timeout": 10,
            "verify_ssl": True,
            "mapping": {
                "timestamp": {"path": "time", "timezone": "Europe/Madrid"},
                "temperature": {"path": "decks[0].top", "scale": 0.1, "unit": "°C"},
                "temperature_zones": {
                    "deck_1_top": {"path": "decks[0].top", "scale": 0.1},
                    "deck_1_bottom": {"path": "decks[0].bottom", "scale": 0.1},
                },
                "energy_consumption_kwh": {"path": "meter.energy", "unit": "Wh"},
                "operational_status": {"path": "state", "enum": {"HEATING": "preheating", "BAKING": "running"}},
            },
        },
    }

    def __init__(self, equipment_id: str, config: RestApiConfig, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self._parts: dict[str, Reading] = {}  # what a 304 refers to
        self._last: Reading | None = None

    def make_access(self) -> Access:
        return make_access(self.config)

    def _path(self, template: str) -> str:
        own = quote(self.config.additional_config.device_id or self.equipment_id, safe="")
        return _PLACEHOLDER.sub(lambda _: own, template)

    async def close(self) -> None:
        self._parts.clear()
        self._last = None
        await super().close()

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if not self.is_open:
            async with self:
                return await self.get_current_reading()
        options = self.config.additional_config
        async with self._time_limit():
            reading = await self._read(self._path(options.data_endpoint), parse_rest_document)
            if options.status_endpoint and options.status_mapping is not None:
                status = await self._read(self._path(options.status_endpoint), parse_status_document)
                reading = merge_readings(reading, status)
        self._last = reading
        return reading

    async def _read(self, path: str, parse: Any) -> Reading:
        answer = await self.get_json(path)
        received_at = datetime.now(UTC)
        if answer.unchanged and path in self._parts:
            return replace(self._parts[path], reading_time=received_at)
        try:
            self._parts[path] = parse(answer.document, self.config.additional_config, received_at=received_at)
        except ResponseError:
            self.forget_validators(path)
            raise
        return self._parts[path]

    async def get_capabilities(self) -> Capabilities:
        if not self.is_open:
            async with self:
                return await self.get_capabilities()
        # The last one will do: machines that count requests would refuse a second one in the same second.
        reading = self._last or await self.get_current_reading()
        remarks = [*self.list_security_remarks(), *await self._list_status_remarks()]
        age = datetime.now(UTC) - reading.reading_time
        if age > _OLD:
            remarks.append(
                f"The values are from {reading.reading_time:%Y-%m-%d %H:%M} UTC. If they are new, correct the clock "
                "of the machine, or the time zone under additional_config.mapping.timestamp.timezone."
            )
        return Capabilities.from_reading(reading, tuple(remarks))

    async def _list_status_remarks(self) -> list[str]:
        options = self.config.additional_config
        if not options.status_endpoint or options.status_mapping is not None:
            return []
        try:
            async with self._time_limit():
                await self.get_json(self._path(options.status_endpoint))
        except ConnectorError as error:
            return [f"The values arrive, but status_endpoint does not answer: {error}"]
        return []
