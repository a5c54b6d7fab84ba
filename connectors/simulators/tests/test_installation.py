"""What is kept on disk: made once, private, never half written."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.simulators.installation import Installation, write_private_json

KEYS = ["sol-1", "sol-2"]


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ovens.json"
    first = Installation.open(path, KEYS)
    assert Installation.open(path, KEYS) == first
    assert set(first.tokens) == set(KEYS)
    assert abs((datetime.now(UTC) - first.epoch).total_seconds()) < 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    one, two = (Installation.open(tmp_path / name, KEYS) for name in ("one.json", "two.json"))
    secrets = [one.control_token, two.control_token, *one.tokens.values(), *two.tokens.values()]
    assert len(set(secrets)) == 6
    assert min(map(len, secrets)) >= 32


def test_secrets_do_not_show_in_its_repr(tmp_path: Path) -> None:
    found = Installation.open(tmp_path / "ovens.json", KEYS)
    assert not any(secret in repr(found) for secret in (found.control_token, *found.tokens.values()))


def test_a_new_oven_gets_its_key_and_the_others_keep_theirs(tmp_path: Path) -> None:
    path = tmp_path / "ovens.json"
    before = Installation.open(path, KEYS)
    after = Installation.open(path, [*KEYS, "sol-3"])
    assert (after.epoch, after.control_token) == (before.epoch, before.control_token)
    assert after.tokens.items() > before.tokens.items()
    assert Installation.open(path, [*KEYS, "sol-3"]) == after


@pytest.mark.parametrize(
    "damage", ["", "{", "null", "[]", '{"epoch": "soon"}', '{"epoch": "2026-01-01T00:00:00+00:00"}', "\u0000"]
)
def test_a_damaged_file_begins_a_new_life(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ovens.json"
    path.write_text(damage)
    found = Installation.open(path, KEYS)
    assert set(found.tokens) == set(KEYS)
    assert Installation.open(path, KEYS) == found


def test_two_processes_at_once_agree(tmp_path: Path) -> None:
    path = tmp_path / "ovens.json"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Installation.open(path, KEYS), range(16)))
    assert all(installation == found[0] for installation in found)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "ovens.json"
    write_private_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_private_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["ovens.json"]
