from django.apps import AppConfig

from telemetry.signals import readings_stored, snapshot_asked


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        from auditlog.registry import auditlog

        from alerts.receivers import add_to_snapshot, evaluate_stored

        for name in ("AlertRule", "OpeningHours", "MaintenanceWindow", "Snooze", "NotificationPreference"):
            auditlog.register(self.get_model(name))
        auditlog.register(self.get_model("Webhook"), mask_fields=["url", "secret"])
        readings_stored.connect(evaluate_stored)
        snapshot_asked.connect(add_to_snapshot)
