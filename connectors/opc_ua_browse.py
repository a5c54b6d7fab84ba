"""Asks a server what lies below a node, and where the nodes of the settings are: many at once, in few round trips."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from asyncua import ua

from .errors import ConnectorError, ResponseError
from .opc_ua_nodes import CORE, BrowsePath, NodeAddress, Step
from .opc_ua_session import OpcUaSession
from .opc_ua_values import plain_value, unit_of
from .values import clean_text

HIERARCHICAL = ua.NodeId(33)
OBJECTS = ua.NodeId(85)
_MOST_PAGES, _PAGE = 20, 1000  # of a folder with more children than that, the rest is not looked at
_OBJECTS_AND_VARIABLES = 3
_WHOLE_PATH = 0xFFFFFFFF  # otherwise it leads on to another server


class Reference(NamedTuple):
    node: Any  # ua.NodeId
    name: str
    shown: str
    kind: Any  # ua.NodeClass
    type: Any  # ua.NodeId


async def browse(session: OpcUaSession, nodes: Sequence[Any], reference: Any = HIERARCHICAL) -> list[list[Reference]]:
    """The children of each node; none where the node is not there."""
    found: list[list[Reference]] = []
    for start in range(0, len(nodes), session.limits["browse"]):
        part = nodes[start : start + session.limits["browse"]]
        request = ua.BrowseParameters(RequestedMaxReferencesPerNode=_PAGE)
        request.NodesToBrowse = [_describe(node, reference) for node in part]
        async with session.speaking() as client:
            answer = await client.browse(request)
            session.check_count(answer, len(part))
            found += [await _all_pages(client, result) for result in answer]
    return found


def _describe(node: Any, reference: Any) -> Any:
    return ua.BrowseDescription(
        NodeId=node,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=reference,
        IncludeSubtypes=True,
        NodeClassMask=_OBJECTS_AND_VARIABLES if reference == HIERARCHICAL else 0,
        ResultMask=ua.BrowseResultMask.All,
    )


async def _all_pages(client: Any, result: Any) -> list[Reference]:
    found: list[Reference] = []
    for _ in range(_MOST_PAGES):
        found += [reference for item in result.References or [] if (reference := _reference_of(item))]
        if not result.ContinuationPoint:
            break
        request = ua.BrowseNextParameters(ContinuationPoints=[result.ContinuationPoint])
        result = (await client.browse_next(request))[0]
    return found


def _reference_of(item: Any) -> Reference | None:
    target, name = item.NodeId, item.BrowseName.Name if item.BrowseName else None
    if not isinstance(name, str) or getattr(target, "ServerIndex", None):
        return None  # it lives on another server
    node = ua.NodeId(target.Identifier, target.NamespaceIndex)
    kind = ua.NodeId(item.TypeDefinition.Identifier, item.TypeDefinition.NamespaceIndex)
    return Reference(node, clean_text(name), str(plain_value(item.DisplayName) or ""), item.NodeClass, kind)


async def translate(session: OpcUaSession, paths: Sequence[tuple[Any, Sequence[tuple[int, str]]]]) -> list[Any]:
    """The node at the end of each path of (namespace number, name), None where there is none."""
    found: list[Any] = []
    for start in range(0, len(paths), session.limits["translate"]):
        part = paths[start : start + session.limits["translate"]]
        request = [_browse_path(node, steps) for node, steps in part]
        async with session.speaking() as client:
            answer = await client.translate_browsepaths_to_nodeids(request)
            session.check_count(answer, len(part))
        found += map(_target_of, answer)
    return [node and ua.NodeId(node.Identifier, node.NamespaceIndex) for node in found]


def _target_of(result: Any) -> Any:
    complete = [target for target in result.Targets or [] if target.RemainingPathIndex == _WHOLE_PATH]
    return complete[0].TargetId if result.StatusCode.is_good() and complete else None


def _browse_path(node: Any, steps: Sequence[tuple[int, str]]) -> Any:
    elements = [
        ua.RelativePathElement(
            ReferenceTypeId=HIERARCHICAL,
            IsInverse=False,
            IncludeSubtypes=True,
            TargetName=ua.QualifiedName(name, index),
        )
        for index, name in steps
    ]
    return ua.BrowsePath(StartingNode=node, RelativePath=ua.RelativePath(Elements=elements))


async def find_units(session: OpcUaSession, nodes: Sequence[Any]) -> dict[Any, str]:
    """What the EngineeringUnits of these variables say, where there are any."""
    if not nodes:
        return {}
    properties = await translate(session, [(node, [(0, "EngineeringUnits")]) for node in nodes])
    known = [(node, unit) for node, unit in zip(nodes, properties, strict=True) if unit is not None]
    values = await session.read([unit for _, unit in known]) if known else []
    units = {node: unit_of(data.Value.Value) for (node, _), data in zip(known, values, strict=True)}
    return {node: unit for node, unit in units.items() if unit}


async def resolve(session: OpcUaSession, places: Iterable[NodeAddress | BrowsePath]) -> list[Any]:
    """The nodes of the settings in this session. ResponseError for a namespace or a path that is not there."""
    places = list(places)
    paths = [place for place in places if isinstance(place, BrowsePath)]
    steps = [(OBJECTS, [(_index_of(session, step), step.name) for step in path.steps]) for path in paths]
    translated = iter(await translate(session, steps) if steps else [])
    nodes = []
    for place in places:
        if isinstance(place, NodeAddress):
            nodes.append(ua.NodeId(place.identifier, _index_of(session, place)))
        elif (node := next(translated)) is not None:
            nodes.append(node)
        else:
            raise _no_such_path(place)
    return nodes


def _no_such_path(place: BrowsePath) -> ConnectorError:
    names = "/".join(step.name for step in place.steps)
    return ResponseError(
        f"The server has no node at the path {names}. Correct its browse_path under additional_config.nodes; it begins "
        "below the Objects folder.",
        code="not_found",
    )


def _index_of(session: OpcUaSession, place: NodeAddress | Step) -> int:
    index = 0 if place.uri == CORE else session.find_namespace(place.uri)
    if index is None:
        raise ResponseError(
            f"The server has no namespace {place.uri}. It has: {', '.join(map(clean_text, session.namespaces[1:12]))}. "
            "Correct additional_config.namespaces.",
            code="not_found",
        )
    return index
