"""One connection to a broker, from dialling to its end. A lost one is not opened again: that is the broker's loop.

aiomqtt does the dialogue. What it leaves open is done here: the socket comes from us, so that the address policy holds
and a handshake can be broken off; messages are acknowledged when we say so; and a failure is known at once.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import aiomqtt
from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    MQTT_ERR_SUCCESS,
    PUBACK,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    WebsocketConnectionError,
)
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from .base import translate_errors
from .dialing import dial
from .errors import ConnectorError
from .mqtt_account import Account, connect_properties
from .mqtt_errors import (
    PROTOCOL_ERROR,
    code_of,
    error_for_sign_in,
    error_for_subscription,
    hung_up,
    line_error_table,
    lost_broker,
    not_a_broker,
    silent_broker,
)
from .mqtt_inbox import Delivery
from .mqtt_intake import Intake
from .mqtt_publish import parse_publish
from .tls import get_context

_HANDSHAKE_SECONDS = 5.0
_GOODBYE_SECONDS = 1.0
_ACKNOWLEDGEMENT = struct.Struct("!BBH")


class Link(aiomqtt.Client):
    """Open it once, with `open`; `lost` is done when it is over; `end` in any case."""

    def __init__(
        self,
        account: Account,
        *,
        mqtt5: bool,
        seconds: float,
        connected: Callable[["Link", bool], None],
        deliver: Callable[["Link", Delivery], None],
    ) -> None:
        """`connected` is told whether the broker still knew us, before the first message is delivered."""
        broker, self._place = account.broker, account.broker.place
        self._account, self._connected_to, self._deliver = account, connected, deliver
        self._thread = threading.get_ident()
        self._socket: socket.socket | None = None
        self._handle: socket.socket | None = None  # of the same line, to break it off from outside
        self.is_dialled = False  # somebody took the call
        self._entering: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._context = get_context(account.tls) if account.tls else None
        super().__init__(
            account.server_name or broker.host,
            broker.port,
            username=account.username,
            password=account.password,
            identifier=account.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if mqtt5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if mqtt5 else not account.persistent,
            clean_start=not account.persistent if mqtt5 else MQTT_CLEAN_START_FIRST_ONLY,
            properties=connect_properties(account) if mqtt5 else None,
            transport="websockets" if broker.websocket_path else "tcp",
            websocket_path=broker.websocket_path,
            tls_context=self._context,
            timeout=seconds,
            keepalive=account.keepalive,
        )
        self.lost: asyncio.Future[int | None] = self._loop.create_future()  # its result: the reason code
        self._shaken: asyncio.Future[None] = self._loop.create_future()
        self._client.manual_ack_set(True)
        self._client.connect_timeout = min(seconds, _HANDSHAKE_SECONDS)
        # paho's own would resolve the name again, and may follow a proxy of the environment.
        self._client._create_socket_connection = self._take_socket  # type: ignore[method-assign]
        self._client._ssl_wrap_socket = self._encrypt  # type: ignore[method-assign, assignment]
        self._intake = Intake(self._client, self._loop, self._note_failure)
        self._mqtt5, self._look_closer = mqtt5, self._client._handle_publish
        self._client._handle_publish = self._take_publish  # type: ignore[method-assign]

    async def open(self) -> None:
        """Dial, encrypt, sign in. Raises ConnectorError; then `end` is still to be called."""
        broker = self._account.broker
        with translate_errors(line_error_table(self._place)):
            self._socket = await dial(broker.host, broker.port, self._account.policy)
        self._handle, self.is_dialled = self._socket.dup(), True
        self._disconnected.add_done_callback(self._note_end)
        self._entering = asyncio.create_task(self._enter())
        await asyncio.wait((self._entering, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not self._entering.done():
            raise not_a_broker(self._place) if self.lost.result() == PROTOCOL_ERROR else hung_up(self._place)
        self._entering.result()

    async def _enter(self) -> None:
        try:
            await self.__aenter__()
        except aiomqtt.MqttCodeError as error:
            raise error_for_sign_in(error, self._place, anonymous=self._account.is_anonymous) from None
        except aiomqtt.MqttError:
            with translate_errors(line_error_table(self._place)):
                raise self._failure or silent_broker(self._place) from None

    async def end(self) -> None:
        """Say goodbye if that is possible, and leave no socket, task or thread behind."""
        try:
            if self._entering and not self._entering.done():
                self._break_off()
                await asyncio.wait((self._shaken,), timeout=_GOODBYE_SECONDS)
                self._entering.cancel()
                await asyncio.wait((self._entering,), timeout=_GOODBYE_SECONDS)
            elif not self.lost.done() and self._entering and not self._entering.exception():
                self._client.disconnect()
                await asyncio.wait((self.lost,), timeout=_GOODBYE_SECONDS)
        finally:
            self._break_off()
            self._client._sock_close()
            for line in (self._handle, self._socket):
                if line:
                    line.close()
            if self._connected.done() and not self._connected.cancelled():
                self._connected.exception()  # asyncio complains of those nobody looked at

    async def ask_for(self, topics: list[str], qos: int) -> dict[str, ConnectorError]:
        """Subscribe. Returns what was refused and why. Raises UnreachableError if no answer came."""
        asking = asyncio.create_task(self.subscribe([(topic, qos) for topic in topics]))
        try:
            await asyncio.wait((asking, self.lost), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done() or asking.exception():
                raise lost_broker(self._place, None)
        finally:
            asking.cancel()
        answers = zip(topics, asking.result(), strict=False)
        found = {topic: error_for_subscription(_number(code), topic, self._place) for topic, code in answers}
        return {topic: error for topic, error in found.items() if error}

    def give_up(self, topic: str) -> None:
        self._client.unsubscribe(topic)

    def send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload)

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Messages that came by this connection with QoS 1. One packet for paho: it would send each by itself."""
        answers = b"".join(_ACKNOWLEDGEMENT.pack(PUBACK, 2, number) for number in numbers)
        self._client._packet_queue(PUBACK, answers, 0, 1)

    def _take_socket(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError
        return self._socket

    def _encrypt(self, line: socket.socket) -> ssl.SSLSocket:
        """In a thread. paho would forget the socket where this fails, and check names against our wish."""
        assert self._context is not None
        self._socket = encrypted = self._context.wrap_socket(
            line, server_hostname=self._hostname, do_handshake_on_connect=False
        )
        encrypted.settimeout(self._client.connect_timeout)
        encrypted.do_handshake()
        return encrypted

    def _break_off(self) -> None:
        """Also ends a handshake that waits in its thread."""
        if self._handle:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _client_connect(self) -> None:
        """In a thread: TLS and WebSocket handshakes wait."""
        try:
            super()._client_connect()
        except (OSError, WebsocketConnectionError) as error:
            self._failure = error
            raise
        finally:
            self._loop.call_soon_threadsafe(self._note_handshake)

    def _note_handshake(self) -> None:
        if not self._shaken.done():
            self._shaken.set_result(None)

    def _note_end(self, ended: asyncio.Future[None]) -> None:
        error = None if ended.cancelled() else ended.exception()
        if not self.lost.done():
            self.lost.set_result(PROTOCOL_ERROR if error and code_of(error) is None else code_of(error))

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done() and not reason_code.is_failure:
            self._connected_to(self, flags.session_present)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if not self._connected.done() and not self.lost.done():
            self.lost.set_result(int(reason_code.value))

    async def _misc_loop(self) -> None:
        """Also ends a line on which a packet does not end: to paho each byte is a sign of life, and nonsense that
        begins a packet of a megabyte would swallow what follows for hours."""
        since, before = self._loop.time(), None
        while self._client.loop_misc() == MQTT_ERR_SUCCESS:
            packet = self._client._in_packet
            if packet is not before or not packet["to_process"]:
                before, since = packet, self._loop.time()
            elif self._loop.time() - since >= self._account.keepalive:
                self._break_off()
            await asyncio.sleep(1)

    def _on_unsubscribe(self, client: PahoClient, userdata: Any, mid: int, *answer: Any) -> None:
        """Nobody waits for it; aiomqtt would call it unexpected."""

    def _take_publish(self) -> MQTTErrorCode:
        packet = self._client._in_packet
        delivery = parse_publish(packet["command"], packet["packet"], mqtt5=self._mqtt5)
        if delivery is None:
            return self._look_closer()
        self._deliver(self, delivery)
        return MQTT_ERR_SUCCESS

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:
        number = message.mid if message.qos else None
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._deliver(self, Delivery(topic, bytes(message.payload), message.retain, message.dup, number))

    def _on_socket_open(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        """In the thread that connects."""
        self._loop.call_soon_threadsafe(self._begin_to_read, sock)

    def _begin_to_read(self, sock: Any) -> None:
        if (number := sock.fileno()) >= 0:  # else it was closed meanwhile
            self._intake.start(number)
        self._misc_task = self._loop.create_task(self._misc_loop())

    def _on_socket_close(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        self._intake.stop()
        super()._on_socket_close(client, userdata, sock)

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        """At once where that is possible: deferred, as aiomqtt does it, it could hit a descriptor of somebody else."""
        if threading.get_ident() == self._thread:
            self._loop.add_writer(sock.fileno(), self._write)
        else:
            super()._on_socket_register_write(client, userdata, sock)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001  whatever it is, the line is broken
            self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)


def _number(code: object) -> int:
    found = code.value if isinstance(code, ReasonCode) else code
    return found if isinstance(found, int) else 0
