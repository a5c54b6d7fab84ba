"""Against a stack we did not write: a server on npm's node-opcua, encrypted, polled, subscribed to and restarted."""

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import (
    AuthenticationError,
    ConnectorError,
    Reading,
    ResponseError,
    UnreachableError,
    create_connector,
    make_identity,
)

from .machines import LOOPBACK

PEERS = Path(__file__).parent / "peers"
_OWN_NODE = Path(__file__).parents[2] / ".venv" / "bin" / "node"
NODE = str(_OWN_NODE) if _OWN_NODE.exists() else shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None or not (PEERS / "node_modules" / "node-opcua").exists(),
    reason="needs: npm ci --prefix connectors/tests/peers --ignore-scripts --omit=optional",
)
PASSWORD = "sesame-open-7"
OWN = "urn:example:another-stack"
NODES = [
    {"node": "ns=maker;s=Oven/Temperature", "field": "temperature"},
    {"browse_path": "maker:Oven/maker:Energy", "field": "energy_consumption_kwh"},
]
IDENTITY = make_identity()


class Peer:
    """The other stack's server as a process. `set` changes a value of it."""

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self._folder = folder
        self._process: Process | None = None

    async def start(self) -> None:
        """On the port that it had, once it has had one."""
        script = str(PEERS / "opcua_server.mjs")
        self._process = await asyncio.create_subprocess_exec(
            str(NODE), script, str(self.port), str(self._folder), stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        assert self._process.stdout
        async with asyncio.timeout(90):
            self.port = int(await self._process.stdout.readline())

    async def kill(self) -> None:
        """Without a farewell. The whole group: `node` may be a script that starts the real one."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def set(self, at: str, value: Any, status: str = "Good") -> None:
        assert self._process and self._process.stdin
        self._process.stdin.write(json.dumps({"at": at, "value": value, "status": status}).encode() + b"\n")

    def connector(self, password: str = PASSWORD, **options: Any) -> Any:
        given = {"timeout": 30, **options}
        config = {
            "endpoint": f"opc.tcp://127.0.0.1:{self.port}",
            "credentials": {"username": "bakery", "password": password},
            "additional_config": given,
        }
        return create_connector("opc_ua", "oven-7", config, policy=LOOPBACK, identity=IDENTITY)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Peer]:
    peer = Peer(folder)
    try:
        await peer.start()
        yield peer
    finally:
        await peer.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's certificates: it makes its own key once."""
    return tmp_path_factory.mktemp("peer")


async def read_until(connector: Any, fits: Callable[[Reading], bool]) -> Reading:
    async with asyncio.timeout(60):
        while True:
            reading: Reading = await connector.get_current_reading()
            if fits(reading):
                return reading


async def test_the_profile_finds_everything_in_the_other_stacks_own_model(folder: Path) -> None:
    async with running(folder) as peer, peer.connector() as connector:
        reading = await connector.get_current_reading()
        assert reading.temperature_zones == {"cabinet": 180.3, "cabinet_2": 181.1}
        assert (reading.temperature, reading.target_temperature) == (180.3, 185.0)
        assert (reading.operational_status, reading.cycle_stage) == ("running", "baking")
        assert (reading.cycle_progress_percentage, reading.time_remaining_minutes) == (45.0, 12)
        assert reading.door_status == "closed"
        assert datetime.now(UTC) - reading.reading_time < timedelta(minutes=5)
        peer.set("CombiSteamer/ActualTemperatureChamber_0", 0, "BadSensorFailure")
        peer.set("CombiSteamer/IsDoorOpen", True)
        reading = await read_until(connector, lambda found: found.door_status == "open")
        assert (reading.temperature, reading.quality["temperature_zones.cabinet"]) == (None, "bad")
        peer.set("CombiSteamer/ActualTemperatureChamber_0", 182.5)
        reading = await read_until(connector, lambda found: found.temperature is not None)
        assert (reading.temperature, reading.quality) == (182.5, {})
        (device,) = (await connector.get_capabilities()).details["devices"]
        assert (device["name"], device["serial_number"]) == ("CombiSteamerDevice_77", "E77")


SECURITY = (
    ("SignAndEncrypt", "Basic256Sha256"),
    ("Sign", "Basic256Sha256"),
    ("SignAndEncrypt", "Aes256_Sha256_RsaPss"),
)


async def test_nodes_are_read_with_each_security_and_refusals_are_named(folder: Path) -> None:
    async with running(folder) as peer:
        for mode, policy in SECURITY:
            options: dict[str, Any] = {"profile": "none", "namespaces": {"maker": OWN}, "nodes": NODES}
            async with peer.connector(security_mode=mode, security_policy=policy, **options) as connector:
                reading = await connector.get_current_reading()
                assert (reading.temperature, reading.energy_consumption_kwh) == (215.4, 45991.428)
        with pytest.raises(AuthenticationError):
            async with peer.connector(password="wrong"):
                pass
        with pytest.raises(ResponseError, match="SignAndEncrypt with Basic256Sha256"):
            async with peer.connector(security_mode="none", allow_plain_password=True):
                pass
        async with peer.connector() as connector:
            assert (await connector.get_current_reading()).temperature


async def test_a_subscription_brings_changes_and_ends_with_the_server(folder: Path) -> None:
    async with running(folder) as peer, peer.connector(mode="subscribe", publishing_interval=0.1) as connector:
        heard = aiter(connector.readings())
        async with asyncio.timeout(60):
            while (reading := await anext(heard)).temperature != 180.3:
                pass
            peer.set("CombiSteamer/ActualTemperatureChamber_0", 200.5)
            while (reading := await anext(heard)).temperature != 200.5:
                pass
        assert reading.target_temperature == 185.0
        await peer.kill()
        with pytest.raises(UnreachableError):
            async with asyncio.timeout(60):
                while True:
                    await anext(heard)
        await peer.start()
        async with peer.connector(mode="subscribe", publishing_interval=0.1) as again, asyncio.timeout(60):
            assert (await anext(aiter(again.readings()))).temperature == 180.3


async def test_after_a_restart_a_new_line_reads_on(folder: Path) -> None:
    async with running(folder) as peer:
        connector = peer.connector()
        async with connector:
            assert (await connector.get_current_reading()).temperature == 180.3
            await peer.kill()
            with pytest.raises(UnreachableError):
                await connector.get_current_reading()
        with pytest.raises(ConnectorError):
            async with peer.connector():
                pass
        await peer.start()
        async with peer.connector() as connector:
            assert (await connector.get_current_reading()).temperature == 180.3
