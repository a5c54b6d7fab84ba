"""HACCP batches and programmes in the admin: to look at, and to have fetched. Nobody writes records by hand."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from equipment.models import Equipment
from equipment.permissions import CONFIGURE_IOT
from equipment.records import find_source
from equipment.tasks import start_import


class ReadOnlyAdmin:
    """Mixed in before the admin class."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class FetchRecordsAdmin:
    """The action of the machines' list. It makes our server dial, so it needs the permission for that."""

    message_user: Any

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CONFIGURE_IOT)

    @admin.action(description="Fetch HACCP records now", permissions=["fetch"])
    def fetch_records(self, request: HttpRequest, rows: QuerySet[Equipment]) -> None:
        able = [equipment for equipment in rows.select_related("bakery__gateway") if find_source(equipment)]
        if not able:
            self.message_user(
                request,
                "None of these machines has records to fetch. A Rational unit does, once client_id and client_secret "
                "of an API client and additional_config.haccp are entered.",
                messages.WARNING,
            )
            return
        try:
            for equipment in able:
                start_import(equipment)
        except (BrokerError, RedisError, OSError):
            self.message_user(request, "Redis is not reachable. Try again in a minute.", messages.ERROR)
            return
        names = ", ".join(equipment.name for equipment in able)
        self.message_user(request, f"The records of {names} are being fetched. Each machine's page shows how it went.")
