from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils import timezone

from equipment.signals import connection_changed


class TelemetryConfig(AppConfig):
    name = "telemetry"

    def ready(self) -> None:
        from equipment.audit import watch
        from telemetry.partitions import create_coming_partitions
        from telemetry.receivers import publish_changed_equipment

        def make_partitions(**kwargs: Any) -> None:
            create_coming_partitions(timezone.now())

        watch(self.get_model("Retention"))
        connection_changed.connect(publish_changed_equipment)
        post_migrate.connect(make_partitions, sender=self, weak=False)
