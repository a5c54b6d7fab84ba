"""What a person must know about a machine, and whether anyone has seen it."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from equipment.models import Equipment


class AlertType(models.TextChoices):
    TEMPERATURE_DEVIATION = "temperature_deviation", "Temperature off its target"
    CONNECTION_LOST = "connection_lost", "Connection lost"
    EQUIPMENT_ERROR = "equipment_error", "The machine reports a fault"


class Severity(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class AlertStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


class Alert(models.Model):
    """One trouble of one machine: open until it is resolved, and only once open per cause."""

    equipment = models.ForeignKey(Equipment, on_delete=models.CASCADE, related_name="alerts")
    alert_type = models.CharField(max_length=50, choices=AlertType)
    severity = models.CharField(max_length=10, choices=Severity)
    status = models.CharField(max_length=20, choices=AlertStatus, default=AlertStatus.ACTIVE)
    message = models.TextField()
    details = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="acknowledged_alerts"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    automated_response = models.CharField(max_length=100, blank=True, help_text="What the system did by itself")
    automated_response_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "equipment_iot_alerts"
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["equipment", "alert_type"],
                condition=~models.Q(status="resolved"),
                name="one_open_alert_per_cause",
            )
        ]
        indexes = [models.Index(fields=["status", "-opened_at"], name="alert_by_status")]

    def __str__(self) -> str:
        return f"{self.get_alert_type_display()}: {self.equipment}"
