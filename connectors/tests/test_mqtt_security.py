"""Who gets in, over which line, and what is said when it does not work: passwords, certificates, versions."""

import asyncio
import datetime
import gc
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors import (
    AuthenticationError,
    BaseIoTConnector,
    ConfigurationError,
    ConnectorError,
    ResponseError,
    UnreachableError,
    create_connector,
)
from connectors.mqtt_broker import SharedBroker
from connectors.simulators import broker as brokers_module
from connectors.simulators.broker import LocalBroker

from .brokers import (
    answering,
    connect,
    eventually,
    listening,
    mosquitto,
    numbered,
    publish,
    read_packet,
    strange_broker,
)
from .machines import LOOPBACK

USERS = {"bakery": "right", "ovens": "theirs"}
OVENS: dict[str, Any] = {"username": "ovens", "password": "theirs"}
READER: dict[str, Any] = {"username": "bakery", "password": "right"}


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    yield
    assert not SharedBroker._brokers
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, left


async def failure_of(connector: BaseIoTConnector[Any]) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        async with connector:
            await connector.get_current_reading()
    assert caught.value.__cause__ is None, "the library's own message must not be shown"
    return caught.value


async def test_a_wrong_password_is_said_and_the_right_one_lets_in() -> None:
    async with mosquitto(USERS) as broker:
        error = await failure_of(connect(broker, credentials={**READER, "password": "wrong"}))
        assert isinstance(error, AuthenticationError)
        assert (error.code, "wrong" in str(error)) == ("auth", False)
        nobody = await failure_of(connect(broker))
        assert isinstance(nobody, AuthenticationError)
        assert "nobody in without" in str(nobody)
        for version in ("3.1.1", "5"):
            error = await failure_of(connect(broker, credentials={**READER, "username": "x"}, version=version))
            assert isinstance(error, AuthenticationError)
        async with listening(connect(broker, credentials=READER)) as ears:
            await publish(broker, numbered(1), **OVENS)
            await ears.heard(1)


async def test_a_password_that_is_changed_ends_all_lines_of_the_account_and_a_new_one_begins() -> None:
    async with mosquitto(USERS) as broker:
        async with listening(connect(broker, credentials=READER)) as ears:
            await publish(broker, numbered(1), **OVENS)
            await ears.heard(1)
            await broker.set_users({**USERS, "bakery": "new"})
            await broker.stop()
            await broker.start()
            await eventually(lambda: ears.ended)
            assert isinstance(ears.ended, AuthenticationError)
        async with listening(connect(broker, credentials={**READER, "password": "new"})) as ears:
            await publish(broker, numbered(2), **OVENS)
            await ears.heard(1)


