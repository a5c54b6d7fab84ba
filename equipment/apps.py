from typing import Any

from django.apps import AppConfig


class EquipmentConfig(AppConfig):
    name = "equipment"

    def ready(self) -> None:
        from auditlog.registry import auditlog

        auditlog.register(self.get_model("Gateway"))
        auditlog.register(self.get_model("Bakery"), m2m_fields={"members"})
        auditlog.register(self.get_model("Batch"))
        # Who changed which setting is what the trail is for; what the collector writes would drown it.
        watched_by_machine: list[Any] = [
            "iot_connection_status",
            "iot_connection_error",
            "iot_connection_error_code",
            "iot_last_connected",
        ]
        auditlog.register(
            self.get_model("Equipment"), mask_fields=["iot_credentials"], exclude_fields=watched_by_machine
        )
