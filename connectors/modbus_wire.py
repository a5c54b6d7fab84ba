"""The bytes of one Modbus connection: pymodbus frames and decodes them, the sockets are ours.

pymodbus's own client is not used: it hides why a connection failed, notices a hang-up only by a time-out, and logs.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from .addresses import AddressPolicy, AddressRefusedError
from .base import translate_errors
from .dialing import dial, dial_error_table
from .modbus_blocks import BIT_TABLES, Table
from .modbus_errors import GarbledError, RefusalError, serial_error_table
from .modbus_serial import SerialPort

_LONGEST_FRAME = 260  # MBAP header and PDU; serial frames are shorter
_REQUESTS: Mapping[Table, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}
_QUESTION = struct.Struct(">HHHBBHH")
_ANSWER = struct.Struct(">HHHBBB")
_MISFITS = (ModbusException, ArithmeticError, LookupError, TypeError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one or several machines. Machines with the same route share its connection."""

    transport: str
    host: str
    port: int
    line: str = field(compare=False)  # host and port, for sentences
    policy: AddressPolicy
    baudrate: int = 0
    parity: str = "none"
    stopbits: int = 1

    @property
    def is_rtu(self) -> bool:
        return self.transport in ("serial", "rtu_over_tcp")

    @property
    def silence_seconds(self) -> float:
        """What separates two frames on a serial line: 3.5 characters of 11 bits, not below 1.75 ms."""
        return max(3.5 * 11 / self.baudrate, 0.00175) if self.transport == "serial" else 0.0


@dataclass(frozen=True, slots=True)
class Request:
    unit_id: int
    table: Table
    address: int
    count: int

    def to_pdu(self, number: int) -> ModbusPDU:
        return _REQUESTS[self.table](dev_id=self.unit_id, transaction_id=number, address=self.address, count=self.count)


def quick_frame(request: Request, number: int) -> bytes:
    """The request with the header of Modbus TCP."""
    function = _REQUESTS[request.table].function_code
    return _QUESTION.pack(number, 0, 6, request.unit_id, function, request.address, request.count)


def find_registers(request: Request, number: int, data: bytes) -> list[int] | None:
    """What a plain answer in one piece holds, over Modbus TCP. None: leave it to pymodbus, whatever it is."""
    size = 2 * request.count
    if len(data) != 9 + size or request.table in BIT_TABLES:
        return None
    expected = (number, 0, 3 + size, request.unit_id, _REQUESTS[request.table].function_code, size)
    if _ANSWER.unpack_from(data) != expected:
        return None
    return list(struct.unpack_from(f">{request.count}H", data, 9))


def parse_answer(request: Request, answer: ModbusPDU) -> list[int]:
    """The registers, or 0 and 1 of each coil. RefusalError for an exception answer, GarbledError for a wrong one."""
    if answer.function_code & 0x7F != _REQUESTS[request.table].function_code:
        raise GarbledError
    if answer.isError():
        raise RefusalError(answer.exception_code)
    if request.table in BIT_TABLES:
        bits = [int(bit) for bit in answer.bits]
        if not 0 <= len(bits) - request.count < 8:
            raise GarbledError
        return bits[: request.count]
    if len(answer.registers) != request.count:
        raise GarbledError
    return list(answer.registers)


class Wire(asyncio.Protocol, asyncio.DatagramProtocol):
    """One connection. One question at a time; what comes without a question is thrown away."""

    def __init__(self, route: Route) -> None:
        self._is_rtu = route.is_rtu
        self._is_datagram = route.transport == "udp"
        self._framer = (FramerRTU if route.is_rtu else FramerSocket)(DecodePDU(False))
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._buffer = b""
        self._number = 0
        self._request: Request | None = None
        self._answer: asyncio.Future[list[int]] | None = None
        self.is_open = False
        self.has_heard = False  # something came since the last question, though perhaps not an answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.attach(transport)

    def attach(self, transport: Any) -> None:
        """From now on frames go here."""
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(ConnectionResetError())

    def error_received(self, exc: Exception) -> None:
        """Of a datagram that nobody took."""
        self._fail(exc)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._buffer = b""
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done() or self._request is None:
            return
        self.has_heard = True
        if not self._is_rtu and not self._buffer:
            registers = find_registers(self._request, self._number, data)
            if registers is not None:
                self._answer.set_result(registers)
                return
        self._buffer += data
        self._look_closer(self._request, self._answer)

    def _look_closer(self, request: Request, waiting: "asyncio.Future[list[int]]") -> None:
        if self._is_nonsense():
            self._fail(GarbledError())
            return
        number = 0 if self._is_rtu else self._number
        try:
            used, answer = self._framer.handleFrame(self._buffer, request.unit_id, number)
        except _MISFITS:
            self._fail(GarbledError())
            return
        self._buffer = self._buffer[used:]
        if answer is None:
            return
        try:
            waiting.set_result(parse_answer(request, answer))
        except (GarbledError, RefusalError) as error:
            self._fail(error)

    def _is_nonsense(self) -> bool:
        """Before the framer waits for the end of a frame that is none."""
        if self._is_rtu:
            return len(self._buffer) > _LONGEST_FRAME
        protocol, length = self._buffer[2:4], int.from_bytes(self._buffer[4:6], "big")
        return any(protocol) or length > _LONGEST_FRAME - 6 or len(self._buffer) > 4 * _LONGEST_FRAME

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    async def ask(self, request: Request) -> list[int]:
        """ConnectionResetError, GarbledError, RefusalError; waits for as long as the caller lets it."""
        if not self.is_open:
            raise ConnectionResetError
        self._number = self._number % 0xFFFF + 1
        self._request = request
        self._answer = self._loop.create_future()
        self._buffer, self.has_heard = b"", False
        frame = self._framer.buildFrame(request.to_pdu(0)) if self._is_rtu else quick_frame(request, self._number)
        if self._is_datagram:
            self._transport.sendto(frame)
        else:
            self._transport.write(frame)
        try:
            return await self._answer
        finally:
            if self._answer.done() and not self._answer.cancelled():
                self._answer.exception()  # or asyncio would complain that nobody has looked
            self._answer = None

    def close(self) -> None:
        self.is_open = False
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


async def open_wire(route: Route) -> Wire:
    """A new connection. The four errors of a connector; no time limit of its own."""
    wire = Wire(route)
    if route.transport == "serial":
        with translate_errors(serial_error_table(route.host)):
            _open_serial(wire, route)
        return wire
    with translate_errors(dial_error_table(route.line)):
        if route.transport == "udp":
            await _open_udp(wire, route)
        else:
            line = await dial(route.host, route.port, route.policy)
            try:
                await asyncio.get_running_loop().create_connection(lambda: wire, sock=line)
            except BaseException:  # cancelled: nobody else knows of this socket
                line.close()
                raise
    return wire


async def _open_udp(wire: Wire, route: Route) -> None:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(route.host, route.port, type=socket.SOCK_DGRAM)
    where = str(found[0][4][0])
    if reason := route.policy.find_refusal(where):
        raise AddressRefusedError(reason)
    await loop.create_datagram_endpoint(lambda: wire, remote_addr=(where, route.port))


def _open_serial(wire: Wire, route: Route) -> None:
    port = SerialPort(
        route.host,
        baudrate=route.baudrate,
        parity=route.parity,
        stopbits=route.stopbits,
        received=wire.data_received,
        lost=wire.connection_lost,
    )
    wire.attach(port)
