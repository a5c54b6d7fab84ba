"""OPC UA servers of 25 ovens each, every server at a port of its own.

Who connects meets asyncua's own server: channel, session and namespaces are its work. Only what comes each second is
short: a read of one oven's twelve values is known by its bytes, once asyncua has answered it, and answered by ours.
"""

import asyncio
import struct
import time
from typing import Any

from asyncua import Server, ua
from asyncua.common.connection import SecureConnection
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_session import InternalSession
from asyncua.ua.ua_binary import struct_from_binary

from bench.fleet.ports import listen_on_many
from bench.values import VALUES, numbers_at

NAMESPACE = "urn:bakery-iot:bench"
OVENS_PER_SERVER = 25
_CHUNK = struct.Struct("<4sIIIII")  # MSGF, size, channel, token, sequence, request
_READ_REQUEST, _READ_RESPONSE = b"\x01\x00\x77\x02", b"\x01\x00\x7a\x02"
# Moment, handle, Good, no diagnostics, no strings, no further header; then the number of results.
_HEAD = struct.Struct("<qIIBiBBBi")
_RESULT = struct.Struct("<BBiq")  # value and source time are there, Int32
_NO_DIAGNOSTICS = struct.pack("<i", -1)
_INT32 = 6
_EPOCH_1601 = 116_444_736_000_000_000
_running: list[Any] = []  # kept from the garbage collector


def node_of(oven: int, field: str) -> str:
    return f"oven_{oven}/{field}"


class Channel(SecureConnection):  # type: ignore[misc]
    """Does not count the client's messages: it does not see those that are answered before it."""

    def _check_incoming_chunk(self, chunk: Any) -> None:
        self._peer_sequence_number = None
        super()._check_incoming_chunk(chunk)


class Connection(OPCUAProtocol):  # type: ignore[misc]
    """One client. `known` are the bytes of a read's parameters and the oven they ask for."""

    known: dict[bytes, int] = {}

    def __init__(self, first: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._first = first  # the number of this server's first oven

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.processor._connection = Channel(SecurityPolicyNone(), self.processor._limits)
        self.processor.set_policies(self.policies)

    def data_received(self, data: bytes) -> None:
        """Of several messages in one piece, too, the known ones are answered here as long as they come first."""
        while data and not self._buffer:
            size = int.from_bytes(data[4:8], "little")
            if len(data) < size or not self._answer(data[:size]):
                break
            data = data[size:]
        if data:
            super().data_received(data)

    def _answer(self, data: bytes) -> bool:
        """False if it is anything but a read that is known."""
        if data[24:28] != _READ_REQUEST:
            return False
        after_token = 30 if data[28] == 0 else 32  # a short or a longer session token
        parameters = data[after_token + 8 + 4 + 4 + 4 + 4 + 3 :]
        oven = self.known.get(parameters)
        if oven is None:
            if (oven := _find_oven(parameters)) is not None:
                self.known[parameters] = oven
            return False
        handle = int.from_bytes(data[after_token + 8 : after_token + 12], "little")
        self._write(int.from_bytes(data[20:24], "little"), handle, self._first + oven)
        return True

    def _write(self, request: int, handle: int, oven: int) -> None:
        connection, now = self.processor._connection, time.time()
        connection._sequence_number += 1
        moment = int(now * 10_000_000) + _EPOCH_1601
        numbers = numbers_at(oven, now)
        body = b"".join(
            (
                _READ_RESPONSE,
                _HEAD.pack(moment, handle, 0, 0, -1, 0, 0, 0, len(numbers)),
                *(_RESULT.pack(5, _INT32, number, moment) for number in numbers),
                _NO_DIAGNOSTICS,
            )
        )
        token = connection.security_token
        size = _CHUNK.size + len(body)
        head = _CHUNK.pack(b"MSGF", size, token.ChannelId, token.TokenId, connection._sequence_number, request)
        self.transport.write(head + body)


def _find_oven(parameters: bytes) -> int | None:
    """The oven whose twelve values, and nothing else, are asked for in our order."""
    found = struct_from_binary(ua.ReadParameters, Buffer(parameters))
    names = [str(node.NodeId.Identifier) for node in found.NodesToRead]
    oven = names[0].partition("/")[0].removeprefix("oven_") if names else ""
    if not oven.isdecimal() or names != [node_of(int(oven), value.field) for value in VALUES]:
        return None
    return int(oven)


class ServerOfOvens(BinaryServer):  # type: ignore[misc]
    """A port of the one address space."""

    def __init__(self, first: int, server: Server) -> None:
        super().__init__(server.iserver, "127.0.0.1", 0, server.limits)
        self.set_policies(server._policies)
        self._first = first

    def _make_protocol(self) -> OPCUAProtocol:
        return Connection(self._first, self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)


async def start(ovens: int, hanging: int, dead: int) -> list[int]:
    """The ports of the servers. Those that hang or are dead have one port per oven, behind these."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    # asyncua counts connections here and sessions there; those that nobody closed live on until they time out.
    server.iserver.max_connections = InternalSession.max_connections = 4 * ovens + OVENS_PER_SERVER
    index = await server.register_namespace(NAMESPACE)
    for oven in range(OVENS_PER_SERVER):
        numbers = numbers_at(oven, time.time())
        for value, number in zip(VALUES, numbers, strict=True):
            node = ua.NodeId(node_of(oven, value.field), index)
            await server.nodes.objects.add_variable(node, value.field, number, ua.VariantType.Int32)
    await server.start()
    _running.append(server)
    ports = []
    for first in range(0, ovens, OVENS_PER_SERVER):
        served = ServerOfOvens(first, server)
        await served.start()
        _running.append(served)
        ports.append(served.port)
    return ports + await listen_on_many(_nobody, 0, hanging, dead)


def _nobody(number: int) -> asyncio.Protocol:
    raise AssertionError("no oven of this kind answers")
