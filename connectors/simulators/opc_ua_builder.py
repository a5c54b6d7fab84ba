"""Puts objects, variables and types into the address space of an asyncua server, each at a node id of our choice."""

from collections.abc import Mapping, Sequence
from typing import Any

from asyncua import Server, ua

from .opc_ua_types import DI_TYPES, ENUMERATIONS, TYPES, UNIT_IDS, UNIT_NAMESPACE

CORE = ""  # the namespace of the standard itself
_ORGANIZES, _SUBTYPE, _PROPERTY, _COMPONENT = 35, 45, 46, 47
_CLASSES = {
    ua.ObjectAttributes: ua.NodeClass.Object,
    ua.VariableAttributes: ua.NodeClass.Variable,
    ua.ObjectTypeAttributes: ua.NodeClass.ObjectType,
    ua.VariableTypeAttributes: ua.NodeClass.VariableType,
    ua.DataTypeAttributes: ua.NodeClass.DataType,
}
STANDARD_TYPES: Mapping[str, int] = {
    "BaseObjectType": 58,
    "FolderType": 61,
    "FiniteStateMachineType": 2771,
    "AlarmConditionType": 2915,
    "BaseDataVariableType": 63,
    "PropertyType": 68,
    "AnalogItemType": 2368,
    "AnalogUnitType": 17497,
    "FiniteStateVariableType": 2760,
    "TwoStateVariableType": 8995,
}
# Name -> (number of the data type, how its values travel).
DATA_TYPES: Mapping[str, tuple[int, Any]] = {
    "Boolean": (1, ua.VariantType.Boolean),
    "UInt16": (5, ua.VariantType.UInt16),
    "Int32": (6, ua.VariantType.Int32),
    "UInt32": (7, ua.VariantType.UInt32),
    "Float": (10, ua.VariantType.Float),
    "Double": (11, ua.VariantType.Double),
    "String": (12, ua.VariantType.String),
    "UtcTime": (294, ua.VariantType.DateTime),
    "NodeId": (17, ua.VariantType.NodeId),
    "Structure": (22, ua.VariantType.ExtensionObject),
    "StatusCode": (19, ua.VariantType.StatusCode),
    "LocalizedText": (21, ua.VariantType.LocalizedText),
}


def make_variant(value: Any, variant: Any) -> Any:
    """None is an empty value, whatever its type would be."""
    if value is None:
        return ua.Variant(None, ua.VariantType.Null)
    return ua.Variant(ua.LocalizedText(value) if variant is ua.VariantType.LocalizedText else value, variant)


