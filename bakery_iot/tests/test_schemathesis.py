"""Schemathesis tries the running server as its schema describes it, with right and wrong requests of its own making.

Kept short here. With SCHEMATHESIS_SECONDS set it goes on for as long, for each of its runs.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from knox.models import AuthToken
from rest_framework.throttling import SimpleRateThrottle

from bakery_iot.tests.example_world import NO_LIMITS, make_example_world
from equipment import services

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "10"))
# They would take the examples' machine, member or token away from all others: test_openapi.py runs them one by one.
DESTROYING = ("archive_equipment", "remove_member", "sign_out")


def run(site: str, folder: Path, *options: str) -> str:
    """What schemathesis reports; it keeps its notes in the folder."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "--config-file",
        str(CONFIG),
        "run",
        f"{site}/api/v1/schema",
    ]
    fixed = ["--checks", "all", "--generation-database", "none", "--no-color", "--continue-on-failure"]
    bounded = [*fixed, "--max-time", str(SECONDS), "--request-timeout", "60", "--suppress-health-check", "all"]
    words = [*command, *bounded, *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    return str(done.stdout)


@pytest.fixture
def token(site: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", NO_LIMITS)
    # No worker serves the gateway: nothing is dialled, and the answer need not be waited for.
    monkeypatch.setattr(services, "GATEWAY_PATIENCE_SECONDS", -14)
    _, token = AuthToken.objects.create(make_example_world())
    return str(token)


def count_cases(report: str) -> int:
    found = re.search(r"(\d+) generated", report)
    return int(found[1]) if found else 0


@pytest.mark.timeout(1000)
def test_no_request_of_a_member_is_answered_but_as_documented(site: str, token: str, tmp_path: Path) -> None:
    excluded = [option for name in DESTROYING for option in ("--exclude-operation-id", name)]
    report = run(site, tmp_path, "-H", f"Authorization: Token {token}", *excluded)
    assert count_cases(report) > 50, report


@pytest.mark.timeout(1000)
def test_nor_one_of_nobody(site: str, token: str, tmp_path: Path) -> None:
    report = run(site, tmp_path)
    assert count_cases(report) > 50, report
