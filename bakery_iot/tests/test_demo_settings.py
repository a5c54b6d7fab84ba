"""The environment of `make run`."""

import socket
from pathlib import Path

import pytest

from bakery_iot import demo_settings
from bakery_iot.loopback import StartError


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty', but must be a number"),
        ({"PORT": "70000"}, "PORT is '70000', but must be a number"),
        ({"HOST": "192.0.2.1"}, "HOST is '192.0.2.1', which is not an address of this machine"),
        ({"HOST": "no.such.host.invalid"}, "HOST is 'no.such.host.invalid', which is not an address of this machine"),
    ],
)
def test_a_wrong_host_or_port_is_a_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(StartError, match=sentence):
        demo_settings.read_address(environment)


def test_host_and_port_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_settings, "try_port", lambda port, host: None)
    assert demo_settings.read_address({}) == ("127.0.0.1", 8000)
    assert demo_settings.read_address({"HOST": "::1", "PORT": "8001"}) == ("::1", 8001)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("bakery.local", "http://bakery.local:8000"),
    ],
)
def test_the_address_shown_can_be_opened(host: str, url: str) -> None:
    assert demo_settings.public_url(host, 8000) == url


def test_keys_are_made_once_and_what_is_set_by_hand_wins(tmp_path: Path) -> None:
    made = demo_settings.make_environment({}, tmp_path, "127.0.0.1", 8000)
    again = demo_settings.make_environment({"SECRET_KEY": "mine", "DEBUG": "on"}, tmp_path, "127.0.0.1", 8000)
    assert len(made["SECRET_KEY"]) > 40
    assert made["SECRET_KEY"] != made["FIELD_ENCRYPTION_KEYS"]
    assert again["SECRET_KEY"] == "mine"
    assert again["FIELD_ENCRYPTION_KEYS"] == made["FIELD_ENCRYPTION_KEYS"]
    assert "DEBUG" not in made
    assert again["DEBUG"] == "on"


def test_opened_to_the_network_it_answers_to_this_machines_names(tmp_path: Path) -> None:
    here = demo_settings.make_environment({}, tmp_path, "127.0.0.1", 8000)["ALLOWED_HOSTS"].split(",")
    open_to_all = demo_settings.make_environment({}, tmp_path, "0.0.0.0", 8000)["ALLOWED_HOSTS"].split(",")
    assert here == ["127.0.0.1", "localhost", "[::1]"]
    assert socket.gethostname() in open_to_all
    assert "*" not in open_to_all


def test_the_ovens_keep_their_port_while_it_can_be_had(tmp_path: Path) -> None:
    path = tmp_path / "simulators.port"
    port = demo_settings.simulator_port(path)
    assert demo_settings.simulator_port(path) == port
    with socket.create_server(("127.0.0.1", port)):
        assert demo_settings.simulator_port(path) != port


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgres://bakery:hidden@db.example.com:5432/bakery", "db.example.com:5432"),
        ("redis://:hidden@db.example.com/0", "db.example.com"),
        ("postgres:///bakery", "a local socket"),
    ],
)
def test_a_server_is_named_without_its_password(url: str, name: str) -> None:
    assert demo_settings.server_name(url) == name
