"""A small asyncua server with sign-in and encryption; for nonsense, a socket that sends bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connectors.opc_ua import OpcUaConnector
from connectors.tests.machines import serve_bytes
from connectors.tests.opc_ua_server import ALL_SECURITY, COMBI, OpcUaMachine

_EXAMPLE = OpcUaConnector.example


@asynccontextmanager
async def _served(users: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    machine = OpcUaMachine(security=ALL_SECURITY, users=users)
    await machine.add("combi", "CombiSteamerDevice_1", COMBI)
    async with machine:
        yield machine.options(credentials=_EXAMPLE["credentials"], security_mode="SignAndEncrypt", timeout=10)


def good() -> Any:
    credentials = _EXAMPLE["credentials"]
    return _served({credentials["username"]: credentials["password"]})


def refusing() -> Any:
    return _served({})


@asynccontextmanager
async def nonsense(data: bytes) -> AsyncIterator[dict[str, Any]]:
    async with serve_bytes(data, at_once=True) as machine:
        yield {
            "endpoint": "opc.tcp://127.0.0.1",
            "port": machine.port,
            "credentials": _EXAMPLE["credentials"],
            "additional_config": {"timeout": 0.5},
        }
