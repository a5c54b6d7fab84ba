"""`make run` as a person meets it: real processes, killed for real, and nothing left behind."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bakery_iot import embedded_postgres, run
from bakery_iot.embedded import start_postgres, start_redis
from bakery_iot.loopback import free_port, read_address
from bakery_iot.tests.demo_run import PROGRAMS, Demo, command_line, eventually


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One folder for all the tests below, as a person has one."""
    started = Demo(tmp_path_factory.mktemp("a clone in a folder with spaces") / "var", free_port())
    yield started
    started.end()


@pytest.fixture
def running(demo: Demo) -> Demo:
    if demo.process is None or demo.process.poll() is not None:
        demo.start()
    return demo


@pytest.mark.timeout(300)
def test_it_says_address_and_sign_ins_and_readings_come_in(running: Demo) -> None:
    facts: dict[str, Any] = json.loads((running.var / "demo.json").read_text())
    assert facts["url"] == running.url
    for role in ("manager", "staff", "stranger"):
        user = facts["users"][role]
        assert user["username"] in running.said
        assert user["password"] in running.said
    assert running.answers()
    assert set(running.programs()) == PROGRAMS | {"supervisord"}
    eventually(running.readings, running)


@pytest.mark.timeout(300)
def test_everything_that_dies_is_started_again(running: Demo) -> None:
    before = running.programs()
    for name in PROGRAMS:
        before[name].kill()

    def all_are_new() -> bool:
        now = running.programs()
        return set(now) == set(before) and all(now[name].pid != before[name].pid for name in PROGRAMS)

    eventually(all_are_new, running)
    eventually(running.answers, running)
    count = running.readings()
    eventually(lambda: running.readings() > count, running)


@pytest.mark.timeout(300)
def test_a_second_one_says_that_the_first_runs_and_leaves_it_alone(running: Demo) -> None:
    before = {name: process.pid for name, process in running.programs().items()}
    second = running.open()
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert f"already runs here, at {running.url}" in said
    assert {name: process.pid for name, process in running.programs().items()} == before


@pytest.mark.timeout(300)
def test_files_with_secrets_are_for_their_owner_only_and_no_log_or_command_line_holds_one(running: Demo) -> None:
    facts = json.loads((running.var / "demo.json").read_text())
    secrets = [user[what] for user in facts["users"].values() for what in ("password", "api_token")]
    secrets += json.loads((running.var / "secrets.json").read_text()).values()
    secrets += [read_address(running.var / name)["password"] for name in ("postgres", "redis")]
    assert stat.S_IMODE(running.var.stat().st_mode) & 0o066 == 0
    for path in running.var.rglob("*"):
        if (
            path.is_file()
            and "data" not in path.parts
            and any(secret in path.read_text("latin-1") for secret in secrets)
        ):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            assert path.parent.name != "log", path
    for process in running.programs().values():
        assert not any(secret in command_line(process) for secret in secrets)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_it_ends_all_it_started_and_starting_it_goes_on_with_the_data_in_time(
    running: Demo, sign: signal.Signals
) -> None:
    eventually(running.readings, running)
    facts, count = (running.var / "demo.json").read_text(), running.readings()
    programs = running.programs()
    assert "goes on with the same data" in running.stop(sign)
    assert running.process is not None
    assert running.process.returncode == 0
    assert running.programs() == {}
    assert not any(process.is_running() for process in programs.values())

    # Where other things run at the same time, as on a developer's machine, the time says nothing.
    calm = os.getloadavg()[0] < (os.cpu_count() or 1)
    assert running.start() < (15 if calm else 100)
    assert running.readings() >= count
    assert json.loads((running.var / "demo.json").read_text()) == json.loads(facts)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("survivors", [set(), PROGRAMS], ids=["all at once", "all but the programs"])
def test_after_kill_9_of_everything_it_starts_again(running: Demo, survivors: set[str]) -> None:
    eventually(running.readings, running)
    count = running.readings()
    victims = running.programs()
    assert running.process is not None
    running.process.kill()
    victims["supervisord"].kill()
    for name in PROGRAMS - survivors:
        victims[name].kill()
    running.process.communicate()

    running.start()
    now = running.programs()
    assert set(now) == PROGRAMS | {"supervisord"}
    assert not any(process.is_running() for process in victims.values()), "an old process lives on beside the new"
    assert running.readings() >= count
    more = running.readings()
    eventually(lambda: running.readings() > more, running)


@pytest.mark.timeout(300)
def test_when_supervisord_is_killed_nothing_is_left_running(running: Demo) -> None:
    programs = running.programs()
    programs["supervisord"].kill()
    assert running.process is not None
    said, _ = running.process.communicate(timeout=100)
    assert "supervisord ended without being asked to" in said
    assert running.process.returncode == 1
    assert not any(process.is_running() for process in programs.values())


@pytest.mark.timeout(300)
def test_with_servers_of_its_own_nothing_embedded_starts(tmp_path: Path) -> None:
    postgres, redis = start_postgres(tmp_path / "postgres", durable=False), start_redis(tmp_path / "redis")
    demo = Demo(tmp_path / "var", free_port(), DATABASE_URL=postgres.url, REDIS_URL=redis.url)
    try:
        demo.start()
        assert set(demo.programs()) == (PROGRAMS | {"supervisord"}) - {"postgres", "redis"}
        assert not (demo.var / "postgres").exists()
        demo.stop()
        assert embedded_postgres.answers(postgres.url), "it stopped a server that it had not started"
    finally:
        demo.end()
        postgres.stop()
        redis.stop()


def test_servers_that_are_named_but_away_are_a_sentence_without_the_password(tmp_path: Path) -> None:
    port = free_port()
    demo = Demo(tmp_path / "var", free_port(), DATABASE_URL=f"postgres://bakery:hidden@127.0.0.1:{port}/bakery")
    try:
        said, _ = demo.open().communicate(timeout=100)
        assert f"No server answers at 127.0.0.1:{port} (DATABASE_URL). Start it, or unset DATABASE_URL" in said
        assert "hidden" not in said
        assert "Traceback" not in said
        assert demo.programs() == {}
    finally:
        demo.end()


def test_a_taken_port_is_a_sentence_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said, _ = Demo(tmp_path / "var", port).open().communicate(timeout=60)
    assert f"Port {port} on 127.0.0.1 is used by another program." in said
    assert f"make run PORT={port + 1}" in said
    assert "Traceback" not in said


def test_the_box_shows_every_sign_in_in_a_frame() -> None:
    users = {role: {"username": f"{role}@x", "password": "p" * 20} for role in ("manager", "staff")}
    box = run.welcome({"url": "http://127.0.0.1:8000", "users": users}, Path("var")).strip().splitlines()
    assert len({len(line) for line in box}) == 1
    assert sum("p" * 20 in line for line in box) == 2


def test_a_program_that_was_started_again_is_told_once_a_minute() -> None:
    restarts = run.Restarts()
    assert restarts.new({"web": 1, "beat": 2}, now=0) == []
    assert restarts.new({"web": 0, "beat": 2}, now=1) == []
    assert restarts.new({"web": 3, "beat": 2}, now=2) == ["web"]
    assert restarts.new({"web": 4, "beat": 2}, now=3) == []
    assert restarts.new({"web": 4, "beat": 5}, now=4) == ["beat"]
    assert restarts.new({"web": 6, "beat": 5}, now=63) == ["web"]
