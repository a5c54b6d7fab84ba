"""PostgreSQL and Redis as `make run` and the tests start them: real servers, killed for real."""

import functools
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from bakery_iot import embedded, embedded_postgres, embedded_redis, loopback
from bakery_iot.embedded import EmbeddedServer, start_postgres, start_redis
from bakery_iot.loopback import StartError
from conftest import wait_for


@pytest.fixture
def servers() -> Iterator[list[EmbeddedServer]]:
    """Whatever a test puts in here is stopped after it."""
    started: list[EmbeddedServer] = []
    yield started
    for server in started:
        server.stop()


def kill(server: EmbeddedServer) -> None:
    children = psutil.Process(server.process.pid).children(recursive=True)
    for process in (psutil.Process(server.process.pid), *children):
        process.kill()
    server.process.wait()
    psutil.wait_procs(children, timeout=10)


def write_row(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (words text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def read_rows(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT words FROM kept")]


def test_postgres_keeps_its_data_and_its_url_over_a_clean_stop(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.append(start_postgres(tmp_path / "postgres"))
    write_row(servers[0].url, "bread")
    servers[0].stop()
    assert not embedded_postgres.answers(servers[0].url)

    servers.append(start_postgres(tmp_path / "postgres"))
    assert servers[1].url == servers[0].url
    assert read_rows(servers[1].url) == ["bread"]


def test_postgres_killed_with_all_its_processes_recovers_what_was_committed(
    tmp_path: Path, servers: list[EmbeddedServer]
) -> None:
    servers.append(start_postgres(tmp_path / "postgres"))
    write_row(servers[0].url, "bread")
    kill(servers[0])
    assert (tmp_path / "postgres" / "data" / "postmaster.pid").exists(), "nothing stale is left to test with"

    servers.append(start_postgres(tmp_path / "postgres"))
    assert read_rows(servers[1].url) == ["bread"]


def test_a_process_id_that_was_given_to_another_process_does_not_keep_postgres_from_starting(
    tmp_path: Path, servers: list[EmbeddedServer]
) -> None:
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    servers[0].stop()
    pid_file = tmp_path / "postgres" / "data" / "postmaster.pid"
    user = embedded_postgres.system_identity()
    stranger = subprocess.Popen(["sleep", "60"], **(user.for_popen() if user else {}))
    try:
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n")
        servers.append(start_postgres(tmp_path / "postgres", durable=False))
        assert stranger.poll() is None, "the other process was ended"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_database_that_was_half_made_is_made_anew(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    (tmp_path / "postgres" / "draft" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "draft" / "data" / "PG_VERSION").write_text("18\n")
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    write_row(servers[0].url, "bread")
    assert not (tmp_path / "postgres" / "draft").exists()


def test_both_start_in_a_folder_whose_path_is_too_long_for_a_socket(
    tmp_path: Path, servers: list[EmbeddedServer]
) -> None:
    deep = tmp_path / ("a folder with spaces, " * 8) / ("x" * 200)
    servers.append(start_postgres(deep / "postgres", durable=False))
    servers.append(start_redis(deep / "redis"))
    assert embedded_postgres.answers(servers[0].url)
    assert embedded_redis.answers(servers[1].url)


def test_a_second_start_in_the_same_folder_is_refused_with_a_sentence(
    tmp_path: Path, servers: list[EmbeddedServer]
) -> None:
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    servers.append(start_redis(tmp_path / "redis"))
    for start in (start_postgres, start_redis):
        with pytest.raises(StartError, match=r"already runs in .* as process \d+\. Stop it first\."):
            start(tmp_path / start.__name__.removeprefix("start_"))
    assert embedded_postgres.answers(servers[0].url)
    assert embedded_redis.answers(servers[1].url)


def test_two_servers_of_a_kind_run_side_by_side(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.extend(start_redis(tmp_path / name) for name in ("one", "two"))
    with redis.Redis.from_url(servers[0].url) as one, redis.Redis.from_url(servers[1].url) as two:
        one.set("bread", "baked")
        assert two.get("bread") is None


def packaged_or_own() -> list[Path]:
    return list(dict.fromkeys([embedded_redis.find_binary(), embedded_redis.packaged_binary()]))


@pytest.mark.parametrize("binary", packaged_or_own(), ids=lambda path: path.parent.parent.name)
def test_redis_killed_keeps_what_it_was_told(binary: Path, tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.append(start_redis(tmp_path / "redis", binary=binary))
    with redis.Redis.from_url(servers[0].url) as client:
        client.set("bread", "baked")
        # The append-only file is written at once; only the flush to the disk waits for up to a second.
        wait_for(lambda: any(b"baked" in file.read_bytes() for file in tmp_path.rglob("*.aof")), "the append-only file")
    kill(servers[0])

    servers.append(start_redis(tmp_path / "redis", binary=binary))
    with redis.Redis.from_url(servers[1].url) as client:
        assert client.get("bread") == b"baked"


def test_nobody_gets_in_without_the_password(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    servers.append(start_redis(tmp_path / "redis"))
    port = loopback.read_address(tmp_path / "postgres")["port"]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgres://bakery:guessed@127.0.0.1:{port}/bakery")
    with (
        redis.Redis(port=loopback.read_address(tmp_path / "redis")["port"]) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_files_with_passwords_are_for_their_owner_only_and_the_password_shows_nowhere_else(
    tmp_path: Path, servers: list[EmbeddedServer]
) -> None:
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    servers.append(start_redis(tmp_path / "redis"))
    passwords = [loopback.read_address(tmp_path / name)["password"] for name in ("postgres", "redis")]
    holders = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and any(password.encode() in path.read_bytes() for password in passwords)
    ]
    assert {path.name for path in holders} == {"address.json", "redis.conf"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holders)
    for server in servers:
        assert not any(password in repr(server) for password in passwords)
        assert not any(password in " ".join(psutil.Process(server.process.pid).cmdline()) for password in passwords)


def test_a_port_that_somebody_else_took_is_replaced(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.append(start_redis(tmp_path / "redis"))
    servers[0].stop()
    before = loopback.read_address(tmp_path / "redis")
    with socket.create_server(("127.0.0.1", before["port"])):
        servers.append(start_redis(tmp_path / "redis"))
    after = loopback.read_address(tmp_path / "redis")
    assert after["port"] != before["port"]
    assert after["password"] == before["password"]


def test_stopping_ends_only_what_was_started(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.extend(start_redis(tmp_path / name) for name in ("one", "two"))
    servers[0].stop()
    servers[0].stop()
    assert embedded_redis.answers(servers[1].url)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="did not start"):
        start_redis(tmp_path / "redis", binary=Path("/bin/false"))


@pytest.mark.parametrize(
    ("server", "stop_signal"), [("postgres", signal.SIGINT), ("redis", signal.SIGTERM)], ids=["postgres", "redis"]
)
def test_under_a_supervisor_the_server_takes_the_place_of_the_process_and_its_signals(
    server: str, stop_signal: signal.Signals, tmp_path: Path
) -> None:
    room = embedded_postgres if server == "postgres" else embedded_redis
    url = room.prepare(tmp_path / server)
    command = [sys.executable, "-m", "bakery_iot.embedded", server, "--folder", str(tmp_path / server)]
    for sign in (signal.SIGKILL, stop_signal):
        process = subprocess.Popen(command)
        wait_for(functools.partial(room.answers, url), f"{server} to answer", 60)
        found = room.find_running(tmp_path / server)
        assert found is not None
        assert found.pid == process.pid
        children = found.children(recursive=True)
        process.send_signal(sign)
        assert process.wait(30) == (0 if sign == stop_signal else -signal.SIGKILL)
        psutil.wait_procs(children, timeout=30)
        assert room.find_running(tmp_path / server) is None


def test_postgres_waits_for_nobody_when_it_is_stopped(tmp_path: Path, servers: list[EmbeddedServer]) -> None:
    servers.append(start_postgres(tmp_path / "postgres", durable=False))
    with psycopg.connect(servers[0].url):
        begun = time.monotonic()
        servers[0].stop()
        assert time.monotonic() - begun < 10
    assert servers[0].process.returncode == 0


def test_the_command_says_its_sentence_and_fails_when_the_server_runs_already(
    tmp_path: Path, servers: list[EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.append(start_redis(tmp_path / "redis"))
    monkeypatch.setattr(sys, "argv", ["embedded", "redis", "--folder", str(tmp_path / "redis")])
    with pytest.raises(SystemExit, match="Redis already runs in"):
        embedded.main()
