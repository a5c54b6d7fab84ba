"""What one installation of the simulated bakery keeps: when it began, and the secrets of its ovens.

Both the simulators and whoever connects to them read the same file; it is made by the first of them, mode 600.
"""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Installation:
    """`epoch` is when the demo began: everything its ovens do follows from it."""

    epoch: datetime
    control_token: str = field(repr=False)
    tokens: dict[str, str] = field(repr=False)

    @classmethod
    def new(cls, keys: Iterable[str], epoch: datetime) -> "Installation":
        return cls(epoch, secrets.token_urlsafe(24), {key: secrets.token_urlsafe(24) for key in keys})

    @classmethod
    def open(cls, path: Path, keys: Iterable[str]) -> "Installation":
        """The installation in this file. A file that is missing or damaged begins a new one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = _load(path)
            if found and found.tokens.keys() >= set(keys):
                return found
            fresh = cls.new(keys, datetime.now(UTC))
            if found:
                fresh = cls(found.epoch, found.control_token, fresh.tokens | found.tokens)
            fresh._save(path)
            return fresh

    def _save(self, path: Path) -> None:
        content = {"epoch": self.epoch.isoformat(), "control_token": self.control_token, "tokens": self.tokens}
        write_private_json(path, content)


def _load(path: Path) -> Installation | None:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        content = json.loads(path.read_text())
        epoch = datetime.fromisoformat(content["epoch"])
        tokens = {str(key): str(token) for key, token in content["tokens"].items()}
        return Installation(epoch.astimezone(UTC), str(content["control_token"]), tokens)
    return None


def write_private_json(path: Path, content: Any) -> None:
    """All or nothing, and for the owner only, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
