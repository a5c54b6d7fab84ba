"""Processes that an earlier start left behind: found by proof, ended, and nobody else touched."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bakery_iot import leftovers
from conftest import wait_for


def test_marked_processes_are_found_by_their_folder_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    mine, theirs, unmarked = (
        subprocess.Popen(["sleep", "60"], env={**os.environ, **mark})
        for mark in (
            {leftovers.MARK: str(tmp_path / "mine")},
            {leftovers.MARK: str(tmp_path / "theirs")},
            {},
        )
    )
    try:
        found = wait_for(lambda: leftovers.list_marked(tmp_path / "mine"), "the marked process")
        assert [process.pid for process in found] == [mine.pid]
        leftovers.end(leftovers.list_marked(tmp_path / "mine"), sign=signal.SIGTERM, grace_seconds=10)
        assert leftovers.list_marked(tmp_path / "mine") == []
        assert theirs.poll() is None
        assert unmarked.poll() is None
    finally:
        for process in (mine, theirs, unmarked):
            process.kill()
            process.wait()


def test_what_does_not_stop_when_asked_is_killed(tmp_path: Path) -> None:
    stubborn = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; echo; exec sleep 60"],
        stdout=subprocess.PIPE,
        env={**os.environ, leftovers.MARK: str(tmp_path)},
    )
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    leftovers.end(leftovers.list_marked(tmp_path), sign=signal.SIGTERM, grace_seconds=0.2)
    assert leftovers.list_marked(tmp_path) == []
    stubborn.communicate(timeout=10)


@pytest.mark.parametrize("content", ["", "nonsense", "1", "99999999", "our own"])
def test_a_process_id_file_without_its_server_names_nobody(content: str, tmp_path: Path) -> None:
    (tmp_path / "server.pid").write_text(str(os.getpid()) if content == "our own" else content)
    assert leftovers.find_server(tmp_path / "server.pid", tmp_path) is None
    assert leftovers.find_server(tmp_path / "missing.pid", tmp_path) is None
