"""A maker's cloud as our contracts assume it: sign in with user name and password, then ask for one machine's state.

No maker has published these paths and names, so each of them is a setting; a subclass brings the shape of its answer.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import AfterValidator, Field, SecretStr

from .base import Settings
from .errors import AuthenticationError, ConnectorError, ResponseError, UnreachableError
from .findings import Findings
from .http import HttpConnector
from .http_client import Reply
from .http_errors import error_for_status
from .http_settings import Address, HttpConfig, HttpOptions, UrlPath
from .mapping_settings import DurationSpec, JmesPath, TemperatureSpec, ZoneName
from .reading import Capabilities, OperationalStatus, Reading
from .sign_in import Access, TokenRequest
from .sign_in_settings import HeaderName
from .values import BadValueError, clean_text, parse_number, parse_plain

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_CELSIUS, _FAHRENHEIT = TemperatureSpec(path="@"), TemperatureSpec(path="@", unit="°F")
_LEFT = DurationSpec(path="@", unit="s")
_MOST_MESSAGES = 10
_LONGEST_LINE = 500


def _check_placeholder(path: str) -> str:
    if any(found != "{id}" for found in _PLACEHOLDER.findall(path)):
        raise ValueError("Only {id} can stand in curly brackets here: the machine's id in the cloud.")
    return path


StatusPath = Annotated[UrlPath, AfterValidator(_check_placeholder)]
FieldName = Annotated[str, Field(min_length=1, max_length=100)]


class AccountCredentials(Settings):
    username: str = Field(min_length=1, max_length=500)
    password: SecretStr = Field(min_length=1, max_length=10_000)


class CloudOptions(HttpOptions):
    sign_in_endpoint: Address = Field(
        default="/login", description="Path that takes user name and password as JSON and returns a token."
    )
    status_endpoint: StatusPath = Field(default="/{id}/status", description="Path of the state; {id} is the machine's.")
    username_field: FieldName = "username"
    password_field: FieldName = "password"
    token_path: JmesPath = "token || access_token || accessToken"
    expires_path: JmesPath = "expiresIn || expires_in"
    token_header: HeaderName = "Authorization"
    token_prefix: str = Field(default="Bearer", max_length=50, pattern=r"^[!-~]*$")
    temperature_unit: Literal["auto", "C", "F"] = Field(
        default="auto", description="Of the cloud's temperatures. auto: as the answer says, else °C."
    )
    timezone: ZoneName = Field(default="UTC", description="Of the cloud's times, where they name none.")
    states: dict[str, OperationalStatus] = Field(
        default={}, max_length=50, description="More of the machine's words of state -> ours."
    )


class CloudConfig(HttpConfig):
    credentials: AccountCredentials = Field(default={}, validate_default=True)
    additional_config: CloudOptions = CloudOptions()


CloudConfigT = TypeVar("CloudConfigT", bound=CloudConfig)


class CloudConnector(HttpConnector[CloudConfigT]):
    """One machine of one account."""

    id_setting: str  # the option that holds the machine's id, for sentences
    remarks: tuple[str, ...] = ()

    def __init__(self, equipment_id: str, config: CloudConfigT, **surroundings: Any) -> None:
        super().__init__(equipment_id, config, **surroundings)
        self._last: Reading | None = None

    @property
    @abstractmethod
    def machine_id(self) -> str:
        """The machine's id in the cloud."""

    @abstractmethod
    def parse(self, document: Any, *, received_at: datetime) -> Reading:
        """The reading in an answer. ResponseError if it holds none."""

    def make_access(self) -> Access:
        given, options = self.config.credentials, self.config.additional_config
        path = options.sign_in_endpoint
        base = str(self.config.base_url).rstrip("/")
        request = TokenRequest(
            url=httpx.URL(path if "://" in path else base + path),
            json={
                options.username_field: given.username,
                options.password_field: given.password.get_secret_value(),
            },
            token_path=options.token_path,
            expires_path=options.expires_path,
        )
        return Access(token_request=request, token_header=options.token_header, token_prefix=options.token_prefix)

    async def close(self) -> None:
        self._last = None
        await super().close()

    async def get_current_reading(self) -> Reading:
        """As in the guide it may be called on a line that is not open; it is then opened for this once."""
        if not self.is_open:
            async with self:
                return await self.get_current_reading()
        own = quote(self.machine_id, safe="")
        path = _PLACEHOLDER.sub(lambda _: own, self.config.additional_config.status_endpoint)
        async with self._time_limit():
            answer = await self.get_json(path)
        received_at = datetime.now(UTC)
        if answer.unchanged and self._last:
            self._last = replace(self._last, reading_time=received_at)
            return self._last
        try:
            self._last = self.parse(answer.document, received_at=received_at)
        except ResponseError:
            self.forget_validators(path)
            raise
        return self._last

    async def get_capabilities(self) -> Capabilities:
        if not self.is_open:
            async with self:
                return await self.get_capabilities()
        reading = self._last or await self.get_current_reading()
        remarks = (*self.list_security_remarks(), *self.list_remarks(reading))
        return Capabilities.from_reading(reading, remarks)

    def list_remarks(self, reading: Reading) -> tuple[str, ...]:
        """Sentences for the person who tests the connection."""
        return self.remarks

    def describe_refusal(self, reply: Reply) -> ConnectorError:
        """404: an id the cloud does not know; 409 and 503: it knows the machine and cannot reach it."""
        error = error_for_status(reply, self.place)
        own = clean_text(self.machine_id)
        if reply.status in (404, 410):
            return ResponseError(
                f"{self.place} knows no machine {own}. Correct additional_config.{self.id_setting}, or the address.",
                code="not_found",
            )
        if reply.status in (409, 503):
            return UnreachableError(
                f"{self.place} has no connection to the machine {own}. Check that it is switched on and in the "
                "network; the cloud itself answers.",
                code="offline",
                retry_after=error.retry_after,
            )
        if reply.status == 403:
            return AuthenticationError(
                f"{self.place} knows the account, but does not let it read the machine {own}. Check "
                f"additional_config.{self.id_setting}, or ask the account's owner for the right.",
                code="forbidden",
            )
        return error


