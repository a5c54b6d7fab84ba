"""A PostgreSQL and a Redis for the bench alone, and an environment that names them and no others."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bakery_iot import run
from bakery_iot.embedded import EmbeddedServer, start_postgres, start_redis
from bakery_iot.leftovers import MARK
from bakery_iot.loopback import free_port


@dataclass(frozen=True)
class Servers:
    folder: Path
    postgres: EmbeddedServer
    redis: EmbeddedServer
    environment: dict[str, str] = field(repr=False)


@contextlib.contextmanager
def bench_servers(folder: Path) -> Iterator[Servers]:
    """Inside, they run; `folder` is theirs, and is gone afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with run.only_one_run(folder):
        _clear(folder)
        (folder / "log").mkdir()
        with contextlib.ExitStack() as stack:
            stack.callback(_clear, folder)
            postgres = start_postgres(folder / "postgres")
            stack.callback(postgres.stop)
            redis = start_redis(folder / "redis")
            stack.callback(redis.stop)
            yield Servers(folder, postgres, redis, _environment(folder, postgres.url, redis.url))


def _clear(folder: Path) -> None:
    """Also what an earlier bench left behind when it was killed."""
    run.end_leftovers(folder)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """What a person has set for an installation of his own must not lead the bench there."""
    return {
        **os.environ,
        "DEBUG": "off",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "FIELD_ENCRYPTION_KEYS": secrets.token_urlsafe(48),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALLOW_LOOPBACK_MACHINES": "on",
        "ALLOWED_HOSTS": "127.0.0.1",
        "CSRF_TRUSTED_ORIGINS": "",
        "SECURE_COOKIES": "off",
        # All viewers of a bench are one person.
        "MOST_SOCKETS_PER_USER": "2000",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        MARK: str(folder.resolve()),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "bakery_iot.settings",
    }
