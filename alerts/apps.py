from django.apps import AppConfig

from telemetry.signals import readings_stored, snapshot_asked


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self) -> None:
        from alerts.receivers import add_to_snapshot, evaluate_stored
        from equipment.audit import watch

        for name in ("AlertRule", "FaultCode", "OpeningHours", "MaintenanceWindow", "Snooze", "NotificationPreference"):
            watch(self.get_model(name))
        watch(self.get_model("Webhook"), mask_fields=["url", "secret"])
        readings_stored.connect(evaluate_stored)
        snapshot_asked.connect(add_to_snapshot)
