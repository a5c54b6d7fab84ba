"""What is watched, and how patiently. Without a row, the defaults of `alerts.defaults` hold.

A rule belongs to the chain (neither bakery nor machine), to a bakery or to a machine. An empty field means: as the
next wider rule says.
"""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Now

from alerts.kinds import AlertType, Severity
from equipment.models import Bakery, Equipment

LONGEST_DELAY = MaxValueValidator(7 * 86_400)


class AlertRule(models.Model):
    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, null=True, blank=True, related_name="alert_rules")
    equipment = models.ForeignKey(
        Equipment, on_delete=models.CASCADE, null=True, blank=True, related_name="alert_rules"
    )
    alert_type = models.CharField("watches", max_length=50, choices=AlertType)
    metric = models.CharField(max_length=50, blank=True, help_text="Only for limits: the measured value")
    enabled = models.BooleanField(null=True, blank=True)
    severity = models.CharField(max_length=10, choices=Severity, blank=True)
    upper = models.FloatField("no more than", null=True, blank=True, help_text="In the unit of the value")
    lower = models.FloatField("no less than", null=True, blank=True)
    deadband = models.FloatField(null=True, blank=True, help_text="How far inside the limit the value counts as well")
    on_delay_seconds = models.PositiveIntegerField(null=True, blank=True, validators=[LONGEST_DELAY])
    clear_delay_seconds = models.PositiveIntegerField(null=True, blank=True, validators=[LONGEST_DELAY])
    only_in_plan = models.BooleanField("only during opening hours", null=True, blank=True)
    is_food_safety = models.BooleanField("food safety", null=True, blank=True)
    escalate_after_seconds = models.PositiveIntegerField(null=True, blank=True, validators=[LONGEST_DELAY])
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["alert_type", "metric", "bakery", "equipment"]
        constraints = [
            models.UniqueConstraint(
                fields=["bakery", "equipment", "alert_type", "metric"],
                nulls_distinct=False,
                name="one_alert_rule_per_place",
                violation_error_message="There is already a rule for this here. Change that one.",
            ),
            models.CheckConstraint(
                condition=models.Q(bakery=None) | models.Q(equipment=None), name="alert_rule_has_one_place"
            ),
        ]

    def __str__(self) -> str:
        what = f"{self.get_alert_type_display()} {self.metric}".strip()
        return f"{what}, {self.equipment or self.bakery or 'all bakeries'}"

    def clean(self) -> None:
        if self.bakery and self.equipment:
            raise ValidationError("Choose a bakery or a machine, not both. A machine knows its bakery.")
        if bool(self.metric) != (self.alert_type == AlertType.LIMIT):
            raise ValidationError({"metric": "A limit needs a measured value, and only a limit has one."})


class AlertTimer(models.Model):
    """How far one rule is with a machine or a bakery. Written only when it changes, so that a restart is no gap."""

    equipment = models.ForeignKey(Equipment, on_delete=models.CASCADE, null=True, related_name="alert_timers")
    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, null=True, related_name="alert_timers")
    cause = models.CharField(max_length=100)
    state = models.JSONField(default=dict)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["equipment", "bakery", "cause"], nulls_distinct=False, name="one_alert_timer_per_cause"
            ),
            models.CheckConstraint(
                condition=models.Q(bakery=None) ^ models.Q(equipment=None), name="alert_timer_has_one_place"
            ),
        ]
        indexes = [models.Index(fields=["changed_at"], name="alert_timer_by_change")]

    def __str__(self) -> str:
        return f"{self.cause} of {self.equipment or self.bakery}"
