"""Real servers for the tests: PostgreSQL and Redis of their own, unless DATABASE_URL and REDIS_URL name some."""

import asyncio
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import django
import pytest
import uvicorn
import uvloop
from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db.models.signals import post_migrate
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from bakery_iot.embedded import EmbeddedServer, start_postgres, start_redis
from connectors.simulators.http import SimulatedBakery

T = TypeVar("T")
# CI tries the same examples each time, so that what fails there fails at the desk too; a desk tries new ones.
hypothesis_settings.register_profile("ci", derandomize=True, deadline=None)
_started: list[EmbeddedServer] = []
_folder = Path(tempfile.mkdtemp(prefix="bakery-iot-tests-"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before pytest-django reads the settings."""
    if os.environ.get("CI"):
        hypothesis_settings.load_profile("ci")
    if not os.environ.get("DATABASE_URL"):
        _started.append(start_postgres(_folder / "postgres", durable=False))
        os.environ["DATABASE_URL"] = _started[-1].url
    # Run side by side (pytest -n), each has a database of its own on one server, but Redis knows no such walls:
    # what is published to a group reaches every database of it.
    if not os.environ.get("REDIS_URL") or os.environ.get("PYTEST_XDIST_WORKER"):
        _started.append(start_redis(_folder / "redis"))
        os.environ["REDIS_URL"] = _started[-1].url
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe())
    os.environ.setdefault("FIELD_ENCRYPTION_KEYS", secrets.token_urlsafe())
    os.environ.setdefault("SECURE_COOKIES", "off")
    os.environ["ALLOW_LOOPBACK_MACHINES"] = "on"
    os.environ["DJANGO_SETTINGS_MODULE"] = "bakery_iot.settings"
    django.setup()
    # Processes that run side by side inherit this one's environment. With the name of the settings in it they would
    # read them before they come here, and share this one's Redis.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    # Half a second for each user made is what a good hash costs; here it protects nobody.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_unconfigure(config: pytest.Config) -> None:
    while _started:
        _started.pop().stop()
    shutil.rmtree(_folder, ignore_errors=True)


# These start the whole product, or kill parts of it: two at once are too slow for both, so one process has them all.
WHOLE_PRODUCT = (
    "bakery_iot/tests/test_flows.py",
    "bakery_iot/tests/test_fresh_clone.py",
    "bakery_iot/tests/test_install.py",
    "bakery_iot/tests/test_killed_poll_worker.py",
    "bakery_iot/tests/test_killed_while_sending.py",
    "bakery_iot/tests/test_run.py",
    "bakery_iot/tests/test_stand_by.py",
    "bench/tests/test_bench.py",
)


class ByFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Side by side (pytest -n) a file's tests stay together: they share what its fixtures have started."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "the whole product" if file in WHOLE_PRODUCT else file


# pytest-xdist's own `loadgroup` does nothing under this pytest: it renames tests, and pytest keeps their names.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFiles:
    return ByFiles(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in WHOLE_PRODUCT)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """A test that commits empties all tables at its end; what the migrations put there comes back for the next."""
    from django.contrib.auth.models import Group

    from equipment.models import Gateway

    names: Any = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
    with django_db_blocker.unblock():
        rows = serializers.serialize("json", [*Group.objects.all(), *Gateway.objects.all()], **names)

    def bring_back(**kwargs: Any) -> None:
        for row in serializers.deserialize("json", rows):
            row.save()

    last = list(apps.get_app_configs())[-1]
    post_migrate.connect(bring_back, sender=last, weak=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything is installed, so a skipped test is a failed one."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped in CI, where nothing may be: {report.longrepr}"
    return report


def wait_for(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """The condition's first true value. For what other processes and threads do; never a fixed sleep."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"Waited {seconds} s in vain for {what}")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of the poll worker: it differs from asyncio's own where a line breaks."""
    return {"uvloop": uvloop.new_event_loop}


class BackgroundLoop:
    """An asyncio loop on a thread of its own, for servers that a synchronous test talks to."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture
def background() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop()
    yield loop
    loop.close()


@pytest.fixture
def ovens(background: BackgroundLoop) -> Iterator[SimulatedBakery]:
    """The simulated ovens, served over HTTP on loopback."""
    bakery = SimulatedBakery()
    background.run(bakery.start())
    yield bakery
    background.run(bakery.stop())


@pytest.fixture
def site(background: BackgroundLoop, transactional_db: None) -> Iterator[str]:
    """The address of the whole site, pages and socket, served by uvicorn on loopback."""
    from bakery_iot.asgi import application, request_threads

    server = uvicorn.Server(
        uvicorn.Config(
            application,
            port=0,
            lifespan="off",
            log_level="warning",
            ws_ping_interval=None,
            http="bakery_iot.doorkeeper:HttpLine",
            ws="bakery_iot.doorkeeper:SocketLine",
        )
    )
    serving = asyncio.run_coroutine_threadsafe(server.serve(), background.loop)
    wait_for(lambda: server.started, "uvicorn")
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    serving.result(15)
    request_threads.close()
