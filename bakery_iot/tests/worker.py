"""A worker as the product starts it, in a process of its own that a test can kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """Serves one queue, with the database of the test. Its log is in `folder`; `end` what was started."""

    def __init__(self, folder: Path, queue: str, *, name: str = "", **environment: str) -> None:
        self.log_file = folder / f"{name or queue}.log"
        self.queue = queue
        self.name = name or queue
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        ours = {"DATABASE_URL": database, "REDIS_URL": settings.REDIS_URL}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "bakery_iot", "worker", "-P", "threads", "-c", "2"),
                    *("--without-mingle", "--without-gossip", "-Q", self.queue, "-n", f"{self.name}@%h"),
                ],
                cwd=ROOT,
                env={**os.environ, **ours, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(60)

    def says(self, words: str) -> bool:
        return words in self.log_file.read_text(errors="replace")
