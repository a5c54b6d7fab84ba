"""The smallest bench of all: it runs, writes what it promises, and leaves nothing behind, also when it is stopped."""

import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bakery_iot import embedded_postgres, embedded_redis, leftovers
from bench.processes import PYTHON, ROOT
from conftest import wait_for

pytestmark = pytest.mark.timeout(240)


def start_bench(file: Path, *options: str) -> "subprocess.Popen[str]":
    command = [PYTHON, "-m", "bench", "--only", "modbus", "--file", str(file), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def what_runs(folder: Path) -> Sequence[Any]:
    servers = (embedded_postgres.find_running(folder / "postgres"), embedded_redis.find_running(folder / "redis"))
    return [*leftovers.list_marked(folder), *filter(None, servers)]


def test_five_ovens_are_measured_beside_the_bare_library_and_written_down(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    bench = start_bench(file, "--ovens", "5", "--seconds", "2")
    said, _ = bench.communicate()
    assert bench.returncode == 0, said
    assert "processor time per reading" in said
    assert what_runs(tmp_path / "bench") == []
    found = json.loads(file.read_text())
    assert found.keys() == {"written_at", "commit", "machine", "options", "figures"}
    assert (found["options"]["ovens"], found["options"]["parts"]) == (5, ["modbus"])
    figures = {figure["name"]: figure for figure in found["figures"]}
    cost = figures["processor time per reading"]
    assert 0 < cost["floor_value"] < 50
    assert cost["ratio"] == pytest.approx(cost["value"] / cost["floor_value"])
    assert (cost["floor"], cost["target"], cost["met"]) == ("bare modbus", 2.2, cost["ratio"] <= 2.2)
    assert figures["stored"]["value"] > 0


def test_stopped_in_the_middle_it_ends_what_it_has_started(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    bench = start_bench(tmp_path / "bench.json", "--ovens", "5")
    wait_for(lambda: len(what_runs(folder)) > 2, "servers and programs")
    bench.send_signal(signal.SIGINT)
    said, _ = bench.communicate()
    assert (bench.returncode, what_runs(folder)) == (1, [])
    assert "Stopped" in said
    assert "Traceback" not in said


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    bench = start_bench(tmp_path / "bench.json", "--only", "toasters")
    said, _ = bench.communicate()
    assert (bench.returncode, "toasters" in said) == (2, True)
