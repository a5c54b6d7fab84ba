"""Our tables of OPC UA models against the published nodesets, where those lie beside the repository."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from connectors.opc_ua_settings import NAMESPACES
from connectors.simulators.opc_ua_states import MACHINERY, PACKML, STATES, WEIHENSTEPHAN
from connectors.simulators.opc_ua_types import (
    CKE,
    DEVICE_FEATURES,
    DEVICE_SET,
    DI,
    DI_TYPES,
    ENUMERATIONS,
    IDENTITY,
    MANDATORY,
    MANDATORY_MANY,
    OPTIONAL,
    OPTIONAL_MANY,
    TYPES,
    UNIT_IDS,
    UNIT_NAMESPACE,
    Variable,
)

FOLDER = Path(__file__).parents[4] / "shared" / "nodesets"
NAMES = {"u": "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd", "t": "http://opcfoundation.org/UA/2008/02/Types.xsd"}
RULES = {"i=78": MANDATORY, "i=80": OPTIONAL, "i=11510": MANDATORY_MANY, "i=11508": OPTIONAL_MANY}
STANDARD = {"i=58": "BaseObjectType", "i=61": "FolderType"}


class Nodeset:
    """One file; nodes by id, with the namespace of their names by URI."""

    def __init__(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        self.uris = ["", *(str(found.text) for found in root.findall("u:NamespaceUris/u:Uri", NAMES))]
        self.nodes = {node.get("NodeId", ""): node for node in root if node.get("NodeId")}

    def name_of(self, node: ElementTree.Element) -> tuple[str, str]:
        """(namespace, name)"""
        index, colon, name = node.get("BrowseName", "").partition(":")
        return (self.uris[int(index)], name) if colon else ("", index)

    def references(self, node: ElementTree.Element, kind: str, *, forward: bool = True) -> list[str]:
        found = node.findall("u:References/u:Reference", NAMES)
        return [
            str(reference.text)
            for reference in found
            if reference.get("ReferenceType") == kind and (reference.get("IsForward") != "false") is forward
        ]

    def children(self, number: int) -> Iterator[tuple[str, str, ElementTree.Element]]:
        """(namespace, name, node) of what an object type of this file declares."""
        parent = f"ns=1;i={number}"
        for kind in ("HasComponent", "HasProperty"):
            below = [key for key, node in self.nodes.items() if parent in self.references(node, kind, forward=False)]
            for key in dict.fromkeys([*self.references(self.nodes[parent], kind), *below]):
                yield *self.name_of(self.nodes[key]), self.nodes[key]

    def rule_of(self, node: ElementTree.Element) -> str:
        return RULES[self.references(node, "HasModellingRule")[0]]

    def unit_of(self, node: ElementTree.Element) -> int | None:
        for key in (*self.references(node, "HasProperty"), *self.nodes):
            found = self.nodes[key]
            if found.get("BrowseName") == "EngineeringUnits" and found.get("ParentNodeId") == node.get("NodeId"):
                assert found.findtext(".//t:NamespaceUri", namespaces=NAMES) == UNIT_NAMESPACE
                return int(found.findtext(".//t:UnitId", "0", namespaces=NAMES))
        return None


class Declared(NamedTuple):
    type: str | None
    rule: str
    unit: int | None


@cache
def read_nodeset(model: str) -> Nodeset:
    return Nodeset(FOLDER / f"Opc.Ua.{model}.NodeSet2.xml")


def _declared(variable: Variable) -> Declared:
    return Declared(variable.type, variable.rule, UNIT_IDS[variable.unit] if variable.unit else None)


def _data_type(nodeset: Nodeset, node: ElementTree.Element) -> str | None:
    """By name: the files use names of their own for some, and node ids for others."""
    data_type = node.get("DataType", "")
    return nodeset.name_of(nodeset.nodes[data_type])[1] if data_type in nodeset.nodes else data_type


def _base_of(nodeset: Nodeset, node: ElementTree.Element) -> str:
    return nodeset.references(node, "HasSubtype", forward=False)[0]


def _number_of(name: str) -> str:
    """As the file of OPC 30200 writes it: namespace 1 is its own, 2 is DI's."""
    if name in TYPES:
        return f"ns=1;i={TYPES[name].number}"
    if name in DI_TYPES:
        return f"ns=2;i={DI_TYPES[name][0]}"
    return next(number for number, known in STANDARD.items() if known == name)


def _own_number(node: ElementTree.Element) -> int:
    return int(node.get("NodeId", "").rpartition("=")[2])


