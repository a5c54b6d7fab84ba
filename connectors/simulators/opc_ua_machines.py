"""The simulated ovens as machines of two further models: PackML (OPC 30050), and Weihenstephan (OPC 40600) upon it.

Both models speak of machines in general: what an oven measures bears names of the maker's own.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from connectors.reading import Reading

from .faults import HttpFault
from .opc_ua_builder import CORE, Builder
from .opc_ua_kitchen import Values, zone_value
from .opc_ua_server import Device, OpcUaFront
from .opc_ua_states import MACHINERY, PACKML, STATES, WEIHENSTEPHAN, WS, choose_states, write_descriptors
from .opc_ua_types import DI
from .served import ServedOven
from .ws_tags import BITS as WS_BITS

OWN = "urn:bakery-iot:simulated-machines"
_LEVELS = ("", "/MachineState", "/MachineState/ExecuteState")
_PRODUCE, _MAINTENANCE = 1, 2
_CARE = ("cleaning", "maintenance")


class MachineOvens(OpcUaFront):
    """User name is the oven's key, the password its token; the machine bears the key as its name."""

    profile = ""

    def settings(self, key: str, *, port: int | None = None, **options: Any) -> dict[str, Any]:
        return {
            "endpoint": f"opc.tcp://{self.host}:{port or self.port}{self.path}",
            "port": None,
            "credentials": {"username": key, "password": self.ovens[key].token},
            "additional_config": {"profile": self.profile, "device": key, "timeout": 5, **options},
        }

    def password_of(self, username: str) -> str | None:
        oven = self.ovens.get(username)
        return oven.token if oven and oven.server.fault is not HttpFault.HTTP_401 else None

    async def build(self, server: Any) -> None:
        uris = (DI, MACHINERY, PACKML, WEIHENSTEPHAN, WS, OWN)
        for uri in uris:
            await server.register_namespace(uri)
        self._builder = Builder(server, uris)
        self._types: dict[str, Any] = {}
        await self._add_types()
        for key, oven in self.ovens.items():
            await self.add_machine(self.add_device(key), key, oven.read())

    async def _add_types(self) -> None:
        builder, types = self._builder, self._types
        for name in (
            "BaseObjectType",
            "FolderType",
            "FiniteStateMachineType",
            "AnalogUnitType",
            "FiniteStateVariableType",
        ):
            types[name] = builder.type_id(name)
        for name, number, uri, base in (
            ("PackMLExecuteStateMachineType", 1, PACKML, "FiniteStateMachineType"),
            ("PackMLMachineStateMachineType", 2, PACKML, "FiniteStateMachineType"),
            ("PackMLBaseStateMachineType", 3, PACKML, "FiniteStateMachineType"),
            ("PackMLStatusObjectType", 4, PACKML, "BaseObjectType"),
            ("PackMLAdminObjectType", 5, PACKML, "BaseObjectType"),
            ("PackMLBaseObjectType", 6, PACKML, "BaseObjectType"),
            ("FunctionalGroupType", 1005, DI, "FolderType"),
            ("WSMachineType", 1000, WEIHENSTEPHAN, "BaseObjectType"),
            ("WSBaseObjectType", 1001, WEIHENSTEPHAN, "BaseObjectType"),
            ("WSAlarmType", 1002, WEIHENSTEPHAN, "WSBaseObjectType"),
            ("WSBaseStateMachineType", 1004, WEIHENSTEPHAN, "PackMLBaseStateMachineType"),
        ):
            types[name] = await builder.add_object_type(types[base], builder.node_id(number, uri), name, uri)
        node = builder.node_id(2000, WEIHENSTEPHAN)
        types["WSAnalogUnitType"] = await builder.add_variable_type(
            types["AnalogUnitType"], node, "WSAnalogUnitType", WEIHENSTEPHAN
        )

    @abstractmethod
    async def add_machine(self, device: Device, key: str, reading: Reading) -> None: ...

    async def _add_object(self, parent: Any, path: str, uri: str, kind: str, *, organizes: bool = False) -> Any:
        node = self._builder.node_id(path, OWN)
        name = path.rpartition("/")[2]
        return await self._builder.add_object(parent, node, name, uri, self._types[kind], organizes=organizes)

    async def _add_variable(
        self, device: Device, parent: Any, path: str, uri: str, data_type: str, **options: Any
    ) -> Any:
        """`path` begins with the machine; the values are named by what follows."""
        node = self._builder.node_id(path, OWN)
        await self._builder.add_variable(parent, node, path.rpartition("/")[2], uri, data_type, **options)
        device.variables[path.partition("/")[2]] = (node, self._builder.variant_type(data_type))
        return node

    async def _add_states(self, device: Device, parent: Any, path: str, uri: str, kind: str) -> None:
        """Three machines, one in the other: the base, the machine's, and what it executes."""
        kinds = (kind, "PackMLMachineStateMachineType", "PackMLExecuteStateMachineType")
        for level, of in zip(_LEVELS, kinds, strict=True):
            here = uri if not level else PACKML
            parent = await self._add_object(parent, f"{path}{level}", here, of)
            state = f"{path}{level}/CurrentState"
            variable = await self._add_variable(
                device, parent, state, CORE, "LocalizedText", kind=self._types["FiniteStateVariableType"]
            )
            for name, data_type in (("Id", "NodeId"), ("Number", "UInt32")):
                await self._add_variable(device, variable, f"{state}/{name}", CORE, data_type, is_property=True)

    def _write_states(self, path: str, reading: Reading) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for level, state in zip(_LEVELS, choose_states(reading), strict=True):
            at = f"{path}{level}/CurrentState"
            number, node = STATES[state] if state else (None, None)
            values |= {at: state, f"{at}/Number": number}
            values[f"{at}/Id"] = self._builder.node_id(node, PACKML) if node else None
        return values


