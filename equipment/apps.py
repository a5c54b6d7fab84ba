from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import m2m_changed, post_delete, post_save


class EquipmentConfig(AppConfig):
    name = "equipment"

    def ready(self) -> None:
        from django.contrib.auth.models import Group, User

        from equipment.allowed_lately import forget
        from equipment.audit import watch

        own = map(self.get_model, ("ApiClient", "Bakery", "BakeryMembership", "Equipment"))
        givers: list[Any] = [User, Group, apps.get_model(settings.KNOX_TOKEN_MODEL), *own]
        for model in givers:
            for signal in (post_save, post_delete):
                signal.connect(forget, sender=model)
        m2m_changed.connect(forget)

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
