"""The project's own app, for its commands and tests, and the admin site."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate, post_save


class BakeryIotConfig(AppConfig):
    name = "bakery_iot"

    def ready(self) -> None:
        from django_otp.plugins.otp_totp.models import TOTPDevice

        from bakery_iot.timetable import seed_timetable
        from equipment.audit import watch
        from equipment.models import Gateway

        def seed(**kwargs: Any) -> None:
            seed_timetable()

        watch(TOTPDevice, include_fields=["user", "confirmed"])
        # An app without models, as this one, sends no post_migrate of its own.
        post_migrate.connect(seed, sender=apps.get_app_config("django_celery_beat"), weak=False)
        post_save.connect(seed, sender=Gateway, weak=False)


class BakeryAdminConfig(AdminConfig):
    default_site = "bakery_iot.admin_site.BakeryAdminSite"
