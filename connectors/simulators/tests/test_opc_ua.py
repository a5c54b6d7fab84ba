"""The simulated OPC UA servers: their model as a foreign client finds it, the same bake through each, faults."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties

from connectors import ConnectorError, Reading, create_connector
from connectors.identity import make_identity
from connectors.simulators.fleet import FLEET
from connectors.simulators.opc_ua import OWN, OpcUaOvens
from connectors.simulators.opc_ua_cloud import CLOUD, ConnectedCookingOvens
from connectors.simulators.opc_ua_kitchen import whole_seconds
from connectors.simulators.opc_ua_machines import PackMlOvens, WeihenstephanOvens
from connectors.simulators.opc_ua_server import OpcUaFront
from connectors.simulators.opc_ua_types import CKE, DI, MANDATORY, TYPES, UNIT_IDS, list_variables
from connectors.simulators.served import ServedOven, make_ovens
from connectors.tests.machines import LOOPBACK
from connectors.tests.test_reading import NOON

VISITOR = make_identity()
KEYS = ("sol-1", "sol-3", "sol-4", "teide-2", "teide-4", "backstube-1")


def make_some(keys: Collection[str] = KEYS, **options: Any) -> dict[str, ServedOven]:
    """Ovens whose time stands still, unless told otherwise."""
    return dict(make_ovens([spec for spec in FLEET if spec.key in keys], **{"seconds": NOON.timestamp, **options}))


def connect(served: Any, key: str, protocol: str = "opc_ua", **options: Any) -> Any:
    return create_connector(protocol, key, served.settings(key, **options), policy=LOOPBACK)


async def read(served: Any, key: str, protocol: str = "opc_ua", **options: Any) -> Reading:
    async with connect(served, key, protocol, **options) as connector:
        reading: Reading = await connector.get_current_reading()
        return reading


@asynccontextmanager
async def visit(served: OpcUaFront, user: str, password: str) -> AsyncIterator[Any]:
    """A client without our connector; encrypted, as the cloud lets nobody in otherwise."""
    client = Client(served.endpoint, timeout=60)
    own = [CertProperties(text.encode(), "pem") for text in (VISITOR.certificate_pem, VISITOR.private_key_pem)]
    client.application_uri = VISITOR.application_uri
    await client.set_security(SecurityPolicyBasic256Sha256, *own)
    client.set_user(user)
    client.set_password(password)
    async with client:
        yield client


async def children_of(node: Any) -> dict[str, Any]:
    return {(await child.read_browse_name()).Name: child for child in await node.get_children()}


async def test_a_foreign_client_finds_the_model_of_opc_30200() -> None:
    keys = ("sol-3", "sol-4", "teide-4")
    served = OpcUaOvens(make_some(keys), microwaves=["teide-4"])
    async with served, visit(served, "sol-3", served.ovens["sol-3"].token) as client:
        cke, own = await client.get_namespace_index(CKE), await client.get_namespace_index(OWN)
        device_set = client.get_node(ua.NodeId(5001, await client.get_namespace_index(DI)))
        devices = await children_of(device_set)
        assert set(devices) == {"DeviceFeatures", *map(served.device_name, keys)}
        seen = set()
        for key in keys:
            kind, name = served.kind_of(key), served.device_name(key)
            device = devices[name]
            assert device.nodeid == ua.NodeId(name, own)
            assert await device.read_type_definition() == ua.NodeId(TYPES[kind].number, cke)
            inside = await children_of(device)
            assert {"ErrorConditions", "InformationConditions", "SerialNumber"} <= set(inside)
            assert {found.name for found in TYPES[kind].properties} <= set(inside)
            for part, (of, _) in TYPES[kind].parts.items():
                for number in range(1, 4) if part.endswith("<No.>") else [0]:
                    if found := inside.get(part.replace("<No.>", str(number))):
                        await assert_as_published(client, found, of, cke)
                        seen.add(of)
        assert seen == {"CombiSteamerParameterType", "ChamberType", "MicrowaveCombiOvenParameterType"}


async def assert_as_published(client: Any, node: Any, kind: str, cke: int) -> None:
    """Every variable in the namespace, type and unit of the table, and none missing that must be there."""
    assert await node.read_type_definition() == ua.NodeId(TYPES[kind].number, cke)
    variables = await children_of(node)
    table = {variable.name: variable for variable in list_variables(kind)}
    assert {name for name, found in table.items() if found.rule == MANDATORY} <= set(variables)
    for name, variable in variables.items():
        expected = table.get(name) or table[f"{name.rpartition('_')[0]}_<No.>"]
        assert await variable.read_browse_name() == ua.QualifiedName(name, cke)
        assert variable.nodeid.Identifier == f"{node.nodeid.Identifier}/{name}"
        data_type = client.get_node(await variable.read_data_type())
        assert (await data_type.read_browse_name()).Name == expected.type
        data = await variable.read_data_value(raise_on_bad_status=False)
        assert data.SourceTimestamp == NOON
        inside = await children_of(variable)
        unit = await inside["EngineeringUnits"].read_value() if "EngineeringUnits" in inside else None
        assert (unit.UnitId if unit else None) == (UNIT_IDS[expected.unit] if expected.unit else None)


def known(value: Any) -> Any:
    """A zone without a target is not mentioned by one, and empty at the other."""
    return {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value


def assert_same(found: Reading, expected: Reading, *without: str) -> None:
    for name in set(Reading.__dataclass_fields__) - {"additional_sensors", *without}:
        assert known(getattr(found, name)) == known(getattr(expected, name)), name
    own = {name: value for name, value in expected.additional_sensors.items() if name not in without}
    assert found.additional_sensors.items() >= own.items()


@pytest.mark.parametrize("fault", [None, "sensor_break", "door_open"])
async def test_opc_30200_carries_the_same_bake(fault: str | None) -> None:
    async with OpcUaOvens(make_some()) as served:
        for key, oven in served.ovens.items():
            oven.fault = fault
            assert_same(await read(served, key), oven.read())


async def test_a_microwave_combi_oven_carries_the_same_bake() -> None:
    async with OpcUaOvens(make_some(["teide-4"]), microwaves=["teide-4"]) as served:
        assert_same(await read(served, "teide-4"), served.ovens["teide-4"].read())


@pytest.mark.parametrize("fault", [None, "sensor_break"])
async def test_the_cloud_carries_what_it_has_variables_for(fault: str | None) -> None:
    without = ("energy_consumption_kwh", "steam_level", "product_weight", "moisture_content", "operating_hours",
               "motor_speed", "humidity")  # fmt: skip
    async with ConnectedCookingOvens(make_some(["sol-1", "sol-3", "backstube-1"])) as served:
        for key, oven in served.ovens.items():
            oven.fault = fault
            reading = await read(served, key, "rational")
            assert_same(reading, oven.read(), *without)
            assert reading.humidity == round(oven.read().humidity or 0)
            assert reading.energy_consumption_kwh is None


@pytest.mark.parametrize("kind", [PackMlOvens, WeihenstephanOvens])
@pytest.mark.parametrize("fault", [None, "sensor_break"])
async def test_machines_of_other_models_carry_state_and_temperatures(kind: Any, fault: str | None) -> None:
    async with kind(make_some(["sol-1", "sol-4", "backstube-1"])) as served:
        for key, oven in served.ovens.items():
            oven.fault = fault
            reading, expected = await read(served, key), oven.read()
            for name in ("temperature", "temperature_zones", "target_temperature", "humidity", "operational_status"):
                assert known(getattr(reading, name)) == known(getattr(expected, name)), (key, name)
            assert reading.energy_consumption_kwh == pytest.approx(expected.energy_consumption_kwh, abs=0.01)
            bad = {name for name, word in expected.quality.items() if word == "bad"}
            assert bad <= {name for name, word in reading.quality.items() if word == "bad"}


@pytest.mark.parametrize("progress", [0.1, 9.7, 45.0, 50.0, 87.9, 99.9])
@pytest.mark.parametrize("minutes", [1, 2, 11, 24])
def test_whole_seconds_give_progress_and_minutes_again(progress: float, minutes: int) -> None:
    reading = Reading(reading_time=NOON, time_remaining_minutes=minutes, cycle_progress_percentage=progress)
    whole, left = whole_seconds(reading)
    assert -(-left // 60) == minutes
    assert 100 * (whole - left) / whole == pytest.approx(progress, abs=0.1)


FAULTS = [
    ("refuse", "reset"),
    ("http_401", "auth"),
    ("http_403", "forbidden"),
    ("http_500", None),
    ("http_503", None),
    ("null_values", None),
    ("html", None),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
async def test_a_fault_shows_and_is_gone_when_it_is_repaired(fault: str, code: str | None) -> None:
    async with OpcUaOvens(make_some(["sol-1"])) as served:
        oven = served.ovens["sol-1"]
        assert (await read(served, "sol-1")).temperature
        oven.fault = fault
        with pytest.raises(ConnectorError) as caught:
            await read(served, "sol-1", timeout=30)
        assert caught.value.code == (code or caught.value.code)
        oven.fault = None
        assert_same(await read(served, "sol-1"), oven.read())


async def test_it_hangs_until_it_is_repaired() -> None:
    async with OpcUaOvens(make_some(["sol-1"])) as served:
        oven = served.ovens["sol-1"]
        oven.fault = "hang"
        waiting = asyncio.create_task(read(served, "sol-1", timeout=60))
        await oven.asked.wait()
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        oven.fault = None
        assert (await waiting).temperature


@pytest.mark.parametrize("fault", ["frozen_timestamp", "clock_ahead"])
async def test_the_time_of_the_values_is_that_of_the_ovens_clock(fault: str) -> None:
    now = [NOON.timestamp()]
    async with OpcUaOvens(make_some(["sol-1"], seconds=lambda: now[0])) as served:
        oven = served.ovens["sol-1"]
        oven.fault = fault
        now[0] += 60
        async with visit(served, "sol-1", oven.token) as client:
            node = client.get_node(served.devices["sol-1"].variables["Chamber_1/OperationMode"][0])
            assert (await node.read_data_value()).SourceTimestamp == oven.read().reading_time


async def test_after_a_restart_the_port_is_the_same_and_nobody_is_known() -> None:
    async with OpcUaOvens(make_some(["sol-1"])) as served:
        port = served.port
        async with connect(served, "sol-1") as connector:
            assert (await connector.get_current_reading()).temperature
            await served.stop()
            await served.start()
            assert served.port == port
            with pytest.raises(ConnectorError):
                await connector.get_current_reading()
        assert (await read(served, "sol-1")).temperature


async def test_a_subscription_hears_of_changes() -> None:
    """In the ovens' own time, which passes."""
    ovens = make_ovens([spec for spec in FLEET if spec.key == "sol-1"], speed=60)
    async with OpcUaOvens(ovens) as served, visit(served, "sol-1", ovens["sol-1"].token) as client:
        heard: asyncio.Queue[float] = asyncio.Queue()

        class Listener:
            def datachange_notification(self, node: Any, value: float, data: Any) -> None:
                heard.put_nowait(value)

        subscription = await client.create_subscription(100, Listener())
        await subscription.subscribe_data_change(
            client.get_node(served.devices["sol-1"].variables["Maker/EnergyCounter"][0])
        )
        first = await asyncio.wait_for(heard.get(), 60)
        while (second := await asyncio.wait_for(heard.get(), 60)) == first:
            pass
        assert second > first
        await subscription.delete()


