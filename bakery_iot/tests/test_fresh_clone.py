"""`make run` in a fresh clone with an empty home, to the first live value. It installs everything, so: in CI only."""

import functools
import json
import os
import shutil
import signal
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakery_iot import leftovers, run
from bakery_iot.loopback import free_port
from conftest import wait_for

ROOT = Path(__file__).resolve().parents[2]
OF_THE_TEST_SESSION = {
    "ALLOW_LOOPBACK_MACHINES",
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "FIELD_ENCRYPTION_KEYS",
    "MAKELEVEL",
    "MAKEFLAGS",
    "REDIS_URL",
    "SECRET_KEY",
    "SECURE_COOKIES",
}


def clone_of_this_folder(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    if not os.environ.get("CI"):
        pytest.skip("Installs everything anew, which takes minutes. Run it with: CI=true make test")
    folder = tmp_path / "a fresh clone"
    clone_of_this_folder(folder)
    yield folder
    run.end_leftovers(folder / "var")


def make_run(folder: Path, home: Path, port: int) -> "subprocess.Popen[str]":
    """Returns when the box with the address is on the screen."""
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TEST_SESSION}
    made = subprocess.Popen(
        ["make", "run"],
        cwd=folder,
        env={**kept, "HOME": str(home), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert made.stdout is not None
    said = ""
    for line in made.stdout:
        said += line
        if "Ctrl-C stops everything" in line:
            assert all(f"[{step}/6]" in said for step in range(1, 7)), said
            return made
    made.communicate()
    raise AssertionError(said)


def live_values(folder: Path, since: datetime) -> list[float]:
    """The temperatures that ovens have reported since then, as a manager gets them."""
    facts = json.loads((folder / "var" / "demo.json").read_text())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    browser.addheaders = [("Authorization", f"Token {facts['users']['manager']['api_token']}")]

    def get(path: str) -> Any:
        with browser.open(f"{facts['url']}/api/v1/equipment{path}") as answer:
            return json.load(answer)

    states = [get(f"/{machine['id']}/realtime-data") for machine in get("")["results"]]
    return [
        state["temperature"]
        for state in states
        if state["timestamp"]
        and datetime.fromisoformat(state["timestamp"]) > since
        and state["temperature"] is not None
    ]


@pytest.mark.timeout(480)
def test_a_fresh_clone_shows_live_values_within_four_minutes_and_leaves_nothing_when_make_is_stopped(
    fresh: Path, tmp_path: Path
) -> None:
    begun, since, port = time.monotonic(), datetime.now(UTC), free_port()
    # make passes SIGTERM on, and keeps an interruption that only it was sent to itself.
    for sign in (signal.SIGTERM, signal.SIGINT):
        made = make_run(fresh, tmp_path / "home", port)
        try:
            wait_for(functools.partial(live_values, fresh, since), "a live value", 240 - (time.monotonic() - begun))
            assert stat.S_IMODE((fresh / "var" / "demo.json").stat().st_mode) == 0o600
        finally:
            made.send_signal(sign)
            said, _ = made.communicate(timeout=100)
        assert "goes on with the same data" in said
        assert leftovers.list_marked(fresh / "var") == []
        since = datetime.now(UTC)
    changed = {name for name in os.listdir(fresh) if not (ROOT / name).exists()}
    assert changed <= {".venv", "node_modules", "var"}
