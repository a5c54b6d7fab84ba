"""One connection to one or several Modbus machines, and the lock that lets out one request at a time.

Machines behind one gateway or on one bus share it: many gateways serve a single client, and a bus carries one talk at
a time. The lock is held for one request only, so that a machine that hangs holds up the others for its own time-out.
"""

import asyncio
from typing import ClassVar, NamedTuple

from .deadlines import TimeLimit
from .errors import ConnectorError
from .modbus_errors import GarbledError, RefusalError, garbled, hung_up, no_answer, no_connection, nobody_there
from .modbus_wire import Request, Route, Wire, open_wire

_SETTLE_SECONDS = 0.3


class Pace(NamedTuple):
    """How one machine wants to be asked."""

    request_timeout: float
    retries: int
    delay_after_connect: float
    delay_between_requests: float


class ModbusLine:
    """`join` it, `ask` through it, `leave` it; the last one to leave closes the connection."""

    _lines: ClassVar[dict[tuple[asyncio.AbstractEventLoop, Route], "ModbusLine"]] = {}

    def __init__(self, route: Route) -> None:
        self._route, self._silence = route, route.silence_seconds
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._wire: Wire | None = None
        self._sharers: set[object] = set()
        self._rest_until = 0.0

    @classmethod
    def join(cls, route: Route, sharer: object) -> "ModbusLine":
        """The running loop's line of this route."""
        key = (asyncio.get_running_loop(), route)
        line = cls._lines.setdefault(key, cls(route))
        line._sharers.add(sharer)
        return line

    async def leave(self, sharer: object) -> None:
        if sharer not in self._sharers:
            return
        self._sharers.discard(sharer)
        if not self._sharers:
            self._lines.pop((self._loop, self._route), None)
            self._drop()
            await asyncio.sleep(0)  # the transport closes its socket in the loop's next round

    @property
    def is_open(self) -> bool:
        return self._wire is not None and self._wire.is_open

    async def open(self, pace: Pace) -> None:
        """Connect, unless another machine of this line already has."""
        async with self._lock:
            await self._get_wire(pace)

    def rest(self) -> None:
        """Close the connection until the next request, unless another machine is just using it."""
        if not self._lock.locked():
            self._drop()

    async def ask(self, request: Request, pace: Pace, who: str) -> list[int]:
        """The registers or bits. RefusalError where the machine says no, else a ConnectorError."""
        for left in range(pace.retries, -1, -1):
            async with self._lock:
                wire = await self._get_wire(pace)
                try:
                    return await self._exchange(wire, request, pace, who)
                except ConnectorError:
                    if not left:
                        raise
        raise AssertionError("unreachable")

    async def _get_wire(self, pace: Pace) -> Wire:
        if self._wire is None or not self._wire.is_open:
            self._drop()
            self._wire = await self._open(pace)
            self._rest_until = max(self._rest_until, self._loop.time() + pace.delay_after_connect)
        if self._rest_until and (rest := self._rest_until - self._loop.time()) > 0:
            await asyncio.sleep(rest)
        return self._wire

    async def _open(self, pace: Pace) -> Wire:
        try:
            async with asyncio.timeout(pace.request_timeout):
                return await open_wire(self._route)
        except TimeoutError:
            raise no_connection(self._route.line, pace.request_timeout) from None

    async def _exchange(self, wire: Wire, request: Request, pace: Pace, who: str) -> list[int]:
        """After a failure the connection is closed, so that a late answer is never taken for that to the next."""
        is_well = False
        try:
            with TimeLimit(pace.request_timeout, self._loop):
                answer = await wire.ask(request)
            is_well = True
            return answer
        except RefusalError:
            is_well = True
            raise
        except TimeoutError:
            raise self._describe_silence(wire, pace, who) from None
        except GarbledError:
            raise garbled(who, self._route.transport) from None
        except ConnectionRefusedError:  # a datagram that nobody took
            raise nobody_there(self._route.line) from None
        except OSError:
            raise hung_up(who) from None
        finally:
            pause = max(pace.delay_between_requests, self._silence)
            if not is_well:
                self._drop()
                # A serial bus or gateway may still pass the answer on; only silence tells that it will not come.
                pause = max(pause, _SETTLE_SECONDS if self._route.is_rtu else 0)
            self._rest_until = self._loop.time() + pause if pause else 0.0

    def _describe_silence(self, wire: Wire, pace: Pace, who: str) -> ConnectorError:
        return garbled(who, self._route.transport) if wire.has_heard else no_answer(who, pace.request_timeout)

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
