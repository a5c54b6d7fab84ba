"""Against a stack we did not write: npm's modbus-serial, as a server for our connector and as a client of our ovens."""

import asyncio
import json
import shutil
import struct
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors import UnreachableError, create_connector
from connectors.modbus_codec import ORDERS
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.served import make_ovens

from .machines import LOOPBACK

PEERS = Path(__file__).parent / "peers"
_OWN_NODE = Path(__file__).parents[2] / ".venv" / "bin" / "node"
NODE = str(_OWN_NODE) if _OWN_NODE.exists() else shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (PEERS / "node_modules" / "modbus-serial").exists(),
    reason="needs: npm ci --prefix connectors/tests/peers --ignore-scripts --omit=optional",
)


@asynccontextmanager
async def peer_server() -> AsyncIterator[int]:
    """The port of the other stack's server."""
    process = await asyncio.create_subprocess_exec(str(NODE), str(PEERS / "modbus_server.cjs"), stdin=PIPE, stdout=PIPE)
    assert process.stdin and process.stdout
    try:
        async with asyncio.timeout(60):
            yield int(await process.stdout.readline())
    finally:
        process.stdin.close()  # it ends with its input, so that it cannot outlive us
        await _wait_for_its_end(process)


async def _wait_for_its_end(process: Process) -> None:
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def settings_of(port: int, *points: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = {"points": list(points), "timeout": 30, "request_timeout": 20, **options}
    return {"endpoint": "127.0.0.1", "port": port, "additional_config": given}


def sensor(name: str, address: int, **point: Any) -> dict[str, Any]:
    return {"field": f"additional_sensors.{name}", "table": "holding", "address": address, **point}


async def test_our_connector_reads_the_other_stacks_server() -> None:
    points = [
        {"field": "temperature", "table": "input", "address": 0, "type": "int16", "scale": 0.1},
        {"field": "temperature_zones.core", "table": "input", "address": 1, "type": "int16", "nan": [-32768]},
        {"field": "humidity", "table": "input", "address": 2, "type": "int16"},
        sensor("programme", 100, type="string", count=8),
        sensor("coil_5", 5, table="coil"),
        sensor("coil_6", 6, table="coil"),
        sensor("discrete_7", 7, table="discrete"),
        sensor("discrete_17", 17, table="discrete"),
    ]
    expected: dict[str, Any] = {"programme": "Brötchen", "coil_5": False, "coil_6": True}
    expected |= {"discrete_7": True, "discrete_17": False}
    numbers = [("float32", 229.01, 20, 2), ("uint32", 3123456789, 40, 2)]
    numbers += [("float64", -40.25, 60, 4), ("int64", -1234567890123, 80, 4)]
    for kind, value, start, size in numbers:
        for index, order in enumerate(ORDERS):
            points.append(sensor(f"{kind}_{order}", start + index * size, type=kind, order=order))
            expected[f"{kind}_{order}"] = value
    async with peer_server() as port:
        for unit in (1, 2):
            connector = create_connector("modbus", "x", settings_of(port, *points, unit_id=unit), policy=LOOPBACK)
            async with connector:
                for _ in range(2):
                    reading = await connector.get_current_reading()
                    assert reading.temperature == round(232.5 + unit / 10, 1)
                    assert reading.additional_sensors == expected
                    assert reading.quality == {"temperature_zones.core": "bad", "humidity": "bad"}
        result = await create_connector(
            "modbus", "x", settings_of(port, sensor("f", 20, type="float32", order="DCBA")), policy=LOOPBACK
        ).test_connection()
        row = result.details["points"][0]
        assert (row["ABCD"], row["registers"], "ABCD" in row["plausible"]) == (229.01, "4365 028F", True)
        gone = create_connector("modbus", "x", settings_of(port, *points, unit_id=9), policy=LOOPBACK)
        with pytest.raises(UnreachableError, match="unit 9 behind it does not"):
            await gone.get_current_reading()


async def test_the_other_stacks_client_reads_our_ovens() -> None:
    ovens = make_ovens()
    requests = ["input 0 6", "input 20 2", "input 22 2", "holding 100 6", "discrete 0 3", "coil 0 2", "input 14 6"]
    async with ModbusOvens(ovens) as gateway:
        script, unit = str(PEERS / "modbus_client.cjs"), str(gateway.unit_ids["sol-2"])
        process = await asyncio.create_subprocess_exec(
            str(NODE), script, str(gateway.port), unit, *requests, stdout=PIPE
        )
        try:
            async with asyncio.timeout(60):
                told, _ = await process.communicate()
        finally:
            await _wait_for_its_end(process)
        temperatures, humidity, energy, targets, doors, coils, hole = json.loads(told)
    assert all(1000 < tenths < 3500 for tenths in (*temperatures, *targets))
    assert 0 <= struct.unpack(">f", struct.pack(">HH", *humidity[::-1]))[0] <= 100
    assert abs((energy[0] << 16 | energy[1]) / 1000 - (ovens["sol-2"].read().energy_consumption_kwh or 0)) < 1
    assert doors in ([0] * 3, [1] * 3) and coils[0] == 1
    assert hole == 2
