"""What changed on one line: a connection event when it is news, and not without end.

A machine that sends one good and one bad message each second would otherwise fill the log, a row a message.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from connectors import ConnectorError
from equipment.models import ConnectionEventType, ConnectionLog, IoTConnectionStatus

logger = logging.getLogger(__name__)

# More often than this in a minute, only the last state is told, once the minute is over.
MOST_PER_MINUTE = 10
MINUTE_SECONDS = 60.0
WELL = (IoTConnectionStatus.CONNECTED.value, "")
EVENT_TYPE = {
    IoTConnectionStatus.CONNECTED: ConnectionEventType.CONNECTED,
    IoTConnectionStatus.DISCONNECTED: ConnectionEventType.DISCONNECTED,
    IoTConnectionStatus.ERROR: ConnectionEventType.ERROR,
}


class News:
    """One line's events, given to `write`. `told` is the status and code that people see."""

    def __init__(
        self, equipment_id: int, name: str, told: tuple[str, str], write: Callable[[ConnectionLog], None]
    ) -> None:
        self.equipment_id, self.name, self.told, self.write = equipment_id, name, told, write
        self._held: ConnectionLog | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._times: deque[float] = deque(maxlen=MOST_PER_MINUTE)

    @property
    def is_well(self) -> bool:
        """That the machine answers is what people know already: asked for every reading, it has to be quick."""
        return self._held is None and self.told == WELL

    def report(
        self,
        status: IoTConnectionStatus,
        error: ConnectorError | None = None,
        took_ms: int | None = None,
        data_points: int | None = None,
    ) -> None:
        """The line's state now. Kept, and logged, where it differs from what was told."""
        if self._held is None and self.told == (status.value, error.code if error else ""):
            return
        self._held = ConnectionLog(
            equipment_id=self.equipment_id,
            event_type=EVENT_TYPE[status],
            event_time=datetime.now(UTC),
            connection_status=status,
            error_message=str(error or ""),
            error_code=error.code if error else "",
            response_time_ms=took_ms,
            data_points_received=data_points,
        )
        loop = asyncio.get_running_loop()
        wait = self._times[0] + MINUTE_SECONDS - loop.time() if len(self._times) == MOST_PER_MINUTE else 0.0
        if wait <= 0:
            self._tell()
        elif self._timer is None:
            self._timer = loop.call_later(wait, self._tell)

    def _tell(self) -> None:
        self.close()
        event, self._held = self._held, None
        if event is None or self.told == (event.connection_status, event.error_code):
            return
        self.told = (event.connection_status, event.error_code)
        self._times.append(asyncio.get_running_loop().time())
        fields = {"equipment": self.equipment_id}
        logger.info("%s: %s %s", self.name, event.connection_status, event.error_message, extra=fields)
        self.write(event)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
