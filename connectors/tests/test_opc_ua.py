"""The OPC UA connector against a real server: devices, nodes, units, states of values, and what stays behind."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua

from connectors import ConnectorError, OperationalStatus, ResponseError, create_connector
from connectors.opc_ua import OpcUaConnector
from connectors.opc_ua_session import OpcUaSession

from .machines import LOOPBACK, failure_of
from .opc_ua_server import COMBI, OWN, URIS, OpcUaMachine, bad, server_tasks, until

DECK_OVEN: dict[str, Any] = {
    "SerialNumber": "D-7",
    "Chamber_1/OperationMode": 17,
    "Chamber_1/ActualTopTemperature_1": (232.5, "°C"),
    "Chamber_1/ActualBottomTemperature_1": (221.0, "°C"),
    "Chamber_2/OperationMode": 3,
    "Maker/EnergyTotal": (12_500, "Wh"),
    "Maker/Water": 35,
    "Maker/Mask": 0b101,
}


def connector(machine: OpcUaMachine, **options: Any) -> OpcUaConnector:
    found = create_connector("opc_ua", "oven-7", machine.options(**options), policy=LOOPBACK)
    assert isinstance(found, OpcUaConnector)
    return found


@pytest.fixture
async def machine() -> AsyncIterator[OpcUaMachine]:
    """One combi steamer."""
    machine = OpcUaMachine()
    await machine.add("combi", "CombiSteamerDevice_12345", COMBI)
    async with machine:
        yield machine


async def test_a_combi_steamer_is_found_and_read_without_a_node_list(machine: OpcUaMachine) -> None:
    async with connector(machine) as found:
        reading = await found.get_current_reading()
    assert (reading.temperature, reading.target_temperature, reading.temperature_zones["core"]) == (180.0, 185.0, 72.0)
    assert reading.operational_status is OperationalStatus.RUNNING
    assert (reading.cycle_progress_percentage, reading.time_remaining_minutes) == (45.0, 12)
    assert reading.additional_sensors == {"programme": "Baguettes", "batch_number": "4711"}
    assert datetime.now(UTC) - reading.reading_time < timedelta(seconds=60)


async def test_one_poll_is_one_question(machine: OpcUaMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connector(machine) as found:
        await found.get_current_reading()
        assert machine.server
        asked: list[Any] = []
        service = machine.server.iserver.attribute_service
        original = service.read

        def count(request: Any) -> Any:
            asked.append(request)
            return original(request)

        monkeypatch.setattr(service, "read", count)
        await found.get_current_reading()
    assert len(asked) == 1


async def test_a_server_with_small_limits_is_asked_in_parts(machine: OpcUaMachine) -> None:
    assert machine.server
    for name in ("MaxNodesPerRead", "MaxNodesPerBrowse", "MaxNodesPerTranslateBrowsePathsToNodeIds"):
        node = getattr(ua.ObjectIds, f"Server_ServerCapabilities_OperationLimits_{name}")
        await machine.server.write_attribute_value(ua.NodeId(node), ua.DataValue(ua.Variant(2, ua.VariantType.UInt32)))
    async with connector(machine) as found:
        assert (await found.get_current_reading()).humidity == 65.0
        assert found._session
        assert found._session.limits["read"] == 2


async def test_bad_and_uncertain_values_keep_their_quality(machine: OpcUaMachine) -> None:
    async with connector(machine) as found:
        device, chamber = "CombiSteamerDevice_12345", "CombiSteamer/ActualTemperatureChamber_0"
        await machine.write(device, chamber, bad("BadSensorFailure"))
        await machine.write(device, "CombiSteamer/ActualHumidity", bad("UncertainSubNormal", 60))
        reading = await found.get_current_reading()
        assert (reading.temperature, reading.humidity) == (None, 60.0)
        assert (reading.quality["temperature"], reading.quality["humidity"]) == ("bad", "uncertain")
        await machine.write(device, chamber, 181.5)
        reading = await found.get_current_reading()
        assert (reading.temperature, "temperature" in reading.quality) == (181.5, False)


async def test_the_source_tells_the_time_within_bounds(machine: OpcUaMachine) -> None:
    old = datetime.now(UTC) - timedelta(hours=3)
    async with connector(machine) as found:
        for path in COMBI:
            if path.startswith(("CombiSteamer/", "Batch", "Error")):
                value = COMBI[path][0] if isinstance(COMBI[path], tuple) else COMBI[path]
                await machine.write("CombiSteamerDevice_12345", path, bad("Good", value, old))
        for _ in range(2):  # a frozen clock: still readings, with their old time
            reading = await found.get_current_reading()
            assert abs(reading.reading_time - old) < timedelta(milliseconds=1)
        assert "additional_config.timestamp" in " ".join((await found.get_capabilities()).remarks)
        ahead = datetime.now(UTC) + timedelta(hours=1)
        await machine.write("CombiSteamerDevice_12345", "CombiSteamer/CombiSteamerMode", bad("Good", 6, ahead))
        reading = await found.get_current_reading()
        assert reading.quality["reading_time"] == "uncertain"
        assert reading.reading_time <= datetime.now(UTC)


async def test_several_devices_are_listed_and_one_is_chosen() -> None:
    machine = OpcUaMachine()
    await machine.add("combi", "CombiSteamerDevice_12345", COMBI)
    await machine.add("oven", "OvenDevice_7", DECK_OVEN)
    await machine.add("fryer", "FryerDevice_1", {"SerialNumber": "F-1"})
    async with machine:
        result = await connector(machine).test_connection()
        assert (result.success, result.error_code) == (False, "configuration")
        assert "CombiSteamerDevice_12345 (iCombi 10 E61SI21)" in result.message
        assert "OvenDevice_7 (D-7)" in result.message
        rows = result.details["devices"]
        assert [row["name"] for row in rows] == ["CombiSteamerDevice_12345", "OvenDevice_7"]
        assert rows[0] == {
            "name": "CombiSteamerDevice_12345", "type": "combi steamer", "model": "iCombi 10", "manufacturer": "Maker",
            "serial_number": "E61SI21", "location": "", "browse_path": "DeviceSet/CombiSteamerDevice_12345",
        }  # fmt: skip
        error = await failure_of(connector(machine))
        assert (error.retry, "additional_config.device" in str(error)) == (True, True)
        for name in ("OvenDevice_7", "ovendevice_7", "7", "D-7"):
            async with connector(machine, device=name) as found:
                assert (await found.get_current_reading()).temperature == 226.8
                assert len((await found.get_capabilities()).details["devices"]) == 2
        error = await failure_of(connector(machine, device="CombiSteamerDevice_9"))
        assert (type(error), error.code) == (ResponseError, "not_found")
        assert "OvenDevice_7" in str(error)


async def test_a_makers_own_subtype_is_of_its_type(machine: OpcUaMachine) -> None:
    assert machine.server
    combi_type = machine.server.get_node(ua.NodeId(1011, machine.index(URIS[1])))
    own_type = await combi_type.add_object_type(machine.index(OWN), "OurCombiType")
    device = machine.server.get_node(machine.node_id("CombiSteamerDevice_12345"))
    definition = ua.NodeId(ua.ObjectIds.HasTypeDefinition)
    await device.delete_reference(combi_type.nodeid, definition, forward=True, bidirectional=False)
    await device.add_reference(own_type.nodeid, definition, forward=True, bidirectional=False)
    async with connector(machine) as found:
        assert (await found.get_current_reading()).temperature == 180.0


async def test_a_server_without_such_machines_says_what_it_has() -> None:
    machine = OpcUaMachine()
    await machine.add("fryer", "FryerDevice_1", {"SerialNumber": "F-1"})
    async with machine:
        error = await failure_of(connector(machine))
        assert (type(error), error.code) == (ResponseError, "not_found")
        assert "FryerDevice_1" in str(error)
        await machine.add("oven", "OvenDevice_7", DECK_OVEN)
        async with connector(machine) as found:
            assert (await found.get_current_reading()).data_points
    async with OpcUaMachine(namespaces=(OWN,)) as bare:
        error = await failure_of(connector(bare))
        assert OWN in str(error)
        assert "profile" in str(error)


async def test_fahrenheit_becomes_celsius_at_the_edge() -> None:
    machine = OpcUaMachine()
    values = {
        **COMBI,
        "CombiSteamer/SetTemperature": (212.0, "°F"),
        "CombiSteamer/ActualTemperatureChamber_0": (203.0, "°F"),
    }
    await machine.add("combi", "CombiSteamerDevice_1", values)
    async with machine, connector(machine) as found:
        reading = await found.get_current_reading()
        assert (reading.temperature, reading.target_temperature) == (95.0, 100.0)


def nodes(*, alias: str = "maker") -> list[dict[str, Any]]:
    return [
        {"node": f"ns={alias};s=OvenDevice_7/Maker/EnergyTotal", "field": "energy_consumption_kwh"},
        {"browse_path": "di:DeviceSet/maker:OvenDevice_7/cke:Maker/cke:Water",
         "field": "additional_sensors.water", "scale": 0.1},
        {"node": f"ns={alias};s=OvenDevice_7/Chamber_1/ActualTopTemperature_1", "field": "temperature_zones.deck_1"},
        {"node": f"ns={alias};s=OvenDevice_7/Chamber_1/OperationMode", "field": "operational_status",
         "enum": {"17": "running"}},
        {"node": f"ns={alias};s=OvenDevice_7/Maker/Mask", "field": "door_status", "bit": 2, "enum": {"true": "open"}},
    ]  # fmt: skip


async def test_nodes_alone_by_id_and_by_path_with_the_units_they_give() -> None:
    machine = OpcUaMachine()
    await machine.add("oven", "OvenDevice_7", DECK_OVEN)
    options = {"profile": "none", "namespaces": {"maker": OWN}, "nodes": nodes()}
    async with machine, connector(machine, **options) as found:
        reading = await found.get_current_reading()
        assert reading.energy_consumption_kwh == 12.5
        assert reading.additional_sensors == {"water": 3.5}
        assert (reading.temperature, reading.operational_status, reading.door_status) == (232.5, "running", "open")
        assert (await found.get_capabilities()).supports_energy_monitoring
        assert "devices" not in (await found.get_capabilities()).details


async def test_nodes_beside_a_profile_are_not_listed_twice() -> None:
    machine = OpcUaMachine()
    await machine.add("oven", "OvenDevice_7", DECK_OVEN)
    options = {"namespaces": {"maker": OWN}, "nodes": nodes()[:2]}
    async with machine, connector(machine, **options) as found:
        reading = await found.get_current_reading()
        assert (reading.energy_consumption_kwh, reading.temperature) == (12.5, 226.8)
        assert reading.additional_sensors.keys() == {"water", "Mask", "deck_1_status", "deck_2_status"}
    async with machine, connector(machine) as found:
        assert not (await found.get_capabilities()).supports_energy_monitoring


async def test_a_namespace_keeps_its_meaning_when_its_number_changes() -> None:
    machine = OpcUaMachine()
    await machine.add("oven", "OvenDevice_7", DECK_OVEN)
    options = {"profile": "none", "namespaces": {"maker": OWN}, "nodes": nodes()}
    async with machine:
        async with connector(machine, **options) as found:
            first = await found.get_current_reading()
        await machine.stop()
        machine.uris = ("urn:example:new", OWN, *URIS)
        await machine.start()
        async with connector(machine, **options) as found:
            assert (await found.get_current_reading()).temperature_zones == first.temperature_zones


async def test_a_node_or_namespace_that_is_not_there_is_named(machine: OpcUaMachine) -> None:
    node = {"node": "ns=maker;s=nowhere", "field": "humidity"}
    error = await failure_of(connector(machine, profile="none", namespaces={"maker": "urn:gone"}, nodes=[node]))
    assert (error.code, "urn:gone" in str(error)) == ("not_found", True)
    error = await failure_of(
        connector(machine, profile="none", nodes=[{"browse_path": "di:DeviceSet/di:Nothing", "field": "humidity"}])
    )
    assert (error.code, "DeviceSet/Nothing" in str(error)) == ("not_found", True)
    error = await failure_of(connector(machine, profile="none", namespaces={"maker": OWN}, nodes=[node]))
    assert (error.code, "BadNodeIdUnknown" in str(error)) == ("mapping", True)


async def test_odd_values_cost_only_themselves() -> None:
    machine = OpcUaMachine()
    odd = {
        "Maker/Bytes": b"\x00\x01", "Maker/List": [1, 2], "Maker/Object": ua.Range(0, 5), "Maker/Guid": uuid.uuid4(),
        "Maker/Text": ua.LocalizedText("Brot"), "Maker/NoText": ua.LocalizedText(None), "Maker/Time": datetime.now(UTC),
        "Maker/Nothing": ua.Variant(), "Maker/Big": ua.Variant(2**64 - 1, ua.VariantType.UInt64),
    }  # fmt: skip
    await machine.add("combi", "CombiSteamerDevice_1", {**COMBI, **odd})
    async with machine, connector(machine) as found:
        reading = await found.get_current_reading()
        assert reading.temperature == 180.0
        assert reading.additional_sensors["Text"] == "Brot"
        assert {name for name in reading.quality if "." in name} <= {f"additional_sensors.{name[6:]}" for name in odd}


async def test_as_in_the_guide_a_line_that_is_not_open_is_opened_for_one_call(machine: OpcUaMachine) -> None:
    found = connector(machine)
    assert (await found.get_current_reading()).temperature == 180.0
    assert (await found.get_capabilities()).supports_humidity
    assert not found.is_open


async def test_nothing_runs_on_after_the_line_is_closed(machine: OpcUaMachine) -> None:
    found = connector(machine)
    before = asyncio.all_tasks()
    async with found:
        await found.get_current_reading()
        assert asyncio.all_tasks() - before <= server_tasks()
    await until(lambda: asyncio.all_tasks() <= before)
    assert machine.server
    await until(lambda: not machine.server or not machine.server.iserver.asyncio_transports)


async def test_a_line_that_was_silent_for_too_long_is_opened_anew(machine: OpcUaMachine) -> None:
    found = connector(machine)
    async with found:
        first = found._session
        assert isinstance(first, OpcUaSession)
        first._spoken_at -= 100_000
        assert (await found.get_current_reading()).temperature == 180.0
        assert found._session is not first


async def test_a_channel_is_renewed_before_it_ends(machine: OpcUaMachine) -> None:
    async with connector(machine) as found:
        assert found._session
        for _ in range(3):
            ends_at = found._session._expires_at
            found._session._renew_at = 0.0
            assert (await found.get_current_reading()).temperature == 180.0
            assert found._session._expires_at > ends_at
            assert (await found.get_current_reading()).temperature == 180.0


async def test_a_device_that_shows_nothing_to_this_user_is_an_error() -> None:
    machine = OpcUaMachine()
    await machine.add("combi", "CombiSteamerDevice_1", {"SerialNumber": "1"})
    async with machine:
        error = await failure_of(connector(machine))
        assert (error.code, "right" in str(error)) == ("mapping", True)


async def test_no_energy_and_no_remote_control_are_promised(machine: OpcUaMachine) -> None:
    async with connector(machine) as found:
        capabilities = await found.get_capabilities()
    assert (capabilities.supports_energy_monitoring, capabilities.supports_remote_control) == (False, False)
    assert capabilities.temperature_zones == ("cabinet", "core")
    assert "neither encrypted nor signed" in " ".join(capabilities.remarks)


@pytest.mark.parametrize(("profile", "kind"), [("packml", "packml"), ("ws", "ws")])
async def test_packml_and_weihenstephan_machines_are_found_too(profile: str, kind: str) -> None:
    root = "BaseStateMachine" if kind == "packml" else "OperatingStates/WS_Cur_State"
    values: dict[str, Any] = {
        "Identification/SerialNumber": "P-1",
        f"{root}/CurrentState": ua.LocalizedText("Cleared"),
        f"{root}/MachineState/CurrentState": ua.LocalizedText("Running"),
        f"{root}/MachineState/ExecuteState/CurrentState": ua.LocalizedText("Execute"),
        f"{root}/MachineState/ExecuteState/CurrentState/Number": ua.Variant(6, ua.VariantType.UInt32),
        "MeasuredValues/WS_Cur_Temp_Oven": (221.5, "°C"),
    }
    machine = OpcUaMachine()
    await machine.add(kind, "Line_1", values)
    async with machine, connector(machine, profile=profile, device="P-1") as found:
        reading = await found.get_current_reading()
        assert reading.operational_status is OperationalStatus.RUNNING
        if kind == "ws":
            assert reading.temperature == 221.5


async def test_errors_never_bring_the_librarys_own_words(machine: OpcUaMachine) -> None:
    with pytest.raises(ConnectorError) as caught:
        async with connector(machine, profile="none", nodes=[{"node": "i=85", "field": "humidity"}]) as found:
            await found.get_current_reading()
    assert caught.value.__cause__ is None
