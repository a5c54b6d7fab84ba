"""Finds the machines on a server and what they measure, by types and browse names. Nothing is kept afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from asyncua import ua

from .errors import ResponseError
from .opc_ua_browse import OBJECTS, browse, find_units
from .opc_ua_profiles import IDENTITY, PROFILES, Kind, is_worth_reading
from .opc_ua_session import OpcUaSession
from .opc_ua_settings import NAMESPACES
from .opc_ua_values import Path, plain_value
from .values import clean_text

_HAS_SUBTYPE = ua.NodeId(45)
_SERVER = ua.NodeId(2253)
_DEVICE_SET, _MACHINES = 5001, 1001  # of DI and of Machinery
# States and transitions of a state machine are descriptions, and there are dozens of them.
_DESCRIPTIONS = (ua.NodeId(2307), ua.NodeId(2309), ua.NodeId(2310))
_PROPERTY = ua.NodeId(68)
_WITHOUT_UNIT = (ua.NodeId(63), _PROPERTY, ua.NodeId(2755), ua.NodeId(2760), ua.NodeId(8995))
_WITH_PARTS = ("CurrentState", "ActiveState")  # their Id and Number say more than their text
_DEEPEST_DEVICE, _DEEPEST_VARIABLE = 4, 7
_MOST_OBJECTS, _MOST_VARIABLES = 1000, 600


class Variable(NamedTuple):
    path: Path
    node: Any  # ua.NodeId
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A machine of a type we know."""

    kind: Kind
    node: Any
    names: Path  # browse names from the Objects folder on
    shown: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, str]:
        """For the person who chooses one; `name` is what goes into `device`."""
        return {
            "name": self.names[-1],
            "type": self.kind.value,
            "model": self.identity.get("Model", ""),
            "manufacturer": self.identity.get("Manufacturer", ""),
            "serial_number": self.identity.get("SerialNumber", ""),
            "location": self.identity.get("DeviceLocationName") or self.identity.get("Location", ""),
            "browse_path": "/".join(self.names),
        }

    def is_called(self, name: str) -> bool:
        """By browse name or what follows its last _, display name, serial number, place, or identifier."""
        known = {self.names[-1], self.shown, str(self.node.Identifier), self.row["location"]}
        known |= {self.names[-1].rpartition("_")[2], self.row["serial_number"]}
        return name.strip().casefold() in {clean_text(text).casefold() for text in known if text}


async def find_devices(session: OpcUaSession, profile: str) -> list[Device]:
    """All machines of the profile's types, with model and serial number. ResponseError if there is none."""
    types = {
        ua.NodeId(kind.number, index): found
        for kind, found in PROFILES[profile].items()
        if (index := session.find_namespace(kind.uri)) is not None
    }
    if not types:
        raise ResponseError(
            f"The server at {session.config.place} has no machines of profile {profile}. It knows: "
            f"{', '.join(clean_text(uri) for uri in session.namespaces[1:12]) or 'nothing'}. Choose another "
            "additional_config.profile, or list the nodes under profile none.",
            code="not_found",
        )
    await _add_subtypes(session, types)
    roots: list[tuple[Any, Path]] = []
    for alias, number, name in (("di", _DEVICE_SET, "DeviceSet"), ("machinery", _MACHINES, "Machines")):
        index = session.find_namespace(NAMESPACES[alias])
        roots += [(ua.NodeId(number, index), (name,))] if index is not None else []
    devices, others = await _search(session, roots, types)
    if not devices:  # then anywhere, which may be a long way on a server with many other things
        devices, further = await _search(session, [(OBJECTS, ())], types)
        others += further
    if not devices:
        raise ResponseError(
            f"The server at {session.config.place} has no machine of profile {profile} at the moment. "
            f"It shows: {', '.join(others[:12]) or 'nothing'}. Check that the machine is switched on and that this "
            "user may see it, or choose another additional_config.profile.",
            code="not_found",
        )
    return await _identify(session, devices)


