"""The three flows of the product, and what it survives: `bakery_iot.run` as a person starts it, used from outside."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Origin

from bakery_iot import embedded_postgres, embedded_redis, leftovers
from bakery_iot.tests.demo_run import command_line
from conftest import wait_for

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)


@dataclass
class Product:
    """A running demo: its address, its people and its processes."""

    url: str
    var: Path
    users: dict[str, dict[str, str]] = field(default_factory=dict)

    def api(self, role: str = "manager") -> httpx.Client:
        token = self.users[role]["api_token"]
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Token {token}"},
            timeout=30,
            trust_env=False,
        )

    def socket(self) -> Connection:
        token = self.users["manager"]["api_token"]
        address = self.url.replace("http", "ws") + "/ws/live/"
        return connect(
            address,
            additional_headers={"Authorization": f"Token {token}"},
            origin=Origin(self.url),
            proxy=None,
        )

    def processes(self, *words: str) -> list[psutil.Process]:
        """The product's own processes whose command line holds all the words."""
        found = [*leftovers.list_marked(self.var), *servers_of(self.var)]
        return [process for process in found if all(word in command_line(process) for word in words)]

    def database(self) -> "psycopg.Connection[Any]":
        environment = leftovers.list_marked(self.var)[0].environ()
        return psycopg.connect(environment["DATABASE_URL"], autocommit=True)


def servers_of(var: Path) -> list[psutil.Process]:
    found = (embedded_postgres.find_running(var / "postgres"), embedded_redis.find_running(var / "redis"))
    return [process for process in found if process]


def start(var: Path) -> "subprocess.Popen[bytes]":
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")
    }
    with (var.parent / "run.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "bakery_iot.run", "--var", str(var)],
            cwd=ROOT,
            env={**kept, "PORT": str(port), "HOST": "127.0.0.1"},
            stdout=log,
            stderr=log,
        )


def wait_until_it_runs(var: Path, process: "subprocess.Popen[bytes]") -> Product:
    def welcome() -> bool:
        assert process.poll() is None, (var.parent / "run.log").read_text()
        return "Ctrl-C stops everything." in (var.parent / "run.log").read_text()

    wait_for(welcome, "the product to start", 120)
    demo = json.loads((var / "demo.json").read_text())
    return Product(url=demo["url"], var=var, users=demo["users"])


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    var = tmp_path_factory.mktemp("product") / "var"
    process = start(var)
    try:
        yield wait_until_it_runs(var, process)
    finally:
        process.terminate()
        process.wait(90)
    assert leftovers.list_marked(var) == [], "the product left processes behind"
    assert servers_of(var) == []


def next_states(page: Connection) -> list[dict[str, Any]]:
    while True:
        message = json.loads(page.recv(timeout=30))
        if message["type"] == "states":
            return list(message["states"])


def machines(product: Product) -> list[dict[str, Any]]:
    with product.api() as api:
        return list(api.get("/equipment").json()["results"])


def readings_since(product: Product, moment: str) -> dict[int, int]:
    with product.database() as database:
        rows = database.execute(
            "SELECT equipment_id, count(*) FROM equipment_sensor_readings WHERE received_at > %s GROUP BY 1", [moment]
        ).fetchall()
    return dict(rows)


def now(product: Product) -> str:
    with product.database() as database:
        return str(database.execute("SELECT now()").fetchone()[0])  # type: ignore[index]


def test_twelve_ovens_speak_on_the_page_within_seconds(product: Product) -> None:
    seen: dict[str, set[str]] = {}
    with product.socket() as page:
        while len(seen) < 12 or min(map(len, seen.values())) < 2:
            for state in next_states(page):
                seen.setdefault(state["equipment_id"], set()).add(state["timestamp"])
    statuses = {state["operational_status"] for state in snapshot(product)["states"]}
    assert {"running", "preheating", "error"} <= statuses
    assert statuses & {"off", "standby", "idle"}


def snapshot(product: Product) -> dict[str, Any]:
    with product.socket() as page:
        message: dict[str, Any] = json.loads(page.recv(timeout=30))
    assert message["type"] == "snapshot"
    return message


def test_the_socket_and_the_api_say_the_same(product: Product) -> None:
    (state, *_) = snapshot(product)["states"]
    with product.api() as api:
        data = api.get(f"/equipment/{state['equipment_id']}/realtime-data").json()
        history = api.get(f"/equipment/{state['equipment_id']}/sensor-history").json()
    assert data["equipment_name"] == state["equipment_name"]
    assert data["connection_status"] == "connected"
    assert data["timestamp"] >= state["timestamp"]
    assert history["total_readings"] > 100  # the demo begins with a day of history


def test_a_connection_is_tested_from_the_gateway(product: Product) -> None:
    machine = machines(product)[0]
    with product.api() as api:
        saved = api.post(f"/equipment/{machine['id']}/test-connection").json()
        assert saved["success"] is True and saved["status"] == "connected"
        posted = api.post(
            f"/equipment/{machine['id']}/test-connection",
            json={"protocol": "rest_api", "endpoint": "http://127.0.0.1:9", "credentials": {}},
        ).json()
    assert (posted["success"], posted["error_code"]) == (False, "refused")
    assert "127.0.0.1:9" in posted["message"]


