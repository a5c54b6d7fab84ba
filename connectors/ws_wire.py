"""The Weihenstephan (WS) protocol on the wire: frames of 8 bytes, little endian.

Answers bear no number, and a refusal not even its tag: a line that owes an answer must be closed, never used again.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, NamedTuple, get_args

from .errors import ResponseError
from .values import BadValueError, clean_text, round_single

TagType = Literal["uint32", "int32", "float32", "string"]
NUMBER_TYPES: tuple[TagType, ...] = get_args(TagType)[:3]
READ_VALUE, READ_STRING = 2, 8
OK, UNKNOWN_COMMAND, NO_ACCESS, NO_SUCH_TAG = 0, 0xAAAA, 0xBBBB, 0xDDDD
ONE_TAG_ONLY = (UNKNOWN_COMMAND, NO_ACCESS, NO_SUCH_TAG)  # the other tags can still be read
_FRAME = struct.Struct("<HHI")
_VALUE_BYTES = 4
_LONGEST_TEXT = 1000  # characters
_SMALLEST = 1e-30  # protocols.md 4.3: a float between this and 0 is a whole number
_FORMATS: Mapping[str, str] = {"uint32": "<I", "int32": "<i", "float32": "<f"}
_REFUSALS: Mapping[int, tuple[str, str]] = {
    0x8888: ("reports a failed write (0x8888), and we only read. Is something else connected?", "parse"),
    0x9999: ("has run out of memory (0x9999). Restart its control if it stays so.", "server"),
    UNKNOWN_COMMAND: ("does not know the command to read a value (0xAAAA). Does it speak the WS protocol?", "parse"),
    NO_ACCESS: ("does not let us read (0xBBBB). Ask the technician to allow it.", "forbidden"),
    0xCCCC: ("is overloaded (0xCCCC). Ask it less often, or for fewer tags.", "server"),
    NO_SUCH_TAG: ("has no such tag (0xDDDD). Correct its number.", "mapping"),
    0xEEEE: ("reports a wrong list (0xEEEE), and we read no lists. Does it speak the WS protocol?", "parse"),
}


class Answer(NamedTuple):
    """What the machine said about one tag: 4 bytes, or the text in UTF-16; nothing where `code` is a refusal."""

    code: int
    data: bytes = b""


def make_request(command: int, tag: int) -> bytes:
    return _FRAME.pack(command, tag, 0)


def describe_refusal(code: int, place: str) -> ResponseError:
    if known := _REFUSALS.get(code):
        return ResponseError(f"{place} {known[0]}", code=known[1])
    return ResponseError(
        f"{place} answers with something that is not the WS protocol (code 0x{code:04X}). Check the port: 5000 and "
        "50000 are usual."
    )


def decode_number(kind: TagType, data: bytes) -> int | float:
    """BadValueError for a float that betrays a whole number."""
    if len(data) != _VALUE_BYTES:
        raise BadValueError("not a value")
    number: int | float = struct.unpack(_FORMATS[kind], data)[0]
    if isinstance(number, int):
        return number
    if 0 < abs(number) < _SMALLEST:
        raise BadValueError("a whole number read as a float")
    return round_single(number)


def decode_text(data: bytes) -> str:
    """Up to the first NUL: what follows is what was in the controller's memory."""
    return clean_text(data.decode("utf-16-le", "replace").partition("\0")[0])


class WsLine:
    """One connection. Errors of the socket and `asyncio.IncompleteReadError` pass through."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str) -> None:
        self._reader = reader
        self._writer = writer
        self._place = place

    @classmethod
    async def over(cls, connected: socket.socket, place: str) -> "WsLine":
        try:
            reader, writer = await asyncio.open_connection(sock=connected)
        except BaseException:
            connected.close()
            raise
        return cls(reader, writer, place)

    async def ask(self, tag: int, *, text: bool = False) -> Answer:
        """ResponseError where what comes is not an answer to this question."""
        if self._writer.is_closing():  # uvloop says so with a RuntimeError
            raise ConnectionResetError
        self._writer.write(make_request(READ_STRING if text else READ_VALUE, tag))
        await self._writer.drain()
        head = await self._reader.readexactly(_FRAME.size)
        code, answered, value = _FRAME.unpack(head)
        if code in ONE_TAG_ONLY:
            return Answer(code)
        if code != OK:
            raise describe_refusal(code, self._place)
        if answered != tag:
            raise ResponseError(f"{self._place} answered about tag {answered} when asked for {tag}. We begin anew.")
        return Answer(OK, await self._read_text(value) if text else head[4:])

    async def _read_text(self, characters: int) -> bytes:
        if characters > _LONGEST_TEXT:
            raise ResponseError(
                f"{self._place} announces a text of {characters} characters, more than we take. Is the tag a text?",
                code="too_large",
            )
        length = 2 * characters
        frames = -(-length // _FRAME.size)
        return (await self._reader.readexactly(frames * _FRAME.size))[:length]

    def drop(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self.drop()
        with suppress(OSError):
            await self._writer.wait_closed()