MACHINE_TYPES: Mapping[str, Mapping[int, str]] = {
    "PackML": {
        1: "PackMLExecuteStateMachineType",
        2: "PackMLMachineStateMachineType",
        3: "PackMLBaseStateMachineType",
        4: "PackMLStatusObjectType",
        5: "PackMLAdminObjectType",
        6: "PackMLBaseObjectType",
    },
    "Machinery": {1001: "Machines"},
    "Weihenstephan": {
        1000: "WSMachineType",
        1001: "WSBaseObjectType",
        1002: "WSAlarmType",
        1004: "WSBaseStateMachineType",
        2000: "WSAnalogUnitType",
    },
}
URIS = {"PackML": PACKML, "Machinery": MACHINERY, "Weihenstephan": WEIHENSTEPHAN}


class TestNodesets:
    """Where the folder is not there, there is nothing to compare with: these are then not collected."""

    __test__ = FOLDER.is_dir()

    @pytest.mark.parametrize("name", TYPES)
    def test_a_type_of_opc_30200_is_as_published(self, name: str) -> None:
        nodeset = read_nodeset("CommercialKitchenEquipment")
        ours = TYPES[name]
        node = nodeset.nodes[f"ns=1;i={ours.number}"]
        assert nodeset.name_of(node) == (CKE, name)
        assert _base_of(nodeset, node) == _number_of(ours.base)
        variables, parts = {}, {}
        for uri, child, found in nodeset.children(ours.number):
            assert uri == (DI if child in IDENTITY else CKE)
            if found.tag.endswith("UAVariable"):
                variables[child] = Declared(_data_type(nodeset, found), nodeset.rule_of(found), nodeset.unit_of(found))
            else:
                parts[child] = (nodeset.references(found, "HasTypeDefinition")[0], nodeset.rule_of(found))
        assert variables == {variable.name: _declared(variable) for variable in (*ours.variables, *ours.properties)}
        assert parts == {part: (_number_of(kind), rule) for part, (kind, rule) in ours.parts.items()}

    @pytest.mark.parametrize("name", ENUMERATIONS)
    def test_an_enumeration_has_the_published_words(self, name: str) -> None:
        nodeset = read_nodeset("CommercialKitchenEquipment")
        number, words = ENUMERATIONS[name]
        node = nodeset.nodes[f"ns=1;i={number}"]
        assert nodeset.name_of(node) == (CKE, name)
        fields = node.findall("u:Definition/u:Field", NAMES)
        assert {int(field.get("Value", "-1")): field.get("Name") for field in fields} == dict(enumerate(words))

    def test_di_is_as_published(self) -> None:
        nodeset = read_nodeset("Di")
        for number, name in ((DEVICE_SET, "DeviceSet"), (DEVICE_FEATURES, "DeviceFeatures")):
            assert nodeset.name_of(nodeset.nodes[f"ns=1;i={number}"]) == (DI, name)
        for name, (number, base) in DI_TYPES.items():
            node = nodeset.nodes[f"ns=1;i={number}"]
            assert nodeset.name_of(node) == (DI, name)
            assert STANDARD.get(_base_of(nodeset, node), base) == base
            assert base not in DI_TYPES or _base_of(nodeset, node) == f"ns=1;i={DI_TYPES[base][0]}"
        declared = {name: found.get("DataType") for _, name, found in nodeset.children(DI_TYPES["DeviceType"][0])}
        assert {name: declared[name] for name in IDENTITY} == dict(IDENTITY)

    def test_packml_has_the_published_states(self) -> None:
        nodeset = read_nodeset("PackML")
        published = {}
        for node in nodeset.nodes.values():
            if node.get("BrowseName") == "StateNumber":
                parent = nodeset.nodes[nodeset.references(node, "HasProperty", forward=False)[0]]
                _, name = nodeset.name_of(parent)
                published[name] = (int(node.findtext(".//t:UInt32", "0", namespaces=NAMES)), _own_number(parent))
        assert published == dict(STATES)

    @pytest.mark.parametrize("model", MACHINE_TYPES)
    def test_the_types_of_machines_have_the_published_numbers(self, model: str) -> None:
        nodeset = read_nodeset(model)
        for number, name in MACHINE_TYPES[model].items():
            index = nodeset.uris.index(URIS[model])
            assert nodeset.name_of(nodeset.nodes[f"ns={index};i={number}"]) == (URIS[model], name)


def test_simulators_and_connector_mean_the_same_namespaces() -> None:
    ours = {"di": DI, "cke": CKE, "machinery": MACHINERY, "packml": PACKML, "weihenstephan": WEIHENSTEPHAN}
    assert ours.items() <= NAMESPACES.items()
