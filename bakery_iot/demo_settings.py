"""The environment of `make run`: what is set stays as it is, everything else is made once and kept under var/."""

import errno
import json
import random
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bakery_iot.leftovers import MARK
from bakery_iot.loopback import StartError, port_is_free, try_port, write_private

# One for each protocol, side by side: in a range of their own, where no other server of ours is given a port.
SIMULATORS = 10
SIMULATOR_PORTS = range(16_000, 20_000, SIMULATORS)
ANY_ADDRESS = ("0.0.0.0", "::")
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]


def read_address(environment: Mapping[str, str]) -> tuple[str, int]:
    """HOST and PORT, where a server can listen."""
    host, port = environment.get("HOST") or "127.0.0.1", environment.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise StartError(f"PORT is {port!r}, but must be a number between 1 and 65535, as in: make run PORT=8001")
    try:
        try_port(int(port), host)
    except OSError as error:
        reasons = {
            errno.EADDRINUSE: f"Port {port} on {host} is used by another program. "
            f"Take another one: make run PORT={int(port) % 65_535 + 1}",
            errno.EACCES: f"Port {port} may only be opened by the administrator. Take one above 1023.",
        }
        unknown = f"HOST is {host!r}, which is not an address of this machine ({error.strerror})."
        raise StartError(reasons.get(error.errno or 0, unknown)) from error
    return host, int(port)


def public_url(host: str, port: int) -> str:
    name = "127.0.0.1" if host in ANY_ADDRESS else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def make_environment(given: Mapping[str, str], var: Path, host: str, port: int) -> dict[str, str]:
    """For every process of the demo. A plain http address on this machine needs cookies that work without TLS."""
    names = [*LOOPBACK, host, *([socket.gethostname(), *own_addresses()] if host in ANY_ADDRESS else [])]
    defaults = {
        **stored_secrets(var / "secrets.json"),
        "ALLOWED_HOSTS": ",".join(dict.fromkeys(names)),
        "ALLOW_LOOPBACK_MACHINES": "on",
        "SECURE_COOKIES": "off",
        "PUBLIC_URL": public_url(host, port),
        "HOST": host,
        "PORT": str(port),
    }
    set_by_hand = {name: value for name, value in given.items() if value or name not in defaults}
    return {**defaults, **set_by_hand, MARK: str(var.resolve()), "PYTHONUNBUFFERED": "1"}


def own_addresses() -> list[str]:
    """The address by which others in the network reach this machine. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [str(probe.getsockname()[0])]


def stored_secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        made = {name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")}
        write_private(path, json.dumps(made))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def simulator_port(path: Path) -> int:
    """The first of the ovens' ports: those of last time, if they can be had, because the ovens' settings name them."""
    stored = int(path.read_text()) if path.exists() else None
    for port in filter(None, (stored, *random.sample(SIMULATOR_PORTS, k=100))):
        if all(port_is_free(port + offset) for offset in range(SIMULATORS)):
            if port != stored:
                write_private(path, str(port))
            return port
    raise StartError("No free ports were found for the simulated ovens. Stop some servers and try again.")


def server_name(url: str) -> str:
    """Host and port of a server's URL, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'a local socket'}{f':{parts.port}' if parts.port else ''}"
