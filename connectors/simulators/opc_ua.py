"""The simulated ovens behind one OPC UA server with the model of OPC 30200, as a bakery's gateway would show them."""

from collections.abc import Collection, Mapping
from typing import Any

from connectors.reading import Reading

from .faults import HttpFault
from .opc_ua_builder import Builder, add_kitchen_types
from .opc_ua_devices import KitchenDevice, add_device_set, identity_of
from .opc_ua_kitchen import (
    MAKER,
    MAKERS_OWN,
    PHASE_WORDS,
    WRITERS,
    Values,
    kind_of,
    write_conditions,
    write_makers_own,
)
from .opc_ua_server import OpcUaFront
from .opc_ua_types import CKE, DI
from .served import ServedOven

OWN = "urn:bakery-iot:simulated-ovens"


class OpcUaOvens(OpcUaFront):
    """User name is the oven's key, the password its token; every user sees all devices.

    `microwaves` are the keys of those that shall be microwave combi ovens.
    """

    def __init__(self, ovens: Mapping[str, ServedOven], *, microwaves: Collection[str] = (), **place: Any) -> None:
        super().__init__(ovens, **place)
        self.microwaves = frozenset(microwaves)

    def kind_of(self, key: str) -> str:
        return "MicrowaveCombiOvenDeviceType" if key in self.microwaves else kind_of(self.ovens[key].spec)

    def device_name(self, key: str) -> str:
        return f"{self.kind_of(key).removesuffix('Type')}_{key}"

    def settings(self, key: str, *, port: int | None = None, **options: Any) -> dict[str, Any]:
        """How our connector reaches this oven; `nodes` are what the standard has no variables for."""
        at = f"ns=maker;s={self.device_name(key)}/{MAKER}"
        words = {"Phase": {"enum": PHASE_WORDS}}
        nodes = [
            {"node": f"{at}/{name}", "field": field, **words.get(name, {})}
            for name, (_, field, _) in MAKERS_OWN.items()
        ]
        chosen = {
            "profile": "cke",
            "device": self.device_name(key),
            "namespaces": {"maker": OWN},
            "nodes": nodes,
            "timeout": 5,
        }
        return {
            "endpoint": f"opc.tcp://{self.host}:{port or self.port}{self.path}",
            "port": None,
            "credentials": {"username": key, "password": self.ovens[key].token},
            "additional_config": chosen | options,
        }

    def password_of(self, username: str) -> str | None:
        oven = self.ovens.get(username)
        return oven.token if oven and oven.server.fault is not HttpFault.HTTP_401 else None

    def write(self, oven: ServedOven, reading: Reading) -> Values:
        values = WRITERS[self.kind_of(oven.spec.key)](reading)
        return {**values, **write_conditions(reading), **write_makers_own(reading)}

    async def build(self, server: Any) -> None:
        for uri in (DI, CKE, OWN):
            await server.register_namespace(uri)
        builder = Builder(server, (DI, CKE, OWN))
        await add_kitchen_types(builder, DI, CKE)
        device_set = await add_device_set(builder)
        for key, oven in self.ovens.items():
            kind = self.kind_of(key)
            device = KitchenDevice(builder, self.add_device(key), self.device_name(key), kind, OWN)
            identity = identity_of(oven.spec, kind)
            await device.add(device_set, identity, self.write(oven, oven.read()))
