"""The bytes of one OPC UA connection: over a socket we have dialled ourselves, and never more than a reading can be."""

import asyncio
import socket
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.ua.ua_binary import struct_to_binary, uatcp_to_binary

from .opc_ua_answers import READ_RESPONSE
from .opc_ua_errors import NotOpcUaError, TooLargeError

_CHUNK = 65_535
_LARGEST_CHUNK = 1 << 20  # servers do not always keep to what we ask for
_LARGEST_MESSAGE = 1 << 22
_MOST_CHUNKS = 1024
_BEGINNINGS = (b"ACK", b"ERR", b"OPN", b"MSG", b"CLO", b"RHE")


class EncodedRead:
    """A read request whose parameters are bytes already: the same nodes are asked for every second."""

    _TYPE_ID: bytes = struct_to_binary(ua.ReadRequest())[:4]

    def __init__(self, parameters: bytes) -> None:
        self.RequestHeader = ua.RequestHeader()
        self.parameters = parameters

    def to_binary(self) -> bytes:
        header: bytes = struct_to_binary(self.RequestHeader)
        return self._TYPE_ID + header + self.parameters


class _Protocol(UASocketProtocol):  # type: ignore[misc]
    """asyncua's, with limits that hold: it would buffer whatever a header announces."""

    _beginning = b""
    _confused = False
    failure: Exception | None = None  # why we have hung up ourselves, perhaps before anything was asked

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(ua.UaError("not understood") if self._confused and exc is None else exc)
        self.gone.set()

    def disconnect_socket(self) -> None:
        """asyncua's way to say that it has not understood what came."""
        self._confused = True
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if len(self._beginning) < 3:
            self._beginning = (self._beginning + data)[:3]
            if not any(known.startswith(self._beginning) for known in _BEGINNINGS):
                self.give_up(NotOpcUaError())
                return
        super().data_received(data)
        unfinished = self.receive_buffer or b""
        if len(unfinished) >= 8 and unfinished[:3] not in _BEGINNINGS:
            self.give_up(NotOpcUaError())  # or we would wait for as much as its noise announces
        elif max(len(unfinished), int.from_bytes(unfinished[4:8], "little")) > _LARGEST_CHUNK:
            self.give_up(TooLargeError())

    def give_up(self, failure: Exception) -> None:
        self.failure, self.receive_buffer = failure, None
        self._fail_all_pending(failure)
        if self.transport:
            self.transport.abort()

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> ua.Acknowledge:
        """asyncua's promises the server 2 GB of room, and takes the server's room for its own."""
        if self.transport is None or self.failure:
            raise self.failure or ConnectionResetError
        hello = ua.Hello(
            ReceiveBufferSize=_CHUNK,
            SendBufferSize=_CHUNK,
            MaxMessageSize=_LARGEST_MESSAGE,
            MaxChunkCount=_MOST_CHUNKS,
            EndpointUrl=url,
        )
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = answer
        self.transport.write(uatcp_to_binary(ua.MessageType.Hello, hello))
        acknowledge = await answer
        if not isinstance(acknowledge, ua.Acknowledge):
            raise NotOpcUaError
        limits = self._connection._limits
        limits.max_recv_buffer, limits.max_send_buffer = _LARGEST_CHUNK, min(acknowledge.ReceiveBufferSize, _CHUNK)
        limits.max_message_size, limits.max_chunk_count = _LARGEST_MESSAGE, _MOST_CHUNKS
        return acknowledge

    async def send_request(
        self,
        request: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - asyncua's name
        message_type: Any = ua.MessageType.SecureMessage,
    ) -> Any:
        """Waits for the answer alone: asyncua's wait_for cancels in a way that asyncio.timeout does not understand."""
        if self.failure:
            raise self.failure
        hint = self.timeout if timeout is None else timeout  # 0 for Publish, which is answered when there is news
        answer = await self._send_request(request, hint, message_type)
        self.check_answer(answer, "")
        return answer

    def check_answer(self, data: Any, context: str) -> bool:
        """asyncua would look for a refusal in each answer with care."""
        is_read = data.copy(len(READ_RESPONSE)).read(len(READ_RESPONSE)) == READ_RESPONSE
        return is_read or bool(super().check_answer(data, context))

    def _send_request(
        self, request: Any, timeout: float = 1, message_type: Any = ua.MessageType.SecureMessage
    ) -> "asyncio.Future[Any]":
        if not isinstance(request, EncodedRead):
            sent: asyncio.Future[Any] = super()._send_request(request, timeout, message_type)
            return sent
        if self.transport is None:
            raise ConnectionError("Connection is not open")
        self._setup_request_header(request.RequestHeader, timeout)
        self.revolve_security_token()
        self._request_id += 1
        message = self._connection.message_to_binary(
            request.to_binary(), message_type=message_type, request_id=self._request_id
        )
        answer = self._callbackmap[self._request_id] = asyncio.get_running_loop().create_future()
        self.transport.write(message)
        return answer

    async def open_secure_channel(self, params: Any) -> Any:
        self._open_secure_channel_exchange = params
        request = ua.OpenSecureChannelRequest(Parameters=params)
        await self._send_request(request, self.timeout, ua.MessageType.SecureOpen)
        answer, self._open_secure_channel_exchange = self._open_secure_channel_exchange, None
        if not isinstance(answer, ua.OpenSecureChannelResponse):
            raise ua.UaError("no channel")
        return answer.Parameters


class Transport(UaClient):  # type: ignore[misc]
    """asyncua's client, over a socket that is connected already."""

    protocol: _Protocol | None

    async def run_over(self, line: socket.socket) -> None:
        self._make_protocol()
        try:
            await asyncio.get_running_loop().create_connection(lambda: self._known_protocol, sock=line)
        except BaseException:
            line.close()
            raise

    def _make_protocol(self) -> _Protocol:
        self.protocol = _Protocol(self._timeout, security_policy=self.security_policy)
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol

    @property
    def _known_protocol(self) -> _Protocol:
        if self.protocol is None:
            raise ConnectionResetError
        return self.protocol

    async def read_encoded(self, parameters: bytes) -> bytes:
        """The whole answer, its type first, to ReadParameters that are bytes already."""
        return bytes(await self._send_request(EncodedRead(parameters)))

    @property
    def is_lost(self) -> bool:
        return self.protocol is None or self.protocol.transport is None or self.protocol.transport.is_closing()

    async def hang_up(self) -> None:
        """Returns when the socket is closed. Never fails, never waits for the other side."""
        protocol, self.protocol = self.protocol, None
        transport = protocol.transport if protocol else None
        if protocol is None or transport is None:
            return
        if not transport.is_closing():
            self._say_goodbye(protocol)
        transport.abort()
        await protocol.gone.wait()  # in one of the next turns of the loop, whatever the other side does

    def _say_goodbye(self, protocol: _Protocol) -> None:
        request = ua.CloseSecureChannelRequest()
        try:
            protocol._send_request(request, message_type=ua.MessageType.SecureClose).cancel()
        except (ua.UaError, OSError, ValueError, AttributeError, RuntimeError):
            return  # the channel was never open, or uvloop has closed the line and not said so yet
