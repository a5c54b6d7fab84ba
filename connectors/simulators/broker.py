"""An MQTT broker on this machine: Mosquitto where it is installed, else amqtt's in this process.

amqtt is good for publishing and subscribing only: it forgets the messages kept for a client that was away.
"""

import asyncio
import base64
import contextlib
import ctypes
import getpass
import hashlib
import hmac
import logging
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

try:
    from amqtt.broker import Broker as AmqttBroker
    from amqtt.plugins.base import BaseAuthPlugin
    from amqtt.session import Session
except ImportError:  # only the demo installs it
    AmqttBroker, BaseAuthPlugin, Session = None, object, Any

INSTALL_LINE = "apt-get install mosquitto"
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_TRIES = 5
_ITERATIONS = 101  # what Mosquitto's own tool takes


class NoBrokerError(RuntimeError):
    """Neither Mosquitto nor amqtt is there, or it did not start."""


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class LocalBroker:
    """`async with LocalBroker({"oven": "password"}) as broker:` listens at `broker.port`; a restart takes the same one.

    Without users everybody is let in. `listener` are lines for Mosquitto's listener, such as `cafile ...`. With
    `websockets` it listens for them too, at `websocket_port`.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listener: Sequence[str] = (),
        websockets: bool = False,
    ) -> None:
        self.users = dict(users or {})
        self.host, self.port = host, port
        self.listener = tuple(listener)
        self.websockets, self.websocket_port = websockets, 0
        self._folder: Path | None = None
        self._running: _Mosquitto | _Amqtt | None = None

    async def start(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bakery-iot-broker-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        tries = 1 if self.port else _TRIES  # a free port may be taken by somebody else before the broker has it
        for left in reversed(range(tries)):
            port = self.port or _free_port(self.host)
            running = self._make(port)
            try:
                await running.start()
            except BaseException as error:
                await running.stop(kill=True)
                if not left or not isinstance(error, NoBrokerError):
                    raise
            else:
                self.port, self._running = port, running
                return

    async def stop(self, *, kill: bool = False) -> None:
        """It keeps what it knows of its clients for the next start; not if it is killed."""
        running, self._running = self._running, None
        if running:
            await running.stop(kill=kill)

    async def set_users(self, users: Mapping[str, str]) -> None:
        """Who may sign in from now on. Mosquitto hangs up on clients whose password no longer holds."""
        self.users = dict(users)
        if self._running:
            self._running.set_users(self.users)

    async def close(self) -> None:
        """Stop, and forget everything."""
        await self.stop()
        folder, self._folder = self._folder, None
        if folder:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _make(self, port: int) -> "_Mosquitto | _Amqtt":
        assert self._folder is not None
        if program := find_mosquitto():
            return _Mosquitto(program, self._folder, self, port)
        if AmqttBroker is None:
            raise NoBrokerError(f"There is no MQTT broker. Install one: {INSTALL_LINE}")
        return _Amqtt(self, port)


class _Mosquitto:
    def __init__(self, program: str, folder: Path, wanted: LocalBroker, port: int) -> None:
        self._program, self._folder, self._wanted, self._port = program, folder, wanted, port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self._write)
        with open(self._folder / "mosquitto.log", "ab") as log:  # noqa: ASYNC230  opened for the child, not read
            self._process = await asyncio.create_subprocess_exec(
                self._program, "-c", str(self._folder / "mosquitto.conf"), stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip
        try:
            async with asyncio.timeout(_START_SECONDS):
                for port in filter(None, (self._port, self._wanted.websocket_port)):
                    await self._wait_until_it_listens(port)
        except TimeoutError:
            raise NoBrokerError("Mosquitto did not start in time") from None

    async def _wait_until_it_listens(self, port: int) -> None:
        assert self._process is not None
        while self._process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._wanted.host, port)
                writer.close()
                await asyncio.sleep(0)
                if self._process.returncode is None:
                    return
            await asyncio.sleep(0.02)
        log = (self._folder / "mosquitto.log").read_text(errors="replace")
        raise NoBrokerError(f"Mosquitto ended with {self._process.returncode}: {log[-500:]}")

    def _write(self) -> None:
        wanted = self._wanted
        lines = [
            "per_listener_settings false",
            f"user {getpass.getuser()}",  # else one that is started by root could not read this folder
            "persistence true",
            f"persistence_location {self._folder}/",
            "max_queued_messages 100000",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            f"allow_anonymous {'false' if wanted.users else 'true'}",
            f"listener {self._port} {wanted.host}",
            *wanted.listener,
        ]
        if wanted.users:
            lines.append(f"password_file {self._passwords()}")
            self._write_users()
        if wanted.websockets:
            # Beside the other one: Mosquitto 2.0.11 ends if it has only listeners for WebSockets.
            wanted.websocket_port = wanted.websocket_port or _free_port(wanted.host)
            lines += [f"listener {wanted.websocket_port} {wanted.host}", "protocol websockets", *wanted.listener]
        (self._folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def _passwords(self) -> Path:
        return self._folder / "passwords"

    def _write_users(self) -> None:
        path = self._passwords()
        path.touch(mode=0o600)
        path.write_text("".join(f"{user}:{_hashed(word)}\n" for user, word in self._wanted.users.items()))

    def set_users(self, users: Mapping[str, str]) -> None:
        self._write_users()
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def stop(self, *, kill: bool = False) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class _Accounts:
    users: Mapping[str, str]


class AmqttAccounts(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in whom `LocalBroker` names."""

    accounts: dict[str, _Accounts] = {}  # by port: amqtt makes the plug-in, from its path and these words

    async def authenticate(self, *, session: Session) -> bool:
        accounts = self.accounts.get(self.config.port)
        if accounts is None or not accounts.users:
            return True
        password = accounts.users.get(session.username or "")
        return password is not None and hmac.compare_digest(password.encode(), (session.password or "").encode())

    @dataclass
    class Config:
        port: str = ""


class _Amqtt:
    def __init__(self, wanted: LocalBroker, port: int) -> None:
        self._address, self._port = f"{wanted.host}:{port}", str(port)
        self._broker: Any = None
        AmqttAccounts.accounts[self._port] = _Accounts(wanted.users)

    async def start(self) -> None:
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)  # it warns of each client that hangs up
        plugin = f"{AmqttAccounts.__module__}.{AmqttAccounts.__qualname__}"
        config = {
            "listeners": {"default": {"type": "tcp", "bind": self._address}},
            "plugins": {plugin: {"port": self._port}},
        }
        try:
            self._broker = AmqttBroker(config)
            await self._broker.start()
        except OSError as error:
            raise NoBrokerError(f"amqtt did not start: {error}") from None

    def set_users(self, users: Mapping[str, str]) -> None:
        AmqttAccounts.accounts[self._port] = _Accounts(users)

    async def stop(self, *, kill: bool = False) -> None:
        broker, self._broker = self._broker, None
        if broker:
            await broker.shutdown()


def _end_with_parent() -> None:
    """A process that is killed cannot end its broker, which would keep the port from the next one (prctl(2))."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _free_port(host: str) -> int:
    with socket.socket() as found:
        found.bind((host, 0))
        port: int = found.getsockname()[1]
        return port


def _hashed(password: str) -> str:
    """As Mosquitto 2 keeps passwords: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
