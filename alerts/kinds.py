"""The words of the alerts: what can be wrong, how bad it is, how far people are with it."""

from django.db import models


class AlertType(models.TextChoices):
    TEMPERATURE_DEVIATION = "temperature_deviation", "Temperature off its target"
    LIMIT = "limit", "Value beyond its limit"
    CONNECTION_LOST = "connection_lost", "Connection lost"
    NO_DATA = "no_data", "No values"
    AUTHENTICATION_FAILED = "authentication_failed", "Access refused"
    EQUIPMENT_ERROR = "equipment_error", "The machine reports a fault"
    SENSOR_SUSPECT = "sensor_suspect", "Sensor in doubt"
    NOT_READY = "not_ready", "Not ready for opening"
    DOOR_OPEN = "door_open", "Door open"
    MAINTENANCE_DUE = "maintenance_due", "Maintenance due"
    ACQUISITION_STALLED = "acquisition_stalled", "Nothing is being read"
    GATEWAY_OVERLOADED = "gateway_overloaded", "Too much to read"


class Severity(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class AlertStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


class EventType(models.TextChoices):
    OPENED = "opened", "Opened"
    REOPENED = "reopened", "Opened again"
    INTERRUPTED = "interrupted", "Well for a moment"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    ASSIGNED = "assigned", "Assigned"
    NOTE = "note", "Note"
    SNOOZED = "snoozed", "Snoozed"
    SUPPRESSED = "suppressed", "Kept quiet"
    CAUGHT_UP = "caught_up", "No longer kept quiet"
    ESCALATION = "escalation", "Escalated"
    RESPONSE = "response", "Done by the system"
    RESOLVED = "resolved", "Resolved"