def test_new_settings_reach_the_line_and_a_wrong_password_is_shown(product: Product) -> None:
    tokens = json.loads((product.var / "simulators.json").read_text())
    machine = next(m for m in machines(product) if "token" in m["iot_credentials_set"])
    good = next(token for key, token in tokens["tokens"].items() if key == machine["iot_config"].get("device_id"))
    settings = {
        "protocol": "rest_api",
        "endpoint": machine["iot_endpoint"],
        "port": machine["iot_port"],
        "additional_config": machine["iot_config"],
    }

    def configure(token: str) -> dict[str, Any]:
        with product.api() as api:
            answer = api.post(
                f"/equipment/{machine['id']}/iot-config", json={**settings, "credentials": {"token": token}}
            )
        assert answer.status_code == 200
        return dict(answer.json())

    def status() -> tuple[str, str]:
        found = next(s for s in snapshot(product)["states"] if s["equipment_id"] == machine["id"])
        return found["connection_status"], found["connection_error_code"]

    refused = configure("wrong")
    assert refused["success"] is True
    assert refused["connection_test_result"]["success"] is False
    wait_for(lambda: status() == ("error", "auth"), "the refusal on the page", 30)
    accepted = configure(good)
    assert set(accepted["connection_test_result"]) == {"success", "status", "response_time_ms"}
    wait_for(lambda: status() == ("connected", ""), "the new password on the page", 30)


@pytest.mark.parametrize(
    "words",
    [("uvicorn",), ("celery", "poll.central"), ("celery", "worker@"), ("celery", "beat"), ("redis",)],
    ids=" ".join,
)
def test_whatever_is_killed_comes_back_and_so_do_the_values(product: Product, words: tuple[str, ...]) -> None:
    (process,) = outermost(product.processes(*words))
    moment = now(product)
    process.send_signal(signal.SIGKILL)
    wait_for(lambda: [p for p in product.processes(*words) if p.pid != process.pid], "the supervisor", 30)

    def all_twelve_speak() -> bool:
        seen: set[str] = set()
        try:
            with product.socket() as page:
                while len(seen) < 12:
                    seen |= {state["equipment_id"] for state in next_states(page)}
        except (OSError, TimeoutError, WebSocketException):
            return False
        return True

    wait_for(all_twelve_speak, "all ovens to speak again", 60)
    assert len(readings_since(product, moment)) == 12


def outermost(found: list[psutil.Process]) -> list[psutil.Process]:
    """Without the children of the same name."""
    pids = {process.pid for process in found}
    return [process for process in found if process.ppid() not in pids]


def test_a_database_that_hangs_costs_no_reading(product: Product) -> None:
    started_at = now(product)
    (postgres,) = [p for p in servers_of(product.var) if "redis" not in command_line(p)]
    frozen = [*postgres.children(), postgres]
    with product.api() as api:
        asked = oven_requests(product)
        signal_all(frozen, signal.SIGSTOP)
        # The ovens go on being read, which shows how long the outage has lasted.
        wait_for(lambda: oven_requests(product) > asked + 60, "the ovens to be read meanwhile", 30)
        signal_all(frozen[::-1], signal.SIGCONT)
        wait_for(lambda: api.get("/equipment").status_code == 200, "the database", 30)

    def widest_hole() -> float:
        with product.database() as database:
            row = database.execute(
                "SELECT max(step) FROM (SELECT reading_time - lag(reading_time) OVER"
                " (PARTITION BY equipment_id ORDER BY reading_time) AS step"
                " FROM equipment_sensor_readings WHERE received_at > %s) AS steps",
                [started_at],
            ).fetchone()
        return float(row[0].total_seconds()) if row and row[0] else 99.0

    wait_for(lambda: len(readings_since(product, started_at)) == 12, "readings of all ovens", 30)
    slowest = max(machine["poll_interval_seconds"] for machine in machines(product))
    wait_for(lambda: widest_hole() <= slowest + 2, "the readings of these seconds", 30)


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Some of PostgreSQL's processes come and go."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def oven_requests(product: Product) -> int:
    """How often the simulated ovens have been asked for a reading."""
    tokens = json.loads((product.var / "simulators.json").read_text())
    port = int((product.var / "simulators.port").read_text())
    answer = httpx.get(
        f"http://127.0.0.1:{port}/control",
        headers={"Authorization": f"Bearer {tokens['control_token']}"},
        trust_env=False,
    )
    return sum(answer.json()["requests"].values())


def test_all_killed_at_once_starts_again_with_the_data(tmp_path: Path) -> None:
    var = tmp_path / "var"
    process = start(var)
    try:
        product = wait_until_it_runs(var, process)
        wait_for(lambda: len(readings_since(product, "2000-01-01")) == 12, "the first readings", 60)
        with product.database() as database:
            (before,) = database.execute("SELECT count(*) FROM equipment_sensor_readings").fetchone()  # type: ignore[misc]
        users = product.users
        for victim in [psutil.Process(process.pid), *product.processes()]:
            victim.send_signal(signal.SIGKILL)
        process.wait()
        (var.parent / "run.log").unlink()
        process = start(var)
        product = wait_until_it_runs(var, process)
        assert product.users == users
        with product.database() as database:
            (after,) = database.execute("SELECT count(*) FROM equipment_sensor_readings").fetchone()  # type: ignore[misc]
        assert after >= before
    finally:
        process.terminate()
        process.wait(90)
    assert leftovers.list_marked(var) == []
