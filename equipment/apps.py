from typing import Any

from django.apps import AppConfig


class EquipmentConfig(AppConfig):
    name = "equipment"

    def ready(self) -> None:
        from django.contrib.auth.models import Group, User

        from equipment.audit import watch

        watch(User, mask_fields=["password"], exclude_fields=["last_login"], m2m_fields={"groups", "user_permissions"})
        watch(Group, m2m_fields={"permissions"})
        watch(self.get_model("Gateway"))
        watch(self.get_model("Bakery"), m2m_fields={"members"})
        watch(self.get_model("BakeryMembership"))
        watch(self.get_model("ApiClient"), exclude_fields=["token", "last_used_at"], m2m_fields={"bakeries"})
        watch(self.get_model("Batch"))
        # Who changed which setting is what the trail is for; what the collector writes would drown it.
        watched_by_machine: list[Any] = [
            "iot_connection_status",
            "iot_connection_error",
            "iot_connection_error_code",
            "iot_last_connected",
        ]
        watch(self.get_model("Equipment"), mask_fields=["iot_credentials"], exclude_fields=watched_by_machine)
