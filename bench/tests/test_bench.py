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


def start_bench(file: Path, *parts: str) -> "subprocess.Popen[str]":
    command = [PYTHON, "-m", "bench", "--ovens", "5", "--seconds", "2", "--file", str(file), "--only", *parts]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def what_runs(folder: Path) -> Sequence[Any]:
    servers = (embedded_postgres.find_running(folder / "postgres"), embedded_redis.find_running(folder / "redis"))
    return [*leftovers.list_marked(folder), *filter(None, servers)]


def test_five_ovens_are_measured_and_whoever_stops_the_next_part_finds_the_figures_and_nothing_running(
    tmp_path: Path,
) -> None:
    file, folder = tmp_path / "bench.json", tmp_path / "bench"
    bench = start_bench(file, "modbus", "soak")
    wait_for(lambda: file.exists() or bench.poll() is not None, "the first part", seconds=150)
    assert len(what_runs(folder)) > 5
    bench.send_signal(signal.SIGINT)
    said, _ = bench.communicate()
    assert (bench.returncode, what_runs(folder), list(folder.glob("*/"))) == (1, [], []), said
    assert "processor time per reading" in said
    assert "Stopped" in said
    assert "Traceback" not in said
    check(json.loads(file.read_text()))


def check(found: Any) -> None:
    assert found.keys() == {"written_at", "commit", "machine", "options", "figures"}
    assert (found["options"]["ovens"], found["options"]["parts"]) == (5, ["modbus", "soak"])
    figures = {figure["name"]: figure for figure in found["figures"]}
    cost = figures["processor time per reading"]
    assert 0 < cost["floor_value"] < 50
    assert cost["ratio"] == pytest.approx(cost["value"] / cost["floor_value"])
    assert (cost["floor"], cost["target"], cost["met"]) == ("bare modbus", pytest.approx(2.2), cost["ratio"] <= 2.2)
    assert figures["stored"]["value"] > 0


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    bench = start_bench(tmp_path / "bench.json", "toasters")
    said, _ = bench.communicate()
    assert (bench.returncode, "toasters" in said) == (2, True)
