"""supervisord as we set it up: a real one, with programs that break."""

import os
import time
from pathlib import Path

import pytest

from bakery_iot.loopback import StartError
from bakery_iot.supervision import Program, Supervisor, bakery_programs


def test_a_program_that_cannot_start_is_tried_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    tries = tmp_path / "100% tries"
    program = Program(name="broken", command=["/bin/sh", "-c", f"echo . >> '{tries}'; exit 1"])
    supervisor = Supervisor(tmp_path, [], [program])
    try:
        supervisor.start(os.environ, tmp_path)
        supervisor.start_programs([program])
        deadline = time.monotonic() + 30
        while not tries.exists() or len(tries.read_text().split()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert supervisor.states()["broken"] in ("STARTING", "BACKOFF")
    finally:
        supervisor.stop()
    assert not supervisor.is_running()


def test_supervisord_that_cannot_start_says_why(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, [], [Program(name="one", command=["x"], stop_signal="NONSENSE")])
    with pytest.raises(StartError, match="supervisord did not start. It said: .*NONSENSE"):
        supervisor.start(os.environ, tmp_path)


def test_the_web_process_logs_no_addresses_for_they_may_carry_a_token() -> None:
    (web,) = (program for program in bakery_programs("127.0.0.1", 8000, 8800, Path("tokens")) if program.name == "web")
    assert "--no-access-log" in web.command
    assert web.command[web.command.index("--log-level") + 1] == "warning"
