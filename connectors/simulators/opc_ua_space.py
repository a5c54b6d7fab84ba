"""asyncua's server without its two seconds of preparation: the 6,000 nodes of the standard are made once per process.

A server sees them as its own: a node is copied when it is first touched.
"""

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.standard_address_space import standard_address_space

# It warns of what a simulator does on purpose, and writes a trace for every client that leaves.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)
_making = threading.Lock()


@cache
def _make_standard_nodes() -> Mapping[Any, Any]:
    space = AddressSpace()
    # Each collection looks through all that was made so far, and none of it is garbage.
    gc.disable()
    try:
        standard_address_space.fill_address_space(NodeManagementService(space))
    finally:
        gc.enable()
    return {key: space[key] for key in space.keys()}  # noqa: SIM118 - it is no mapping


def _standard_nodes() -> Mapping[Any, Any]:
    with _making:
        return _make_standard_nodes()


class _Nodes(MutableMapping[Any, Any]):
    """The standard's nodes, and over them what this server has changed and added."""

    def __init__(self, standard: Mapping[Any, Any]) -> None:
        self._standard = standard
        self._own: dict[Any, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        if key not in self._own:
            self._own[key] = _copy(self._standard[key])
        return self._own[key]

    def __setitem__(self, key: Any, node: Any) -> None:
        self._own[key] = node

    def __delitem__(self, key: Any) -> None:
        del self._own[key]

    def __contains__(self, key: object) -> bool:
        return key in self._own or key in self._standard

    def __iter__(self) -> Iterator[Any]:
        return iter({**self._standard, **self._own})

    def __len__(self) -> int:
        return len({**self._standard, **self._own})


def _copy(node: Any) -> Any:
    copied = NodeData(node.nodeid)
    copied.references = list(node.references)
    copied.attributes = {name: AttributeValue(found.value) for name, found in node.attributes.items()}
    return copied


class QuickServer(InternalServer):  # type: ignore[misc]
    """For `asyncua.Server(iserver=...)`. Its clock is right when it is read, without a task that sets it."""

    def __init__(self, user_manager: Any = None, session_class: Any = InternalSession) -> None:
        super().__init__(user_manager)
        self.disabled_clock = True
        self.session_class = session_class
        self.sessions: list[Any] = []

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        # asyncua puts a mapping of its own here too, when it reads the nodes from a file.
        self.aspace._nodes = _Nodes(await asyncio.to_thread(_standard_nodes))
        clock = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
        self.aspace.set_attribute_value_callback(clock, ua.AttributeIds.Value, _tell_time)

    def create_session(self, name: str, user: Any = None, external: bool = False) -> Any:
        given = {"user": user} if user else {}
        session = self.session_class(self, self.aspace, self.subscription_service, name, external=external, **given)
        self.sessions.append(session)
        return session

    async def close_sessions(self) -> None:
        """Nobody who was signed in is known any more."""
        while self.sessions:
            await self.sessions.pop().close_session(True)


def _tell_time(node: Any, attribute: Any) -> Any:
    now = datetime.now(UTC)
    return ua.DataValue(ua.Variant(now), SourceTimestamp=now, ServerTimestamp=now)
