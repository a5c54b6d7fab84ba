"""A bakery's right to its data: the jobs that export or delete everything of it, and what an export has gathered."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class DataJobKind(models.TextChoices):
    EXPORT = "export", "Export everything"
    ERASE = "erase", "Delete everything"


class DataJob(models.Model):
    """One export or deletion. The row is the queue: without `finished_at` it is to be done.

    It outlives the bakery, as the record of what was done to its data.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=DataJobKind)
    bakery = models.ForeignKey("Bakery", on_delete=models.SET_NULL, null=True, related_name="data_jobs")
    bakery_name = models.CharField("bakery", max_length=100)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="data_jobs"
    )
    requested_at = models.DateTimeField(db_default=Now())
    # Moves while somebody works on it: where it stands still, the worker has died, and another may go on.
    progressed_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    steps_done = models.PositiveIntegerField(default=0)
    steps = models.PositiveIntegerField(default=0)
    doing = models.CharField(max_length=200, blank=True)
    finished_at = models.DateTimeField(null=True)
    error_message = models.TextField(blank=True)

    class Meta:
        verbose_name = "data export or deletion"
        verbose_name_plural = "data exports and deletions"
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.bakery_name}"

    @property
    def percent(self) -> int:
        if self.finished_at and not self.error_message:
            return 100
        return min(99, 100 * self.steps_done // self.steps) if self.steps else 0


class DataPart(models.Model):
    """A piece of an export's file. In the database, because the worker and the web server may share no disk."""

    job = models.ForeignKey(DataJob, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        unique_together = [("job", "number")]

    def __str__(self) -> str:
        return f"{self.job}, part {self.number}"
