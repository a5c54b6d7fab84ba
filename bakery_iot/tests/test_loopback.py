"""Ports of this machine, and files for their owner only."""

import json
import socket
import stat
from pathlib import Path

import pytest

from bakery_iot import loopback


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(limits.read_text().split()[0]) if limits.exists() else 49_152
    assert loopback.free_port() in loopback.PORTS
    assert loopback.PORTS.stop <= first


def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("old")
    path.chmod(0o644)
    (tmp_path / "secrets.json.new").write_text("left by a kill")
    loopback.write_private(path, json.dumps({"new": True}))
    assert json.loads(path.read_text()) == {"new": True}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_port_is_free_until_somebody_listens_and_again_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not loopback.port_is_free(port)
        with pytest.raises(OSError, match="in use"):
            loopback.try_port(port, "127.0.0.1")
    assert loopback.port_is_free(port)


def test_a_port_whose_last_connections_are_still_fading_out_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    assert loopback.port_is_free(port)


def test_a_servers_address_stays_until_its_port_is_taken_and_its_password_for_ever(tmp_path: Path) -> None:
    first = loopback.settle_address(tmp_path)
    assert loopback.settle_address(tmp_path) == first
    with socket.create_server(("127.0.0.1", first["port"])):
        second = loopback.settle_address(tmp_path)
    assert second["port"] != first["port"]
    assert second["password"] == first["password"]
    assert loopback.read_address(tmp_path) == second


def test_two_servers_get_different_passwords(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (loopback.settle_address(tmp_path / name)["password"] for name in ("one", "two"))
    assert one != two
    assert len(one) >= 32


def test_when_every_port_is_taken_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "port_is_free", lambda port: False)
    with pytest.raises(loopback.StartError, match="No free port was found between 20000 and 32000"):
        loopback.free_port()