class PackMlOvens(MachineOvens):
    """Temperatures are parameters: structures of name, unit and value."""

    profile = "packml"

    async def add_machine(self, device: Device, key: str, reading: Reading) -> None:
        objects = self._builder.node_id(85, CORE)
        machine = await self._add_object(objects, key, OWN, "PackMLBaseObjectType", organizes=True)
        await self._add_object(machine, f"{key}/Admin", PACKML, "PackMLAdminObjectType")
        status = await self._add_object(machine, f"{key}/Status", PACKML, "PackMLStatusObjectType")
        for name, data_type in (("CurMachSpeed", "Float"), ("MachSpeed", "Float"), ("UnitModeCurrent", "Int32"),
                                ("EquipmentBlocked", "Boolean"), ("EquipmentStarved", "Boolean"),
                                ("Parameter", "Structure")):  # fmt: skip
            await self._add_variable(device, status, f"{key}/Status/{name}", PACKML, data_type)
        await self._add_states(device, machine, f"{key}/BaseStateMachine", PACKML, "PackMLBaseStateMachineType")

    def write(self, oven: ServedOven, reading: Reading) -> Values:
        in_care = reading.operational_status in _CARE
        return {
            "Status/CurMachSpeed": 0.0,
            "Status/MachSpeed": 0.0,
            "Status/UnitModeCurrent": _MAINTENANCE if in_care else _PRODUCE,
            "Status/EquipmentBlocked": False,
            "Status/EquipmentStarved": False,
            "Status/Parameter": write_descriptors(reading, self._builder.node_id(77, PACKML)),
            **self._write_states("BaseStateMachine", reading),
        }


class WeihenstephanOvens(MachineOvens):
    """Below Machinery's folder of machines; the data points bear names in the namespace of the standard."""

    profile = "ws"

    async def build(self, server: Any) -> None:
        self._machines: Any = None
        await super().build(server)

    async def add_machine(self, device: Device, key: str, reading: Reading) -> None:
        if self._machines is None:
            node = self._builder.node_id(1001, MACHINERY)
            self._machines = await self._builder.add_object(
                self._builder.node_id(85, CORE), node, "Machines", MACHINERY, self._types["FolderType"], organizes=True
            )
        machine = await self._add_object(self._machines, key, OWN, "WSMachineType", organizes=True)
        for name, text in (("WSVersion", "08.01"), ("WSMachineProfile", "Bake")):
            node = self._builder.node_id(f"{key}/{name}", OWN)
            await self._builder.add_variable(machine, node, name, WEIHENSTEPHAN, "String", value=text, is_property=True)
        folders = {}
        for name in ("OperatingStates", "OperatingModes", "Programs", "MeasuredValues", "Counters", "Alarms"):
            folders[name] = await self._add_object(machine, f"{key}/{name}", WEIHENSTEPHAN, "FunctionalGroupType")
        at = f"{key}/OperatingStates/WS_Cur_State"
        await self._add_states(device, folders["OperatingStates"], at, WS, "WSBaseStateMachineType")
        await self._add_variable(device, folders["OperatingModes"], f"{key}/OperatingModes/WS_Cur_Mode", WS, "Int32")
        await self._add_variable(device, folders["Programs"], f"{key}/Programs/WS_Cur_Prog", WS, "Int32")
        await self._add_measured(device, key, folders, reading)
        alarm = await self._add_object(folders["Alarms"], f"{key}/Alarms/WS_Alarm_1", WS, "WSAlarmType")
        for name, data_type in (("WSAlarmCode", "UInt32"), ("WSAlarmMessage", "LocalizedText")):
            await self._add_variable(device, alarm, f"{key}/Alarms/WS_Alarm_1/{name}", WEIHENSTEPHAN, data_type)

    async def _add_measured(self, device: Device, key: str, folders: Mapping[str, Any], reading: Reading) -> None:
        kind = self._types["WSAnalogUnitType"]
        for path in self._write_measured(reading):
            folder = path.partition("/")[0]
            data_type, unit = ("UInt32", "Wh") if folder == "Counters" else ("Float", "°C" if "Temp" in path else "%")
            await self._add_variable(device, folders[folder], f"{key}/{path}", WS, data_type, unit=unit, kind=kind)

    def _write_measured(self, reading: Reading) -> dict[str, Any]:
        zones = {f"WS_Cur_Temp_{name}": zone_value(reading, name) for name in reading.temperature_zones}
        zones |= {
            f"WS_Set_Temp_{name}": reading.target_temperature_zones.get(name)
            for name in reading.temperature_zones
            if name != "core"
        }
        measured = {f"MeasuredValues/{name}": value for name, value in zones.items()}
        energy = reading.energy_consumption_kwh
        return {
            **measured,
            "MeasuredValues/WS_Cur_Humidity": reading.humidity,
            "Counters/WS_Tot_Energy": None if energy is None else round(1000 * energy),
        }

    def write(self, oven: ServedOven, reading: Reading) -> Values:
        alarm = reading.additional_sensors.get("alarm")
        _, program, mode = WS_BITS[reading.operational_status] if reading.operational_status else (0, 0, 0)
        return {
            **self._write_measured(reading),
            **self._write_states("OperatingStates/WS_Cur_State", reading),
            "OperatingModes/WS_Cur_Mode": mode,
            "Programs/WS_Cur_Prog": program,
            "Alarms/WS_Alarm_1/WSAlarmCode": 17 if alarm else 0,
            "Alarms/WS_Alarm_1/WSAlarmMessage": alarm or "",
        }