def listener_lines(folder: Path, authority: trustme.CA, *names: str, expired: bool = False) -> list[str]:
    now = datetime.datetime.now(datetime.UTC)
    until = now - datetime.timedelta(days=1) if expired else None
    issued = authority.issue_cert(*names, not_after=until)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    (folder / "server.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "server.key")
    names_of_files = {"cafile": "authority.pem", "certfile": "server.pem", "keyfile": "server.key"}
    return [f"{key} {folder / name}" for key, name in names_of_files.items()]


def pem_of(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@asynccontextmanager
async def encrypted(lines: list[str], *more: str, websockets: bool = False) -> AsyncIterator[LocalBroker]:
    async with mosquitto(listener=[*lines, *more], websockets=websockets) as broker:
        yield broker


async def good(connector: BaseIoTConnector[Any]) -> None:
    """It gets in; nobody publishes in these tests."""
    async with connector:
        assert connector.is_open  # type: ignore[attr-defined]


async def test_tls_with_the_brokers_own_authority(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    async with encrypted(listener_lines(tmp_path, authority, "127.0.0.1", "localhost")) as broker:
        error = await failure_of(connect(broker, endpoint="mqtts://127.0.0.1"))
        assert isinstance(error, ResponseError)
        assert (error.code, "ca_pem" in str(error)) == ("tls", True)
        wrong = await failure_of(connect(broker, endpoint="mqtts://127.0.0.1", ca_pem=pem_of(stranger)))
        assert wrong.code == "tls"
        plain = await failure_of(connect(broker, endpoint="mqtt://127.0.0.1", timeout=5))
        assert "mqtts://" in str(plain)
        await good(connect(broker, endpoint="mqtts://127.0.0.1", ca_pem=pem_of(authority)))
        await good(connect(broker, endpoint="mqtts://localhost", ca_pem=pem_of(authority), version="3.1.1"))
        await good(connect(broker, endpoint="mqtts://127.0.0.1", ca_file=str(tmp_path / "authority.pem")))
        await good(connect(broker, endpoint="mqtts://127.0.0.1", verify_ssl=False))


async def test_a_certificate_for_another_name_and_one_that_has_expired(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with encrypted(listener_lines(tmp_path, authority, "broker.example")) as broker:
        error = await failure_of(connect(broker, endpoint="mqtts://127.0.0.1", ca_pem=pem_of(authority)))
        assert "another name" in str(error)
        named: dict[str, Any] = {"ca_pem": pem_of(authority), "server_name": "broker.example"}
        await good(connect(broker, endpoint="mqtts://127.0.0.1", **named))
    async with encrypted(listener_lines(tmp_path, authority, "127.0.0.1", expired=True)) as broker:
        error = await failure_of(connect(broker, endpoint="mqtts://127.0.0.1", ca_pem=pem_of(authority)))
        assert "has expired" in str(error)
        await good(connect(broker, endpoint="mqtts://127.0.0.1", verify_ssl=False))


async def test_a_client_certificate_in_place_of_a_password(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()

    def pair(maker: trustme.CA) -> dict[str, str]:
        issued = maker.issue_cert("bakery@example.org", common_name="bakery")
        return {
            "certificate": issued.cert_chain_pems[0].bytes().decode(),
            "private_key": issued.private_key_pem.bytes().decode(),
        }

    lines = listener_lines(tmp_path, authority, "127.0.0.1")
    async with encrypted(lines, "require_certificate true", "use_identity_as_username true") as broker:
        trusted: dict[str, Any] = {"endpoint": "mqtts://127.0.0.1", "ca_pem": pem_of(authority)}
        for credentials in ({}, pair(stranger)):
            error = await failure_of(connect(broker, credentials=credentials, **trusted))
            assert not isinstance(error, ConfigurationError)
            assert "certificate" in str(error)
        await good(connect(broker, credentials=pair(authority), **trusted))


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_over_web_sockets(version: str) -> None:
    async with mosquitto(websockets=True) as broker, mosquitto() as other:
        error = await failure_of(connect(other, endpoint="ws://127.0.0.1", timeout=5))
        assert "WebSockets" in str(error) or "ws://" in str(error)
        async with listening(connect(broker, endpoint="ws://127.0.0.1/mqtt", version=version)) as ears:
            for start in range(0, 60, 20):
                await publish(
                    broker, *map(numbered, range(start, start + 20)), transport="websockets", websocket_path="/mqtt"
                )
            await ears.heard(60)
    assert ears.temperatures == list(range(60))


async def test_over_encrypted_web_sockets(tmp_path: Path) -> None:
    authority = trustme.CA()
    lines = listener_lines(tmp_path, authority, "127.0.0.1")
    async with encrypted(lines, websockets=True) as broker:
        await good(connect(broker, endpoint="wss://127.0.0.1", ca_pem=pem_of(authority)))
        assert (await failure_of(connect(broker, endpoint="wss://127.0.0.1"))).code == "tls"


async def test_a_broker_that_knows_only_the_old_version_is_spoken_to_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers_module, "find_mosquitto", lambda: None)
    pytest.importorskip("amqtt", reason="needs amqtt, which requirements-run.txt names")
    async with LocalBroker(USERS) as broker:
        wrong = await failure_of(connect(broker, credentials={**READER, "password": "x"}, timeout=6))
        assert isinstance(wrong, AuthenticationError)
        async with listening(connect(broker, credentials=READER, timeout=6)) as ears:
            await publish(broker, numbered(1), **OVENS)
            await ears.heard(1)


@pytest.mark.parametrize(
    ("connack", "kind", "code"),
    [
        (134, AuthenticationError, "auth"),
        (135, AuthenticationError, "auth"),
        (138, AuthenticationError, "forbidden"),
        (132, ConfigurationError, "configuration"),
        (133, ConfigurationError, "configuration"),
        (136, UnreachableError, "server"),
        (137, UnreachableError, "server"),
        (157, ResponseError, "redirect"),
        (131, ResponseError, "rejected"),
    ],
)
async def test_what_a_broker_says_at_the_door_is_sorted(connack: int, kind: type[ConnectorError], code: str) -> None:
    async with strange_broker(answering(connack)) as broker:
        error = await failure_of(connect(broker, version="5"))
        assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    ("connack", "kind"), [(2, ConfigurationError), (3, UnreachableError), (4, AuthenticationError)]
)
async def test_also_in_the_old_version(connack: int, kind: type[ConnectorError]) -> None:
    async with strange_broker(answering(connack)) as broker:
        assert isinstance(await failure_of(connect(broker, version="3.1.1")), kind)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_topic_that_we_may_not_read_is_named(version: str) -> None:
    for answer, code in ((128, "forbidden"), (135, "forbidden"), (162, "configuration")):
        async with strange_broker(answering(suback=[answer])) as broker:
            error = await failure_of(connect(broker, version=version))
            assert (error.code, error.retry) == (code, False)
            assert "bakery/oven-7/data" in str(error)


async def test_who_was_taken_over_hears_why() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening_ends = asyncio.create_task(answering()(reader, writer))
        await asyncio.sleep(0.2)
        writer.write(b"\xe0\x01\x8e")
        await asyncio.wait((listening_ends,))

    async with strange_broker(talk) as broker, listening(connect(broker, version="5")) as ears:
        error = await ears.told("reset")
        assert "client_id" in str(error)


@pytest.mark.parametrize(
    "nonsense",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 50, b"\x20\x01\x00", b"\x30\x02\x00\x09", b"\x20\x02\x00\x63"],
)
async def test_what_is_no_broker_is_found_out_at_once(nonsense: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)
        writer.write(nonsense)
        if not nonsense.startswith(b"HTTP"):
            await reader.read()

    async with strange_broker(talk) as broker:
        for version in ("3.1.1", "5"):
            error = await failure_of(connect(broker, version=version, timeout=30))
            assert isinstance(error, ResponseError | UnreachableError)
            assert error.code != "timeout"


async def test_who_hangs_up_at_once_is_named() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_packet(reader)

    async with strange_broker(talk) as broker:
        error = await failure_of(connect(broker))
        assert (type(error), error.code) == (UnreachableError, "reset")


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws", "wss"])
async def test_who_takes_the_call_and_says_nothing_is_given_up_without_a_trace(scheme: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with strange_broker(talk) as broker:
        error = await failure_of(connect(broker, endpoint=f"{scheme}://127.0.0.1", timeout=1))
        assert (type(error), error.code) == (UnreachableError, "timeout")
        opening = asyncio.create_task(connect(broker, endpoint=f"{scheme}://127.0.0.1").__aenter__())
        await eventually(lambda: any(shared._link is None for shared in SharedBroker._brokers.values()))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait((opening,))
    gc.collect()
    await eventually(lambda: _waiting_threads() == 0)


def _waiting_threads() -> int:
    """Handshakes run in asyncio's threads; an idle one waits for work in `_worker` itself."""
    import sys  # noqa: PLC0415

    frames = sys._current_frames()
    busy = [
        frames[thread.ident] for thread in threading.enumerate() if thread.name.startswith("asyncio_") and thread.ident
    ]
    return sum("handshake" in frame.f_code.co_name or "connect" in frame.f_code.co_name for frame in busy)


async def test_addresses_are_checked_when_they_are_dialled() -> None:
    async with mosquitto() as broker:
        for endpoint in ("mqtt://127.0.0.1", "mqtt://localhost", "ws://127.0.0.1"):
            config = {"endpoint": endpoint, "port": broker.port, "additional_config": {"topic": "t"}}
            error = await failure_of(create_connector("mqtt", "oven-7", config))
            assert isinstance(error, ConfigurationError)
            assert (error.code, list(error.fields)) == ("address", ["endpoint"])


async def test_a_name_that_nobody_knows_and_a_port_where_nobody_is() -> None:
    unknown = {"endpoint": "mqtt://nowhere.invalid", "additional_config": {"topic": "t"}}
    assert (await failure_of(create_connector("mqtt", "oven-7", unknown, policy=LOOPBACK))).code == "dns"
    async with mosquitto() as broker:
        pass
    error = await failure_of(connect(broker))
    assert (error.code, str(broker.port) in str(error)) == ("refused", True)


async def test_an_insecure_line_is_remarked_on(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with mosquitto(USERS) as broker:
        await publish(broker, numbered(1), retain=True, **OVENS)
        assert "password can be read" in (await connect(broker, credentials=READER).test_connection()).message
    async with encrypted(listener_lines(tmp_path, authority, "127.0.0.1")) as broker:
        options: dict[str, Any] = {"endpoint": "mqtts://127.0.0.1", "verify_ssl": False, "timeout": 1}
        result = await connect(broker, **options).test_connection()
        assert result.error_code == "timeout"
