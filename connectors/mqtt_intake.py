"""Reads a broker's connection in gulps, with a short rest after each: a thousand machines speak one after the other,
and to be woken for a message costs more than the message. paho alone would also ask the system thrice for a packet.
"""

import asyncio
from collections.abc import Callable

from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.client import Client as PahoClient

REST_SECONDS = 0.025  # what comes meanwhile is read together; the first message after a silence is read at once
_GULP = 1 << 16
_MOST_GULPS = 8  # in a row; then the others on the loop have their turn


class Intake:
    """Between paho and its socket. Everything happens on the loop; `failed` is told what paho raises."""

    def __init__(
        self, client: PahoClient, loop: asyncio.AbstractEventLoop, failed: Callable[[Exception], None]
    ) -> None:
        self._client, self._loop, self._failed = client, loop, failed
        self._ask_socket = client._sock_recv
        client._sock_recv = self._receive  # type: ignore[method-assign]
        self._bytes, self._at = b"", 0
        self._gulps, self._is_empty = 0, False
        self._number: int | None = None  # of the socket, while there is one
        self._is_watching = False
        self._next: asyncio.TimerHandle | None = None

    def start(self, number: int) -> None:
        self._number = number
        self._watch()

    def stop(self) -> None:
        """Before the socket is closed: its number may be that of another one then."""
        self._look_away()
        self._number, self._bytes, self._at = None, b"", 0
        if self._next:
            self._next.cancel()

    def _watch(self) -> None:
        if not self._is_watching and self._number is not None:
            self._is_watching = True
            self._loop.add_reader(self._number, self._read)

    def _look_away(self) -> None:
        if self._is_watching and self._number is not None:
            self._is_watching = False
            self._loop.remove_reader(self._number)

    def _receive(self, bufsize: int) -> bytes:
        """In the place of paho's own. Raises BlockingIOError where there is no more, or enough for now."""
        if self._at == len(self._bytes):
            if self._gulps == _MOST_GULPS:
                raise BlockingIOError
            try:
                self._bytes, self._at = self._ask_socket(_GULP), 0
            except BlockingIOError:
                self._is_empty = True
                raise
            self._gulps += 1
        begin = self._at
        self._at = min(begin + bufsize, len(self._bytes))
        return self._bytes[begin : self._at]

    def _read(self) -> None:
        self._gulps, self._is_empty = 0, False
        try:
            while self._goes_on() and self._client.loop_read() == MQTT_ERR_SUCCESS:
                pass
        except Exception as error:  # noqa: BLE001  whatever it is, the line is broken
            self._look_away()
            self._failed(error)
            return
        if self._number is None:
            return
        if self._gulps or self._holds_back():
            self._look_away()
            self._next = self._loop.call_later(REST_SECONDS if self._is_empty else 0, self._read)
        else:
            self._watch()

    def _goes_on(self) -> bool:
        enough = self._gulps == _MOST_GULPS and self._at == len(self._bytes)
        return self._number is not None and not self._is_empty and not enough

    def _holds_back(self) -> bool:
        """An encrypted line may have read more than it gave, which its socket does not show."""
        pending = getattr(self._client.socket(), "pending", None)
        return bool(pending and pending())
