"""The queue of exports and deletions: a row each, worked off by whichever worker takes it first."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any, cast

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from bakery_iot.data_rights.erase import erase_bakery
from bakery_iot.data_rights.export import Progress, write_export
from equipment.models import Bakery, DataJob, DataJobKind, DataPart

logger = logging.getLogger(__name__)

PART_BYTES = 1 << 20
GIVEN_UP_AFTER = timedelta(minutes=5)
KEPT = timedelta(days=7)
MOST_TRIES = 3
FAILED = "This did not work, three times. The server's log says why; ask whoever runs it."


def request_job(kind: DataJobKind, bakery: Bakery, user: Any, nudge: Any) -> DataJob:
    """Ask for an export or a deletion. `nudge` is the task; without Redis the timetable comes by within a minute."""
    job = DataJob.objects.create(kind=kind, bakery=bakery, bakery_name=bakery.name, requested_by=user)

    def wake() -> None:
        try:
            nudge.apply_async(retry=False)
        except (BrokerError, RedisError, OSError):
            logger.warning("Redis is away; the job waits for the timetable")

    transaction.on_commit(wake)
    return job


def run_jobs() -> int:
    """Do what waits, one after the other. Returns how many were done."""
    done = 0
    while job := _claim():
        _run(job)
        done += 1
    return done


def read_export(job: DataJob) -> Iterator[bytes]:
    for number in job.parts.order_by("number").values_list("number", flat=True):
        yield bytes(job.parts.get(number=number).content)


def drop_old_exports() -> None:
    """Their files; the rows stay, as the record of who took the data."""
    DataPart.objects.filter(job__finished_at__lt=timezone.now() - KEPT).delete()


def _claim() -> DataJob | None:
    """By condition: of two workers that look at once only the one whose UPDATE touches the row goes on."""
    now = timezone.now()
    free = Q(progressed_at=None) | Q(progressed_at__lt=now - GIVEN_UP_AFTER)
    waiting = DataJob.objects.filter(free, finished_at=None)
    waiting.filter(tries__gte=MOST_TRIES).update(finished_at=now, error_message=FAILED)
    for job in waiting.order_by("requested_at"):
        if waiting.filter(pk=job.pk).update(progressed_at=now, tries=F("tries") + 1):
            return job
    return None


def _run(job: DataJob) -> None:
    def progress(done: int, steps: int, doing: str) -> None:
        DataJob.objects.filter(pk=job.pk).update(
            steps_done=done, steps=steps, doing=doing[:200], progressed_at=timezone.now()
        )

    try:
        said = _do(job, progress)
        DataJob.objects.filter(pk=job.pk).update(finished_at=timezone.now(), doing=said[:200])
    finally:
        # Broken off by an error, it is free for the next try at once, and not only when it has stood still.
        DataJob.objects.filter(pk=job.pk, finished_at=None).update(progressed_at=None)


def _do(job: DataJob, progress: Progress) -> str:
    if job.bakery is None:
        return "The bakery was gone already."
    if job.kind == DataJobKind.ERASE:
        return erase_bakery(job.bakery, job.requested_by, progress)
    job.parts.all().delete()
    with _PartWriter(job) as file:
        write_export(job.bakery, cast(IO[bytes], file), progress)
    return "Ready to be downloaded"


class _PartWriter(io.RawIOBase):
    """A file that can only grow, kept as rows."""

    def __init__(self, job: DataJob) -> None:
        self._job, self._number, self._waiting = job, 0, bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            self._store(PART_BYTES)
        return len(data)

    def close(self) -> None:
        if not self.closed and self._waiting:
            self._store(len(self._waiting))
        super().close()

    def _store(self, size: int) -> None:
        DataPart.objects.create(job=self._job, number=self._number, content=bytes(self._waiting[:size]))
        del self._waiting[:size]
        self._number += 1
