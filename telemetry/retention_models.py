"""How long readings and rollups are kept."""

from django.core.validators import MinValueValidator
from django.db import models


class Retention(models.Model):
    """One row; read it with `telemetry.retention.get_retention`. Days are kept for ever."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    readings_days = models.PositiveIntegerField(
        "single readings and minutes, days",
        default=90,
        # They go by whole weeks, and what is younger than a week is never looked for in vain.
        validators=[MinValueValidator(14)],
        help_text="Every single reading, and the minutes of machines that are read more often. At least 14.",
    )
    quarter_hours_months = models.PositiveIntegerField(
        "quarters of an hour, months", default=13, validators=[MinValueValidator(1)]
    )
    hours_years = models.PositiveIntegerField(
        "hours and HACCP records, years",
        default=5,
        validators=[MinValueValidator(1)],
        help_text="HACCP records older than this are deleted too. Ask your food authority before you choose less.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "storage"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_retention")]

    def __str__(self) -> str:
        return "How long readings are kept"