class Builder:
    """One server's address space. Namespaces are named by their URIs, as everywhere."""

    def __init__(self, server: Server, uris: Sequence[str]) -> None:
        self._session = server.iserver.isession
        self._uris = [CORE, server.get_application_uri(), *uris]
        self._data_types = dict(DATA_TYPES)

    def index(self, uri: str) -> int:
        return self._uris.index(uri)

    def node_id(self, identifier: int | str, uri: str) -> Any:
        return ua.NodeId(identifier, self.index(uri))

    def type_id(self, name: str) -> Any:
        """Of a type of the standard; the others are added with their ids."""
        return ua.NodeId(STANDARD_TYPES[name])

    async def add_object(
        self, parent: Any, node: Any, name: str, uri: str, kind: Any, *, organizes: bool = False
    ) -> Any:
        reference = _ORGANIZES if organizes else _COMPONENT
        return await self._add(parent, node, name, uri, ua.ObjectAttributes(), kind, reference)

    async def add_variable(
        self,
        parent: Any,
        node: Any,
        name: str,
        uri: str,
        data_type: str,
        *,
        kind: Any = None,
        unit: str | None = None,
        value: Any = None,
        is_property: bool = False,
    ) -> Any:
        """With `unit` it is an AnalogItem, unless `kind` says more."""
        attributes = ua.VariableAttributes()
        number, variant = self._data_types[data_type]
        attributes.DataType = number if isinstance(number, ua.NodeId) else ua.NodeId(number)
        attributes.Value = make_variant(value, variant)
        attributes.ValueRank = ua.ValueRank.Scalar
        attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
        standard = "PropertyType" if is_property else "AnalogItemType" if unit else "BaseDataVariableType"
        reference = _PROPERTY if is_property else _COMPONENT
        await self._add(parent, node, name, uri, attributes, kind or self.type_id(standard), reference)
        if unit:
            await self._add_unit(node, unit)
        return node

    async def _add_unit(self, variable: Any, unit: str) -> None:
        text = ua.LocalizedText(unit)
        information = ua.EUInformation(UNIT_NAMESPACE, UNIT_IDS[unit], text, text)
        for name, number, value in (
            ("EngineeringUnits", ua.ObjectIds.EUInformation, information),
            ("EURange", ua.ObjectIds.Range, ua.Range(0, 300 if unit == "°C" else 100_000)),
        ):
            attributes = ua.VariableAttributes()
            attributes.DataType, attributes.Value = ua.NodeId(number), ua.Variant(value)
            attributes.ValueRank = ua.ValueRank.Scalar
            attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
            node = ua.NodeId(f"{variable.Identifier}/{name}", variable.NamespaceIndex)
            await self._add(variable, node, name, CORE, attributes, self.type_id("PropertyType"), _PROPERTY)

    async def add_object_type(self, base: Any, node: Any, name: str, uri: str) -> Any:
        return await self._add(base, node, name, uri, ua.ObjectTypeAttributes(), None, _SUBTYPE)

    async def add_variable_type(self, base: Any, node: Any, name: str, uri: str) -> Any:
        return await self._add(base, node, name, uri, ua.VariableTypeAttributes(), None, _SUBTYPE)

    async def add_enumeration(self, node: Any, name: str, uri: str, words: Sequence[str]) -> None:
        base = ua.NodeId(ua.ObjectIds.Enumeration)
        await self._add(base, node, name, uri, ua.DataTypeAttributes(), None, _SUBTYPE)
        attributes = ua.VariableAttributes()
        attributes.DataType = ua.NodeId(ua.ObjectIds.LocalizedText)
        attributes.Value = ua.Variant([ua.LocalizedText(word) for word in words])
        attributes.ValueRank = ua.ValueRank.OneDimension
        strings = ua.NodeId(f"{name}/EnumStrings", node.NamespaceIndex)
        await self._add(node, strings, "EnumStrings", CORE, attributes, self.type_id("PropertyType"), _PROPERTY)
        self._data_types[name] = (node, ua.VariantType.Int32)

    def variant_type(self, data_type: str) -> Any:
        return self._data_types[data_type][1]

    async def _add(
        self, parent: Any, node: Any, name: str, uri: str, attributes: Any, kind: Any, reference: int
    ) -> Any:
        """Below asyncua's helpers: those make up node ids with dots and want whole nodesets for their types."""
        item = ua.AddNodesItem()
        item.ParentNodeId, item.RequestedNewNodeId = parent, node
        item.ReferenceTypeId = ua.NodeId(reference)
        item.BrowseName = ua.QualifiedName(name, self.index(uri))
        item.NodeClass = _CLASSES[type(attributes)]
        item.TypeDefinition = kind or ua.NodeId()
        attributes.DisplayName = ua.LocalizedText(name)
        item.NodeAttributes = attributes
        (result,) = await self._session.add_nodes([item])
        result.StatusCode.check()
        return node


async def add_kitchen_types(builder: Builder, di: str, cke: str) -> None:
    """The types of DI and of OPC 30200 that ovens need, by their numbers in the nodesets."""
    known = {name: builder.type_id(name) for name in ("BaseObjectType", "FolderType")}
    for name, (number, base) in DI_TYPES.items():
        known[name] = await builder.add_object_type(known[base], builder.node_id(number, di), name, di)
    for name, kind in TYPES.items():
        known[name] = await builder.add_object_type(known[kind.base], builder.node_id(kind.number, cke), name, cke)
    for name, (number, words) in ENUMERATIONS.items():
        await builder.add_enumeration(builder.node_id(number, cke), name, cke, words)
