"""The image without a Docker engine: what it is made of, who it runs as, and that it agrees with docker-compose.yml."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def web() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]
    return service


def dockerfile() -> list[str]:
    return (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def test_the_image_has_every_app_and_what_it_copies_is_there_and_not_ignored() -> None:
    ours = [line.split()[1:-1] for line in dockerfile() if line.startswith("COPY ") and "--from" not in line]
    copied = {name for names in ours for name in names}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"bench"} <= copied  # a bakery measures nothing


def test_the_image_does_not_run_as_root_and_runs_the_web_process_like_the_compose_file() -> None:
    users = [line.split()[1] for line in dockerfile() if line.startswith("USER ")]
    assert users
    assert users[-1] not in ("root", "0")
    (command,) = (json.loads(line.removeprefix("CMD ")) for line in dockerfile() if line.startswith("CMD "))
    assert command == web()["command"]
    (check,) = (json.loads(line.split("CMD ")[1]) for line in dockerfile() if line.startswith("HEALTHCHECK "))
    assert ["CMD", *check] == web()["healthcheck"]["test"]


def test_the_image_installs_pinned_and_hashed_packages_only() -> None:
    installs = [line for line in dockerfile() if "pip install" in line or "npm " in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "npm ci" in line for line in installs)
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert all("integrity" in package for path, package in lock["packages"].items() if path)
