"""The same bake at the same moment gives the same reading, whatever the oven is asked in."""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

import pytest

from connectors import CycleStage, OperationalStatus, Reading, create_connector
from connectors.reading import VALUE_FIELDS, ZONE_FIELDS
from connectors.simulators.fleet import FLEET
from connectors.simulators.http import SimulatedBakery
from connectors.simulators.modbus import ModbusOvens
from connectors.simulators.mqtt import MqttOvens
from connectors.simulators.opc_ua import OpcUaOvens
from connectors.simulators.opc_ua_cloud import ConnectedCookingOvens
from connectors.simulators.rational import RationalOvens
from connectors.simulators.served import make_ovens
from connectors.simulators.site import UNTOLD
from connectors.simulators.wachtel import WachtelOvens
from connectors.simulators.ws import WsOvens
from connectors.tests.machines import LOOPBACK

COMBIS = ("sol-3", "teide-3")
DECKS = ("sol-2", "teide-2", "backstube-2", "backstube-3")
TOLD_OVER_REST = {"energy_consumption_kwh", "motor_speed"}
ALL = tuple(spec.key for spec in FLEET)
# protocol, its server, the ovens it can speak of, and what it has no words for
SERVERS: Mapping[str, tuple[str, Any, tuple[str, ...], frozenset[str]]] = {
    "rest_api": ("rest_api", SimulatedBakery, ALL, frozenset()),
    "opc_ua": ("opc_ua", OpcUaOvens, ALL, frozenset()),
    "connected_cooking": ("rational", ConnectedCookingOvens, COMBIS, UNTOLD["rational"]),
    "rational_rest": (
        "rational",
        RationalOvens,
        COMBIS,
        UNTOLD["rational"] - {"energy_consumption_kwh", "motor_speed"},
    ),
    "wachtel": ("wachtel", WachtelOvens, DECKS, UNTOLD["wachtel"]),
    "modbus": ("modbus", ModbusOvens, ALL, frozenset()),
    "ws": ("ws", WsOvens, ALL, frozenset()),
    "mqtt": ("mqtt", MqttOvens, ALL, frozenset()),
}
# Of a combi steamer OPC 30200 has whole per cent of humidity, and programmes run in whole seconds.
TOLERANCES = {"humidity": 1.0, "cycle_progress_percentage": 1.0, "time_remaining_minutes": 1.0, "steam_level": 1.0}
# What makers without a word for it say instead.
COARSE: Mapping[object, tuple[object, ...]] = {
    OperationalStatus.COOLING: (OperationalStatus.IDLE,),
    CycleStage.PROOFING: (CycleStage.BAKING,),
    CycleStage.RESTING: (CycleStage.BAKING, CycleStage.NONE),
    CycleStage.HOLDING: (CycleStage.BAKING, CycleStage.NONE),
    CycleStage.FINISHED: (CycleStage.NONE,),
    CycleStage.COOLING: (CycleStage.NONE,),
}


def differences(reading: Reading, truth: Reading, missing: frozenset[str]) -> list[str]:
    found = []
    for name in VALUE_FIELDS:
        value, true = getattr(reading, name), getattr(truth, name)
        if name not in missing and not agree(name, value, true):
            found.append(f"{name}: {value} instead of {true}")
    for name in ZONE_FIELDS:
        zones, true_zones = getattr(reading, name), getattr(truth, name)
        for zone in zones.keys() | true_zones.keys():
            if not agree(name, zones.get(zone), true_zones.get(zone)):
                found.append(f"{name}.{zone}: {zones.get(zone)} instead of {true_zones.get(zone)}")
    return found


def agree(name: str, value: Any, true: Any) -> bool:
    if isinstance(true, float | int) and isinstance(value, float | int):
        return math.isclose(value, true, rel_tol=1e-4, abs_tol=TOLERANCES.get(name, 0.06))
    return value == true or value in COARSE.get(true, ())


@pytest.mark.parametrize("name", SERVERS)
async def test_all_protocols_agree(name: str) -> None:
    protocol, server_class, keys, missing = SERVERS[name]
    now = time.time()
    ovens = {key: oven for key, oven in make_ovens(seconds=lambda: now).items() if key in keys}
    if protocol == "rest_api":
        server = SimulatedBakery([spec for spec in FLEET if spec.key in keys], seconds=lambda: now)
        ovens = dict(server.ovens)
    else:
        server = server_class(ovens)

    async def read(key: str) -> Reading:
        connector = create_connector(protocol, key, server.settings(key), policy=LOOPBACK)
        async with connector:
            return await connector.get_current_reading()

    async with server:
        readings = await asyncio.gather(*map(read, ovens))
    wrong = {
        key: differences(reading, ovens[key].read(), missing) for key, reading in zip(ovens, readings, strict=True)
    }
    assert {key: found for key, found in wrong.items() if found} == {}
