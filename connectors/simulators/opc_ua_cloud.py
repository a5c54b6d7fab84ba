"""ConnectedCooking's OPC UA server, as Rational describes it: combi steamers in the cloud, each account sees its own.

Neither energy nor methods; encrypted or signed only; sensors are numbered from 0.
"""

from collections.abc import Collection, Mapping
from typing import Any

from connectors.reading import Reading

from .faults import HttpFault
from .opc_ua_builder import Builder, add_kitchen_types
from .opc_ua_devices import KitchenDevice, add_device_set, identity_of
from .opc_ua_kitchen import Values, write_combi_steamer, write_conditions, write_oven
from .opc_ua_server import SECURE, OpcUaFront
from .opc_ua_types import CKE, DI
from .rational import serial_number_of
from .served import ServedOven

CLOUD = "http://connectedcooking.com/OPCUA/"
USER = "bakery"
_MOST_DEVICES = 10
_STRANGER, _STRANGERS_TYPE = "VarioDevice_77", 1001


class ConnectedCookingOvens(OpcUaFront):
    """Signs in `users`: name -> (password, keys of the ovens it sees); left out, `bakery` sees the first ten.

    An oven with decks stands beside the combi steamers, as does a device of a type that nobody knows.
    """

    path = "/OPCUA/ConnectedCooking"
    name = "ConnectedCooking (simulated)"
    security = SECURE

    def __init__(
        self,
        ovens: Mapping[str, ServedOven],
        *,
        users: Mapping[str, tuple[str, Collection[str]]] | None = None,
        **place: Any,
    ) -> None:
        super().__init__(ovens, **place)
        password = next(iter(ovens.values())).token
        self.users = {USER: (password, tuple(ovens)[:_MOST_DEVICES])} if users is None else users
        self._roots: dict[Any, str] = {}

    def settings(self, key: str, *, port: int | None = None, **options: Any) -> dict[str, Any]:
        """How our Rational connector reaches this unit."""
        user, (password, _) = next(found for found in self.users.items() if key in found[1][1])
        return {
            "endpoint": f"opc.tcp://{self.host}:{port or self.port}{self.path}",
            "port": None,
            "credentials": {"username": user, "password": password},
            "additional_config": {"unit_id": key, "timeout": 5, **options},
        }

    def password_of(self, username: str) -> str | None:
        password, keys = self.users.get(username, (None, ()))
        refused = any(self.ovens[key].server.fault is HttpFault.HTTP_401 for key in keys)
        return None if refused else password

    def shows(self, session: Any, reference: Any) -> bool:
        key = self._roots.get(reference.NodeId)
        return key is None or key in self.users.get(session.user.name, ("", ()))[1]

    def write(self, oven: ServedOven, reading: Reading) -> Values:
        values = write_oven(reading) if _has_decks(oven) else write_combi_steamer(reading, first=0)
        error = "Error_12"
        shown = {f"ErrorConditions/{error}/InputNode": None, f"ErrorConditions/{error}/Quality": None}
        return {**values, **write_conditions(reading, error), **shown}

    async def build(self, server: Any) -> None:
        for uri in (DI, CKE, CLOUD):  # so that they get the numbers 2, 3 and 4, as they have there
            await server.register_namespace(uri)
        builder = Builder(server, (DI, CKE, CLOUD))
        await add_kitchen_types(builder, DI, CKE)
        device_set = await add_device_set(builder)
        await self._add_stranger(builder, device_set)
        for key, oven in self.ovens.items():
            kind = "OvenDeviceType" if _has_decks(oven) else "CombiSteamerDeviceType"
            name = f"{kind.removesuffix('Type')}_{key}"
            device = KitchenDevice(builder, self.add_device(key), name, kind, CLOUD)
            identity = {**identity_of(oven.spec, kind), "SerialNumber": serial_number_of(key)}
            await device.add(device_set, identity, self.write(oven, oven.read()))
            self._roots[builder.node_id(name, CLOUD)] = key

    async def _add_stranger(self, builder: Builder, device_set: Any) -> None:
        base, kind = builder.type_id("BaseObjectType"), builder.node_id(_STRANGERS_TYPE, CLOUD)
        await builder.add_object_type(base, kind, "VarioDeviceType", CLOUD)
        node = builder.node_id(_STRANGER, CLOUD)
        await builder.add_object(device_set, node, _STRANGER, CLOUD, kind)
        pan = builder.node_id(f"{_STRANGER}/PanTemperature", CLOUD)
        await builder.add_variable(node, pan, "PanTemperature", CLOUD, "Float", unit="°C", value=120.0)


def _has_decks(oven: ServedOven) -> bool:
    return any(zone.name.startswith("deck_") for zone in oven.spec.body.zones)
