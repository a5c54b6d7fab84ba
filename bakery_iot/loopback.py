"""Ports of this machine, files only their owner may read, and the address an embedded server keeps."""

import json
import os
import random
import secrets
import socket
from pathlib import Path
from typing import TypedDict

# Below the ports that systems give to outgoing connections. From among those, a client that keeps trying a server that
# is away would one day be given the server's own port, be connected to itself, and keep the server from coming back.
PORTS = range(20_000, 32_000)


class Address(TypedDict):
    port: int
    password: str


class StartError(Exception):
    """A sentence for the person at the terminal: what happened and what to do next."""


def try_port(port: int, host: str) -> None:
    """OSError says why a server could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do: a port whose last connections are still fading out is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def port_is_free(port: int) -> bool:
    try:
        try_port(port, "127.0.0.1")
    except OSError:
        return False
    return True


def free_port() -> int:
    for port in random.sample(PORTS, k=200):
        if port_is_free(port):
            return port
    raise StartError(f"No free port was found between {PORTS.start} and {PORTS.stop}. Stop some servers and try again.")


def settle_port(stored: int | None) -> int:
    """The port of last time while nobody else has taken it: what was told the old one keeps working."""
    return stored if stored is not None and port_is_free(stored) else free_port()


def settle_address(folder: Path) -> Address:
    """Port and password of the server in `folder`: made once, and the port again when somebody else took it."""
    stored = read_address(folder) if (folder / "address.json").exists() else None
    address = Address(
        port=settle_port(stored["port"] if stored else None),
        password=stored["password"] if stored else secrets.token_urlsafe(24),
    )
    if address != stored:
        write_private(folder / "address.json", json.dumps(address))
    return address


def read_address(folder: Path) -> Address:
    address: Address = json.loads((folder / "address.json").read_text())
    return address


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all: a kill in between leaves the old one."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
