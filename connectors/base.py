"""The interface of every connector, and its settings in the shape of the API's request body.

A connector keeps no history, retries nothing and logs nothing: that is the collector's.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from .addresses import DEFAULT_POLICY, AddressPolicy
from .deadlines import TimeLimit
from .errors import ConnectorError, UnreachableError
from .identity import Identity, passing_identity
from .reading import Capabilities, ConnectionTest, Reading

_HANG_UP_SECONDS = 3.0


class Settings(BaseModel):
    """Refuses unknown keys, so that a misspelt setting is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Options(Settings):
    timeout: float = Field(
        default=10, gt=0, le=60, allow_inf_nan=False, description="Seconds one reading may take, signing in included."
    )


class ConnectorConfig(Settings):
    """One machine's settings, in the shape of the API's request body."""

    endpoint: str = Field(min_length=1, max_length=2000, description="Address of the machine or of its maker's cloud.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Only if it is not part of the address.")
    credentials: Settings = Settings()  # subclasses declare SecretStr fields
    additional_config: Options = Options()


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)


class BaseIoTConnector(ABC, Generic[ConfigT]):
    """One machine and one open line to it: `async with connector: ...`."""

    label: ClassVar[str] = ""  # for people; ours have theirs in `registry.PROTOCOLS`
    config_class: type[ConfigT]
    example: ClassVar[dict[str, Any]]  # complete, tested, shown in the wizard
    pushes: bool = False  # True: the machine speaks by itself; the collector listens to readings()
    repeats: bool = False  # True: what it pushes comes again until `confirm`, so the collector keeps no copy elsewhere

    def __init__(
        self,
        equipment_id: str,
        config: ConfigT,
        *,
        policy: AddressPolicy = DEFAULT_POLICY,
        identity: Identity | None = None,
    ) -> None:
        self.equipment_id = equipment_id
        self.config = config
        self.policy = policy
        self.identity = identity or passing_identity()
        self.timeout = config.additional_config.timeout  # seconds
        self._loop: asyncio.AbstractEventLoop | None = None  # of `async with`

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.equipment_id}>"

    @property
    @abstractmethod
    def place(self) -> str:
        """Host and port, for sentences."""

    @abstractmethod
    async def connect(self) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Safe to call twice, and after a failed connect."""

    @abstractmethod
    async def get_current_reading(self) -> Reading: ...

    async def readings(self) -> AsyncIterator[Reading | ConnectorError]:
        """What the machine sends by itself. Only where `pushes` is True.

        An error that is yielded is news about a machine that we go on listening to, such as its last will; one that
        is raised has ended the line.
        """
        raise NotImplementedError(f"{type(self).__name__} does not push")
        yield  # makes this an async generator, as the subclasses are

    async def confirm(self, readings: Sequence[Reading]) -> None:
        """They are committed: acknowledge them to the broker, where there is one. In the order in which they came.

        Only called where `repeats` is True; also after `readings()` was closed, until `close`. Where the connection is
        gone there is nothing to do: they will come again.
        """

    async def get_capabilities(self) -> Capabilities:
        return Capabilities.from_reading(await self.get_current_reading())

    async def test_connection(self) -> ConnectionTest:
        """Open, read once, ask for capabilities, close. A failure is an answer here, not an exception."""
        started = time.monotonic()
        try:
            async with self:
                reading = await self.get_current_reading()
                milliseconds = _milliseconds_since(started)
                capabilities = await self.get_capabilities()
        except ConnectorError as error:
            return ConnectionTest(
                success=False,
                status=error.status,
                response_time_ms=_milliseconds_since(started),
                message=str(error),
                error_details=str(error),
                error_code=error.code,
            )
        count = f"{reading.data_points} value" + ("" if reading.data_points == 1 else "s")
        return ConnectionTest(
            success=True,
            status="connected",
            response_time_ms=milliseconds,
            message=" ".join((f"Connected in {milliseconds} ms, {count} received.", *capabilities.remarks)),
            supported_features=list(capabilities.supported_features),
            reading=reading,
            details=capabilities.details,
        )

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        try:
            async with self._time_limit():
                await self.connect()
        except BaseException:  # cancelled halfway too: __aexit__ will not run
            await self._hang_up()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._hang_up()

    async def _hang_up(self) -> None:
        with suppress(TimeoutError, OSError, ConnectorError):
            async with asyncio.timeout(_HANG_UP_SECONDS):
                await self.close()

    def _time_limit(self) -> "_ReadingLimit":
        """Everything inside takes `timeout` seconds at most, however slowly the machine drips."""
        return _ReadingLimit(self)


class _ReadingLimit(TimeLimit):
    """A connector's own time limit, which tells people what to do. A class, as it guards every reading."""

    __slots__ = ("_connector",)

    def __init__(self, connector: BaseIoTConnector[Any]) -> None:
        super().__init__(connector.timeout, connector._loop)
        self._connector = connector

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.__exit__(kind, error, trace)
        except TimeoutError:
            kind = TimeoutError
        if kind is not None and issubclass(kind, TimeoutError):
            raise UnreachableError(
                f"{self._connector.place} did not answer within {self._seconds:g} s. Check that the machine is "
                "switched on and in the network; if it is only slow, set a longer timeout.",
                code="timeout",
            ) from None


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


ErrorTable = Mapping[type[Exception], Callable[[Exception], ConnectorError]]


@contextmanager
def translate_errors(table: ErrorTable) -> Iterator[None]:
    """Turn a library's exceptions into ours. Narrowest first: the first match wins.

    The original is cut off: libraries put addresses with keys in them into their messages.
    """
    try:
        yield
    except tuple(table) as error:
        translated = next(make for kind, make in table.items() if isinstance(error, kind))(error)
        raise translated from None
