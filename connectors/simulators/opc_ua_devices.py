"""Builds the devices of OPC 30200 in an address space: every variable of the table that an oven has a value for."""

import re
from collections.abc import Mapping
from typing import Any

from .fleet import OvenSpec
from .opc_ua_builder import CORE, Builder
from .opc_ua_kitchen import MAKER, MAKERS_OWN, Values
from .opc_ua_server import Device
from .opc_ua_types import CKE, DEVICE_FEATURES, DEVICE_SET, DI, IDENTITY, TYPES, Variable, list_variables

_NUMBER = re.compile(r"_\d+$")
_CLASSES = {
    "CombiSteamerDeviceType": "Combi Steamer",
    "OvenDeviceType": "Convection Oven, Multiple Deck Oven",
    "MicrowaveCombiOvenDeviceType": "Microwave Combination Oven",
}
# Of an alarm condition (OPC 10000-9): name -> (data type, kind of variable); they belong to the standard itself.
_CONDITION: Mapping[str, tuple[str, str]] = {
    "ActiveState": ("LocalizedText", "TwoStateVariableType"),
    "ActiveState/Id": ("Boolean", "PropertyType"),
    "Message": ("LocalizedText", "BaseDataVariableType"),
    "SuppressedOrShelved": ("Boolean", "PropertyType"),
    "InputNode": ("NodeId", "PropertyType"),
    "Quality": ("StatusCode", "BaseDataVariableType"),
}


async def add_device_set(builder: Builder) -> Any:
    """DI's DeviceSet, with the folder of DI's own that every client has to step over."""
    objects = builder.node_id(85, CORE)
    kind = builder.type_id("BaseObjectType")
    found = await builder.add_object(objects, builder.node_id(DEVICE_SET, DI), "DeviceSet", DI, kind, organizes=True)
    await builder.add_object(found, builder.node_id(DEVICE_FEATURES, DI), "DeviceFeatures", DI, kind)
    return found


class KitchenDevice:
    """Below DeviceSet, at node ids with slashes: `<name>/CombiSteamer/SetTemperature` in the server's own namespace."""

    def __init__(self, builder: Builder, device: Device, name: str, kind: str, own: str) -> None:
        self._builder = builder
        self._device = device
        self._name = name
        self._kind = kind
        self._own = own
        self._objects: dict[str, Any] = {}

    async def add(self, device_set: Any, identity: Mapping[str, str], values: Values) -> None:
        """`values` says which variables this oven has."""
        node = self._node("")
        await self._builder.add_object(
            device_set, node, self._name, self._own, self._builder.node_id(TYPES[self._kind].number, CKE)
        )
        self._objects[""] = node
        for name, data_type in IDENTITY.items():
            await self._add_property("", name, DI, data_type, identity.get(name, ""))
        for variable in self._list_properties():
            await self._add_property("", variable.name, CKE, variable.type, _fixed(variable))
        for part in ("ErrorConditions", "InformationConditions"):
            await self._add_object("", part, CKE, self._builder.type_id("BaseObjectType"))
        for path in values:
            await self._add_value(path)

    def _list_properties(self) -> list[Variable]:
        own = [*TYPES["CommercialKitchenDeviceType"].properties, *TYPES[self._kind].properties]
        return [variable for variable in own if variable.name not in IDENTITY]

    async def _add_value(self, path: str) -> None:
        part, _, name = path.partition("/")
        if part == "ErrorConditions":
            await self._add_condition(name)
            return
        if part == "BatchInformation":
            await self._add_batch(path, name)
            return
        if part == MAKER:
            await self._add_object("", MAKER, self._own, self._builder.type_id("FolderType"))
            await self._add_variable(path, self._own, "Double", MAKERS_OWN[name][0])
            return
        parts = {_numbered(own): kind for own, (kind, _) in TYPES[self._kind].parts.items()}
        kind = parts[_numbered(part)]
        await self._add_object("", part, CKE, self._builder.node_id(TYPES[kind].number, CKE))
        found = next(variable for variable in list_variables(kind) if variable.name in (name, _numbered(name)))
        await self._add_variable(path, CKE, found.type, found.unit)

    async def _add_batch(self, path: str, name: str) -> None:
        kind = TYPES["BatchInformationType"]
        await self._add_object("", "BatchInformation", CKE, self._builder.node_id(kind.number, CKE))
        data_type = next(variable.type for variable in kind.properties if variable.name == name)
        await self._add_variable(path, CKE, data_type, kind="PropertyType")

    async def _add_condition(self, name: str) -> None:
        error, _, rest = name.partition("/")
        await self._add_object("ErrorConditions", error, self._own, self._builder.type_id("AlarmConditionType"))
        data_type, kind = _CONDITION[rest]
        await self._add_variable(f"ErrorConditions/{name}", CORE, data_type, kind=kind)

    def _node(self, path: str) -> Any:
        return self._builder.node_id(f"{self._name}/{path}" if path else self._name, self._own)

    async def _add_object(self, parent: str, name: str, uri: str, kind: Any) -> None:
        path = f"{parent}/{name}" if parent else name
        if path not in self._objects:
            node = self._objects[path] = self._node(path)
            await self._builder.add_object(self._objects[parent], node, name, uri, kind)

    async def _add_property(self, parent: str, name: str, uri: str, data_type: str, value: Any) -> None:
        await self._builder.add_variable(
            self._objects[parent], self._node(name), name, uri, data_type, value=value, is_property=True
        )

    async def _add_variable(
        self, path: str, uri: str, data_type: str, unit: str | None = None, *, kind: str | None = None
    ) -> None:
        parent, _, name = path.rpartition("/")
        node = self._node(path)
        above = self._objects.get(parent) or self._node(parent)  # a state's Id hangs below a variable
        await self._builder.add_variable(
            above, node, name, uri, data_type, unit=unit, is_property=kind == "PropertyType",
            kind=self._builder.type_id(kind) if kind else None,
        )  # fmt: skip
        self._device.variables[path] = (node, self._builder.variant_type(data_type))


def identity_of(spec: OvenSpec, kind: str) -> dict[str, str]:
    return {
        "DeviceClass": _CLASSES[kind],
        "Manufacturer": spec.manufacturer,
        "Model": spec.model,
        "SerialNumber": serial_number_of(spec),
        "SoftwareRevision": "1.0",
    }


def serial_number_of(spec: OvenSpec) -> str:
    return f"{spec.seed % 10**8:08d}"


def _numbered(name: str) -> str:
    """As the table writes it: `Chamber_<No.>`."""
    return _NUMBER.sub("_<No.>", name)


def _fixed(variable: Variable) -> Any:
    """What a device says of itself once and for all."""
    if variable.type == "Boolean":
        return variable.name in ("IsWithAutomaticCleaning", "IsWithInternalCoreTempSensor")
    return 0 if variable.type.endswith("Enumeration") else ""