def choose_temperature(setting: str, said: Any) -> TemperatureSpec:
    """°F if the setting says so or, left to the answer, if that does: F, °F, Fahrenheit."""
    word = said.strip().lstrip("°").upper() if setting == "auto" and isinstance(said, str) else setting
    return _FAHRENHEIT if word.startswith("F") else _CELSIUS


def take_cycle(found: Findings, set_seconds: Any, left_seconds: Any) -> None:
    """Progress and minutes left of a programme. Negative seconds left mean that the machine does not know."""
    found.take("time_remaining_minutes", _LEFT, left_seconds)
    try:
        whole, left = parse_number(set_seconds), parse_number(left_seconds)
    except BadValueError:
        found.quality["cycle_progress_percentage"] = "bad"
        return
    if whole and left is not None and whole > 0 and left >= 0:
        found.values["cycle_progress_percentage"] = round(100 * (1 - min(left / whole, 1)), 1)


def list_messages(items: Any, write: Callable[[dict[str, Any]], str]) -> str | None:
    """A list of messages in one line: what `write` makes of each object, and texts as they are. None if empty."""
    found = []
    for item in items[:_MOST_MESSAGES] if isinstance(items, list) else ():
        text = write(item) if isinstance(item, dict) else item if isinstance(item, str) else ""
        if text := clean_text(text):
            found.append(text)
    return "; ".join(found)[:_LONGEST_LINE] or None


def join_texts(item: Mapping[str, Any], *keys: str) -> str:
    """What stands at these keys, as words in a row: code, text."""
    words = []
    for key in keys:
        try:
            value = parse_plain(item.get(key))
        except BadValueError:
            continue
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            words.append(str(value))
    return " ".join(word for word in words if word)
