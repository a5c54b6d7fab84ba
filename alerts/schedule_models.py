"""When a bakery works, and when its alerts are kept quiet. Times of day are those of the bakery's own zone."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from alerts.kinds import AlertType
from equipment.models import Bakery, Equipment


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class OpeningHours(models.Model):
    """One stretch of a week in which machines are in use. A bakery without any is always open.

    An end before its start is on the next day. With a machine, the row is that machine's plan instead.
    """

    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="opening_hours")
    equipment = models.ForeignKey(
        Equipment, on_delete=models.CASCADE, null=True, blank=True, related_name="opening_hours"
    )
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    starts = models.TimeField()
    ends = models.TimeField()

    class Meta:
        verbose_name_plural = "opening hours"
        ordering = ["bakery", "weekday", "starts"]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M} to {self.ends:%H:%M}"


class MaintenanceWindow(models.Model):
    """A time in which alerts are recorded but nobody is told: once, or every week."""

    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="maintenance_windows")
    equipment = models.ForeignKey(
        Equipment, on_delete=models.CASCADE, null=True, blank=True, related_name="maintenance_windows"
    )
    reason = models.CharField(max_length=100)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="Once: from")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Once: until")
    weekday = models.PositiveSmallIntegerField(choices=Weekday, null=True, blank=True, help_text="Every week: on")
    starts = models.TimeField(null=True, blank=True, help_text="Every week: from")
    ends = models.TimeField(null=True, blank=True, help_text="Every week: until; before the start: the next day")

    class Meta:
        ordering = ["bakery", "-starts_at", "weekday", "starts"]

    def __str__(self) -> str:
        return self.reason

    def clean(self) -> None:
        once = self.starts_at is not None and self.ends_at is not None
        weekly = self.weekday is not None and self.starts is not None and self.ends is not None
        if once == weekly:
            raise ValidationError("Give either a start and an end, or a weekday with its times.")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValidationError({"ends_at": "The window must end after it starts."})


class Snooze(models.Model):
    """Quiet for a while, by a person's word. It ends by itself."""

    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="snoozes")
    equipment = models.ForeignKey(Equipment, on_delete=models.CASCADE, null=True, blank=True, related_name="snoozes")
    alert_type = models.CharField(max_length=50, choices=AlertType, blank=True, help_text="Empty: every alert")
    until = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-until"]
        indexes = [models.Index(fields=["bakery", "until"], name="snooze_by_end")]

    def __str__(self) -> str:
        return f"Quiet until {self.until:%Y-%m-%d %H:%M} UTC"
