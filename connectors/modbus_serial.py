"""A serial port in the shape of an asyncio transport. pymodbus's own loses the open port if a setting is refused."""

import asyncio
import termios
from collections.abc import Callable

import serial  # type: ignore[import-untyped]

_PARITIES = {"none": "N", "even": "E", "odd": "O"}
_LONGEST_READ = 4096


class SerialPort:
    """Opened for us alone, at once. OSError for a port that cannot be opened or does not take the settings."""

    def __init__(
        self,
        device: str,
        *,
        baudrate: int,
        parity: str,
        stopbits: int,
        received: Callable[[bytes], None],
        lost: Callable[[Exception | None], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._lost = lost
        try:
            self._port = serial.Serial(
                device,
                baudrate=baudrate,
                bytesize=8,
                parity=_PARITIES[parity],
                stopbits=stopbits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except termios.error as error:
            raise OSError(*error.args) from error
        self._number: int = self._port.fileno()
        self._loop.add_reader(self._number, self._read)

    def write(self, frame: bytes) -> None:
        """The whole frame, which is short beside what a port buffers. OSError if that is not so."""
        if self._port.write(frame) != len(frame):
            raise OSError("the port does not take a whole frame")

    def abort(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._number)
            self._port.close()

    def _read(self) -> None:
        try:
            data = self._port.read(_LONGEST_READ)
        except OSError as error:  # pyserial's own are OSErrors too; pulled out
            self.abort()
            self._lost(error)
            return
        self._received(data)