async def test_each_account_of_the_cloud_sees_its_own_devices() -> None:
    ovens = make_some(["sol-1", "sol-2", "sol-3"])
    users = {"bakery": ("first-secret", ["sol-1", "sol-2"]), "branch": ("second-secret", ["sol-3"])}
    async with ConnectedCookingOvens(ovens, users=users) as served:
        found = {}
        for user, (password, _) in users.items():
            async with visit(served, user, password) as client:
                assert (await client.get_namespace_array())[2:] == [DI, CKE, CLOUD]
                found[user] = set(await children_of(client.get_node(ua.NodeId(5001, 2))))
        shared = {"DeviceFeatures", "VarioDevice_77"}
        assert found["bakery"] == shared | {"CombiSteamerDevice_sol-1", "OvenDevice_sol-2"}
        assert found["branch"] == shared | {"CombiSteamerDevice_sol-3"}
        with pytest.raises(ua.UaStatusCodeError) as caught:
            async with visit(served, "branch", "wrong"):
                pass
        assert caught.value.code == ua.StatusCodes.BadUserAccessDenied


async def test_the_cloud_takes_nobody_without_security() -> None:
    async with ConnectedCookingOvens(make_some(["sol-1"])) as served:
        endpoints = await Client(served.endpoint, timeout=60).connect_and_get_server_endpoints()
        modes = {endpoint.SecurityMode for endpoint in endpoints}
        assert modes == {ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt}
        with pytest.raises(ua.UaError, match="No matching endpoints"):
            await Client(served.endpoint, timeout=60).connect()


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    served = OpcUaOvens(make_some(["sol-1"]))
    await served.stop()
    async with served:
        await read(served, "sol-1")
        async with connect(served, "sol-1") as connector:
            await connector.get_current_reading()
            await served.stop()
    if left := asyncio.all_tasks() - before:
        _, waiting = await asyncio.wait(left, timeout=30)
        assert not waiting
