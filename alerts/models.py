"""What a person must know about a machine or a bakery, whether anyone has seen it, and all that happened to it.

Rows change through `alerts.lifecycle` and `alerts.opening` only: by conditional updates, so that two workers never do
one thing twice.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from alerts.fault_models import FaultCode as FaultCode
from alerts.kinds import AlertStatus as AlertStatus
from alerts.kinds import AlertType as AlertType
from alerts.kinds import EventType as EventType
from alerts.kinds import Severity as Severity
from alerts.notification_models import Notification as Notification
from alerts.notification_models import NotificationPreference as NotificationPreference
from alerts.notification_models import PushIdentity as PushIdentity
from alerts.notification_models import PushSubscription as PushSubscription
from alerts.notification_models import Webhook as Webhook
from alerts.rule_models import AlertRule as AlertRule
from alerts.rule_models import AlertTimer as AlertTimer
from alerts.schedule_models import MaintenanceWindow as MaintenanceWindow
from alerts.schedule_models import OpeningHours as OpeningHours
from alerts.schedule_models import Snooze as Snooze
from equipment.models import Bakery, Equipment


class Alert(models.Model):
    """One trouble of one machine, or of a bakery as a whole: open until it is resolved, and once open per cause."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bakery = models.ForeignKey(Bakery, on_delete=models.CASCADE, related_name="alerts")
    equipment = models.ForeignKey(Equipment, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts")
    alert_type = models.CharField(max_length=50, choices=AlertType)
    cause = models.CharField(max_length=100, help_text="The type, and the measured value where there are several")
    severity = models.CharField(max_length=10, choices=Severity)
    status = models.CharField(max_length=20, choices=AlertStatus, default=AlertStatus.ACTIVE)
    is_food_safety = models.BooleanField(default=False, help_text="Closed only with a corrective action")
    message = models.TextField()
    details = models.JSONField(default=dict, blank=True)
    occurrences = models.PositiveIntegerField(default=1, help_text="How often it began while it was open")
    worst_value = models.FloatField(null=True, blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="acknowledged_alerts"
    )
    acknowledged_until = models.DateTimeField(null=True, blank=True, help_text="Then it opens again if still bad")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="assigned_alerts"
    )
    recovered_at = models.DateTimeField(null=True, blank=True, help_text="Well again, waiting for a corrective action")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="resolved_alerts"
    )
    corrective_action = models.TextField(blank=True)
    suppressed_by = models.CharField(max_length=200, blank=True, help_text="Why nobody is told; empty: people are")
    escalation_step = models.PositiveSmallIntegerField(default=0)
    escalate_at = models.DateTimeField(null=True, blank=True)
    automated_response = models.CharField(max_length=100, blank=True, help_text="What the system did by itself")
    automated_response_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "equipment_iot_alerts"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["bakery", "equipment", "cause"],
                condition=~models.Q(status="resolved"),
                nulls_distinct=False,
                name="one_open_alert_per_cause",
            )
        ]
        indexes = [
            models.Index(fields=["status", "-opened_at"], name="alert_by_status"),
            models.Index(fields=["bakery", "-opened_at"], name="alert_by_bakery"),
            models.Index(fields=["escalate_at"], condition=models.Q(status="active"), name="alert_to_escalate"),
        ]

    def __str__(self) -> str:
        return f"{self.get_alert_type_display()}: {self.equipment or self.bakery}"

    def get_absolute_url(self) -> str:
        return reverse("alert_detail", args=[self.uuid])


class AlertEvent(models.Model):
    """One step of an alert's history. Those with `announce` wait for `send_notifications` until `announced_at`."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    event = models.CharField(max_length=20, choices=EventType)
    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    text = models.TextField(blank=True)
    announce = models.BooleanField(default=False)
    announced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(
                fields=["at"], condition=models.Q(announce=True, announced_at=None), name="alert_event_to_announce"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()}, {self.at:%Y-%m-%d %H:%M:%S} UTC"
