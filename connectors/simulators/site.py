"""The whole demo fleet, each oven served in the protocol of its row; over HTTP all of them, and their control page.

Every server has its own port: the one of HTTP, and those that follow it in the order of `SERVERS`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

from .fleet import FLEET, OvenSpec
from .http import SimulatedBakery
from .installation import Installation
from .modbus import ModbusOvens
from .mqtt import MqttOvens
from .opc_ua import OpcUaOvens
from .opc_ua_cloud import ConnectedCookingOvens
from .served import ServedOven
from .wachtel import WachtelOvens
from .ws import WsOvens


class OvenServer(Protocol):
    """The ovens of one protocol."""

    def settings(self, key: str, *, port: int | None = None) -> dict[str, Any]: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class MakeServer(Protocol):
    def __call__(self, ovens: Mapping[str, ServedOven], *, host: str, port: int) -> OvenServer: ...


SERVERS: Mapping[str, MakeServer] = {
    "opc_ua": OpcUaOvens,
    "rational": ConnectedCookingOvens,
    "wachtel": WachtelOvens,
    "modbus": ModbusOvens,
    "ws": WsOvens,
    "mqtt": MqttOvens,
}


# What a maker's interface has no words for.
UNTOLD: Mapping[str, frozenset[str]] = {
    "rational": frozenset(
        ("energy_consumption_kwh", "motor_speed", "steam_level", "product_weight", "moisture_content")
    ),
    "wachtel": frozenset(("humidity", "motor_speed", "steam_level", "product_weight", "moisture_content")),
}


class SimulatedSite:
    """`async with SimulatedSite(port=8800) as site:` serves the fleet; `settings` can be asked of one that does not."""

    def __init__(
        self,
        fleet: Sequence[OvenSpec] = FLEET,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        speed: float = 1,
        installation: Installation | None = None,
    ) -> None:
        self.http = SimulatedBakery(fleet, speed=speed, installation=installation, host=host, port=port)
        self.servers: dict[str, OvenServer] = {}
        for offset, (protocol, make) in enumerate(SERVERS.items(), start=1):
            ovens = {key: oven for key, oven in self.http.ovens.items() if oven.spec.protocol == protocol}
            if ovens:
                self.servers[protocol] = make(ovens, host=host, port=port + offset if port else 0)
        self._running = AsyncExitStack()

    def settings(self, key: str) -> dict[str, Any]:
        """endpoint, port, credentials and additional_config with which the oven's protocol reaches it."""
        server = self.servers.get(self.http.ovens[key].spec.protocol)
        return server.settings(key) if server else self.http.settings(key)

    async def start(self) -> None:
        async with AsyncExitStack() as running:
            for server in (self.http, *self.servers.values()):
                await server.start()
                running.push_async_callback(server.stop)
            self._running = running.pop_all()

    async def stop(self) -> None:
        await self._running.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()
