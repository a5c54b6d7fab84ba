"""Bytes to answers: whatever a machine sends is an answer, a refusal or an error of ours, never another exception."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from connectors.modbus_errors import GarbledError, RefusalError
from connectors.modbus_wire import Request, Route, Wire, parse_answer

from .machines import LOOPBACK
from .registers import frame

REQUEST = Request(3, "input", 20, 2)


class Sent:
    """In place of a socket: keeps what was sent."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.frames.append(data)

    def abort(self) -> None:
        pass


def open_wire(transport: str) -> tuple[Wire, Sent]:
    wire, sent = Wire(Route(transport, "h", 1, "h:1", LOOPBACK)), Sent()
    wire.connection_made(cast(Any, sent))
    return wire, sent


async def ask(transport: str, *pieces: bytes) -> list[int]:
    """What the wire makes of an answer that comes in pieces. TimeoutError if it waits for more."""
    wire, _ = open_wire(transport)
    asking = asyncio.ensure_future(wire.ask(REQUEST))
    await asyncio.sleep(0)
    for piece in pieces:
        wire.data_received(piece)
    for _ in range(3):
        await asyncio.sleep(0)
    if not asking.done():
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        raise TimeoutError
    return await asking


def rtu(payload: bytes) -> bytes:
    return FramerRTU(DecodePDU(False)).encode(payload, 3, 0)


GOOD = bytes.fromhex("04 04 1234 5678")
TCP, RTU = frame(1, 3, GOOD), rtu(GOOD)


@pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp"])
async def test_an_answer_in_any_pieces_is_understood(transport: str) -> None:
    whole = TCP if transport == "tcp" else RTU
    for cut in range(len(whole) + 1):
        assert await ask(transport, *filter(None, (whole[:cut], whole[cut:]))) == [0x1234, 0x5678]
    assert await ask(transport, *(bytes((byte,)) for byte in whole)) == [0x1234, 0x5678]


async def test_the_answer_to_another_question_is_passed_over() -> None:
    assert await ask("tcp", frame(9, 3, GOOD), frame(1, 4, GOOD), TCP) == [0x1234, 0x5678]


@pytest.mark.parametrize(
    ("transport", "data"),
    [
        ("tcp", b"HTTP/1.1 400 Bad Request\r\n"),
        ("tcp", frame(1, 3, bytes.fromhex("04 04 1234"))),
        ("tcp", frame(1, 3, bytes.fromhex("04 02 1234"))),
        ("tcp", frame(1, 3, bytes.fromhex("03 04 1234 5678"))),
        ("tcp", frame(1, 3, bytes.fromhex("6f 04 1234 5678"))),
        ("tcp", bytes.fromhex("0001 0000 7fff 03 04")),
        ("rtu_over_tcp", rtu(bytes.fromhex("03 04 1234 5678"))),
        ("rtu_over_tcp", b"\x03\x04\xff" + b"x" * 300),
    ],
)
async def test_what_is_not_an_answer_is_garbled(transport: str, data: bytes) -> None:
    with pytest.raises(GarbledError):
        await ask(transport, data)


@pytest.mark.parametrize(("transport", "data"), [("tcp", frame(1, 3, b"\x84\x0b")), ("rtu_over_tcp", rtu(b"\x84\x0b"))])
async def test_an_exception_answer_is_a_refusal(transport: str, data: bytes) -> None:
    with pytest.raises(RefusalError) as caught:
        await ask(transport, data)
    assert caught.value.code == 11


async def test_a_wrong_checksum_is_noise_and_not_an_answer() -> None:
    with pytest.raises(TimeoutError):
        await ask("rtu_over_tcp", RTU[:-1] + b"\x00")


async def test_what_comes_without_a_question_is_thrown_away() -> None:
    wire, sent = open_wire("tcp")
    wire.data_received(TCP[:5])
    asking = asyncio.ensure_future(wire.ask(REQUEST))
    await asyncio.sleep(0)
    assert sent.frames == [bytes.fromhex("0001 0000 0006 03 04 0014 0002")]
    wire.data_received(TCP)
    wire.data_received(TCP)
    assert await asking == [0x1234, 0x5678]


async def test_a_hang_up_ends_the_question_at_once() -> None:
    wire, _ = open_wire("tcp")
    asking = asyncio.ensure_future(wire.ask(REQUEST))
    await asyncio.sleep(0)
    wire.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await asking
    with pytest.raises(ConnectionResetError):
        await wire.ask(REQUEST)


@pytest.mark.parametrize(
    ("request_", "answer", "values"),
    [
        (Request(1, "coil", 0, 3), ReadCoilsResponse(bits=[True, False, True] + [False] * 5), [1, 0, 1]),
        (Request(1, "coil", 0, 3), ReadCoilsResponse(bits=[True] * 16), None),
        (Request(1, "coil", 0, 9), ReadCoilsResponse(bits=[True] * 8), None),
        (Request(1, "holding", 0, 1), ReadHoldingRegistersResponse(registers=[7]), [7]),
        (Request(1, "holding", 0, 1), ReadHoldingRegistersResponse(registers=[7, 8]), None),
        (Request(1, "holding", 0, 1), ReadInputRegistersResponse(registers=[7]), None),
        (Request(1, "holding", 0, 1), ExceptionResponse(4, 2), None),
    ],
)
def test_the_answer_must_fit_the_question(request_: Request, answer: ModbusPDU, values: list[int] | None) -> None:
    if values is None:
        with pytest.raises(GarbledError):
            parse_answer(request_, answer)
    else:
        assert parse_answer(request_, answer) == values


@st.composite
def sent_bytes(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Anything, or a real answer with damage, in pieces."""
    data = bytearray(draw(st.binary(max_size=40) | st.just(whole) | st.just(whole[:8] + whole)))
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    data += draw(st.just(b"") | st.binary(max_size=10) | st.just(b"\x00" * 600))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [bytes(data[start:end]) for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp"])
def test_any_bytes_are_an_answer_or_one_of_our_errors(transport: str) -> None:
    whole = RTU if transport == "rtu_over_tcp" else TCP
    with asyncio.Runner() as runner:

        @given(sent_bytes(whole))
        @settings(max_examples=100, deadline=None)
        def answer(pieces: list[bytes]) -> None:
            try:
                values = runner.run(ask(transport, *pieces))
            except (GarbledError, RefusalError, TimeoutError):
                return
            assert len(values) == 2 and all(0 <= value <= 0xFFFF for value in values)

        answer()