async def _add_subtypes(session: OpcUaSession, types: dict[Any, Kind]) -> None:
    """Makers derive their own types."""
    new = list(types)
    for _ in range(_DEEPEST_DEVICE):
        parents, new = new, []
        for parent, children in zip(parents, await browse(session, parents, _HAS_SUBTYPE), strict=True):
            for child in children:
                if child.node not in types:
                    types[child.node] = types[parent]
                    new.append(child.node)
        if not new:
            return


async def _search(
    session: OpcUaSession, roots: list[tuple[Any, Path]], types: Mapping[Any, Kind]
) -> tuple[list[Device], list[str]]:
    """Level by level; not below a machine, and no object twice, however many ways lead to it."""
    devices, others = [], []
    seen = {node for node, _ in roots} | {_SERVER}
    for _ in range(_DEEPEST_DEVICE):
        children = await browse(session, [node for node, _ in roots])
        level: list[tuple[Any, Path]] = []
        for (_, names), found in zip(roots, children, strict=True):
            for child in found:
                if child.kind != ua.NodeClass.Object or child.node in seen or len(seen) > _MOST_OBJECTS:
                    continue
                seen.add(child.node)
                if child.type in types:
                    devices.append(Device(types[child.type], child.node, (*names, child.name), child.shown))
                elif child.type not in _DESCRIPTIONS:
                    level.append((child.node, (*names, child.name)))
                    others.append(child.name)
        roots = level
        if devices or not roots:
            break
    return devices, others


async def _identify(session: OpcUaSession, devices: list[Device]) -> list[Device]:
    children = await browse(session, [device.node for device in devices])
    below = [[child for child in found if child.name == "Identification"] for found in children]
    if any(below):
        deeper = iter(await browse(session, [found[0].node for found in below if found]))
        children = [[*found, *(next(deeper) if part else [])] for found, part in zip(children, below, strict=True)]
    wanted = [[child for child in found if child.name in IDENTITY] for found in children]
    values = iter(await session.read([child.node for found in wanted for child in found]))
    identified = []
    for device, found in zip(devices, wanted, strict=True):
        texts = {child.name: plain_value(next(values).Value.Value) for child in found}
        clean = {name: clean_text(text) for name, text in texts.items() if isinstance(text, str)}
        identified.append(replace(device, identity=clean))
    return identified


def choose_device(devices: Sequence[Device], wanted: str | None) -> Device:
    """The one that is called so, or the only one. Errors name those that there are."""
    found = [device for device in devices if wanted is None or device.is_called(wanted)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(_describe_device(device) for device in (found or devices)[:20])
    if not found:
        raise ResponseError(
            f"The server has no device {clean_text(wanted or '')!r} at the moment. It has: {shown}. Correct "
            "additional_config.device, or switch the machine on.",
            code="not_found",
        )
    raise ResponseError(
        f"The server has several devices: {shown}. Enter the name of one under additional_config.device.",
        code="configuration",
    )


def _describe_device(device: Device) -> str:
    row = device.row
    further = " ".join(filter(None, (row["model"], row["serial_number"])))
    return f"{row['name']} ({further or row['type']})"


async def find_variables(session: OpcUaSession, device: Device) -> list[Variable]:
    """Every variable of the device that may change, with its unit."""
    level: list[tuple[Any, Path]] = [(device.node, ())]
    found: list[tuple[Variable, Any]] = []
    seen = {device.node}
    for _ in range(_DEEPEST_VARIABLE):
        children = await browse(session, [node for node, _ in level])
        below: list[tuple[Any, Path]] = []
        for (_, path), references in zip(level, children, strict=True):
            for child in references:
                here = (*path, child.name)
                if child.node in seen or child.type in _DESCRIPTIONS or not is_worth_reading(here):
                    continue
                if child.kind == ua.NodeClass.Variable and not (child.type == _PROPERTY and not path):
                    found.append((Variable(here, child.node), child.type))
                if child.kind == ua.NodeClass.Object or child.name in _WITH_PARTS:
                    below.append((child.node, here))
                seen.add(child.node)
        level = below[:_MOST_OBJECTS]
        if not level or len(found) > _MOST_VARIABLES:
            break
    found = found[:_MOST_VARIABLES]
    units = await find_units(session, [variable.node for variable, kind in found if kind not in _WITHOUT_UNIT])
    return [variable._replace(unit=units.get(variable.node)) for variable, _ in found]
