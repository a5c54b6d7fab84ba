"""What `make run` does before anything is installed. The whole of it, in a fresh clone, runs in CI only."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bakery_iot import install

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of this one."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    return tmp_path


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def test_it_needs_nothing_but_the_standard_library() -> None:
    lines = (ROOT / "bakery_iot" / "install.py").read_text()
    imported = set(re.findall(r"^(?:import (?=\w+$)|from (?=\S+ import ))(\w+)", lines, re.MULTILINE))
    assert {"argparse", "pathlib"} <= imported <= sys.stdlib_module_names


def test_requirements_that_did_not_change_are_not_installed_again(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements = clone / "requirements.txt"
    requirements.write_text("bread==1.0 \\\n    --hash=sha256:00\nbutter==2.0\n")
    program(clone / ".venv/bin/python", 'echo "$@" >> "$(dirname "$0")/calls"', "echo Collecting bread==1.0")
    for _ in range(2):
        install.install_requirements(install.Progress(2, "Python packages"), [requirements])
    calls = (clone / ".venv/bin/calls").read_text().splitlines()
    assert len(calls) == 1
    assert "--require-hashes" in calls[0]

    requirements.write_text("bread==1.1\n")
    install.install_requirements(install.Progress(2, "Python packages"), [requirements])
    assert len((clone / ".venv/bin/calls").read_text().splitlines()) == 2
    assert "[2/6] Python packages: 2 are there" in capsys.readouterr().out


def test_requirements_of_the_tests_do_not_make_those_of_a_run_be_installed_again(clone: Path) -> None:
    program(clone / ".venv/bin/python", 'echo >> "$(dirname "$0")/calls"')
    files = [clone / name for name in ("requirements.txt", "requirements-dev.txt")]
    for file in files:
        file.write_text(f"{file.stem}==1.0\n")
    for wanted in (files, files[:1], files):
        install.install_requirements(install.Progress(2, "Python packages"), wanted)
    assert len((clone / ".venv/bin/calls").read_text().splitlines()) == 1


def test_a_failure_of_pip_is_shown_in_its_own_words_and_is_tried_again(clone: Path) -> None:
    (clone / "requirements.txt").write_text("bread==1.0\n")
    (clone / "var").mkdir()
    program(clone / ".venv/bin/python", "echo Collecting bread", "echo ERROR: No matching distribution >&2", "exit 1")
    for _ in range(2):
        with pytest.raises(install.InstallError, match="ERROR: No matching distribution"):
            install.install_requirements(install.Progress(2, "Python packages"), [clone / "requirements.txt"])
    assert "Collecting bread" in (clone / "var" / "install.log").read_text()


def test_progress_is_counted_while_it_installs(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"bread-{number}" for number in range(25)]
    folder = clone / ".venv/lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    script = [f"echo Collecting {name}==1.0" for name in names]
    script += [f"echo Installing collected packages: {', '.join(names)}"]
    script += [f"mkdir {folder}/{name}-1.0.dist-info" for name in names]
    install.run_pip([str(program(clone / "pip", *script))], install.Progress(2, "Python packages"), len(names))
    said = capsys.readouterr().out
    assert "[2/6] Python packages ... fetching 10 of 25" in said
    assert "[2/6] Python packages ... fetching 25 of 25" in said
    assert "installing" in said


def test_on_a_terminal_the_count_moves_in_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    progress = install.Progress(2, "Python packages")
    progress.count("fetching", 1, 2)
    progress.done("are there")
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "fetching 1 of 2" in said


def lay_uplot(clone: Path) -> None:
    (clone / "package-lock.json").write_text("{}")
    dist = clone / "node_modules" / "uplot" / "dist"
    dist.mkdir(parents=True)
    for name in install.VENDORED:
        (dist / name).write_text(name)


def test_without_an_npm_on_the_machine_the_one_from_the_package_is_used(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_uplot(clone)
    monkeypatch.setenv("PATH", "/usr/sbin-without-npm")
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/npm").write_text(
        f"#!{sys.executable}\nimport sys\nopen('calls', 'a').write(' '.join(sys.argv[1:]))\n"
    )
    (clone / ".venv/bin/npm").chmod(0o755)
    for _ in range(2):
        install.install_vendored(install.Progress(3, "Chart library"), dev=False)
    assert (clone / "calls").read_text() == "ci --omit=dev"
    assert {path.name for path in (clone / "static" / "vendor").iterdir()} == set(install.VENDORED)


def test_an_npm_that_fails_gives_way_to_the_one_from_the_package(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_uplot(clone)
    program(clone / "bin/npm", "exit 1")
    program(clone / ".venv/bin/npm", "exit 0")
    monkeypatch.setenv("PATH", f"{clone / 'bin'}:{os.environ['PATH']}")
    install.install_vendored(install.Progress(3, "Chart library"), dev=False)
    assert (clone / "static" / "vendor" / install.VENDORED[0]).exists()


def test_when_no_npm_works_it_says_what_to_do(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_uplot(clone)
    program(clone / "bin/npm", "echo getaddrinfo ENOTFOUND >&2", "exit 1")
    shutil.copytree(clone / "bin", clone / ".venv/bin")
    monkeypatch.setenv("PATH", f"{clone / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(install.InstallError, match="Check the network and start again.\ngetaddrinfo ENOTFOUND"):
        install.install_vendored(install.Progress(3, "Chart library"), dev=False)


def test_the_library_is_fetched_again_when_its_files_are_gone_or_the_tests_need_more(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_uplot(clone)
    program(clone / "bin/npm", 'echo "$@" >> calls')
    monkeypatch.setenv("PATH", f"{clone / 'bin'}:{os.environ['PATH']}")
    install.install_vendored(install.Progress(3, "Chart library"), dev=False)
    shutil.rmtree(clone / "static" / "vendor")
    for dev in (False, True, False):
        install.install_vendored(install.Progress(3, "Chart library"), dev=dev)
    assert (clone / "calls").read_text().splitlines() == ["ci --omit=dev", "ci --omit=dev", "ci"]


def test_a_virtual_environment_that_does_not_work_any_more_is_made_anew(clone: Path) -> None:
    program(clone / ".venv/bin/python", "exit 1")
    install.make_venv(install.Progress(1, "Virtual environment"))
    assert install.works(install.venv_program("python"), "-m", "pip", "--version")


def test_a_python_without_venv_is_a_sentence(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(program(clone / "python", "echo No module named venv >&2", "exit 1")))
    with pytest.raises(install.InstallError, match=r"apt install python3-venv\nNo module named venv"):
        install.make_venv(install.Progress(1, "Virtual environment"))


def test_two_installations_wait_for_each_other(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys\nlock = open(sys.argv[1], 'w')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
            "print(flush=True)\nsys.stdin.read()",
            str(clone / "install.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    (clone / "var").symlink_to(clone)
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdout.readline()
    subprocess.Popen(["sh", "-c", "sleep 0.3; kill $0", str(other.pid)])
    with install.only_one_at_a_time():
        assert other.wait(10) == -signal.SIGTERM
    other.stdin.close()
    other.stdout.close()
    assert "Another start is installing. Waiting for it" in capsys.readouterr().out


def test_npm_and_python_get_the_same_things_everywhere() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values()), "it names one registry"
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    for name in ("requirements", "requirements-run", "requirements-dev"):
        text = (ROOT / f"{name}.txt").read_text()
        assert "://" not in text, "it names one registry"
        assert len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) <= text.count("--hash=sha256:")


def make(*arguments: str) -> str:
    done = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_make_alone_lists_what_it_can_do() -> None:
    said = make()
    for target in ("run", "check", "test", "requirements", "clean"):
        assert f"make {target}" in said


def test_without_a_python_that_is_new_enough_make_says_so() -> None:
    assert "Python 3.11 or newer is needed" in make("run", "PYTHON=")
