"""Who may look, who may change, who may set where our server connects to.

What is not yours does not exist: 404. What is yours, but not for you to change: 403.
It must not import `rest_framework.views`, which imports this while it is being imported itself.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from equipment.allowed_lately import recall, remember, who
from equipment.selectors import bakeries_for

CONFIGURE_IOT = "equipment.configure_iot"


class BelongsToABakery(BasePermission):
    """Members of at least one bakery. For everyone else who is signed in, no endpoint exists."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated("Sign in, or send an API token in the header `Authorization: Token …`.")
        if request.method not in SAFE_METHODS or not recall("member", who(request.user)):
            if not bakeries_for(request.user).exists():
                raise NotFound("There is nothing here for you yet. Ask a manager to make you a member of a bakery.")
            remember("member", who(request.user))
        return True


class MayWrite(BelongsToABakery):
    """Members may look; each writing method of the view needs the permission that its table names."""

    permission_of_method: ClassVar[Mapping[str, str]]
    refusal: ClassVar[str]

    def has_permission(self, request: Request, view: Any) -> bool:
        super().has_permission(request, view)
        needed = self.permission_of_method.get(request.method or "")
        if request.method not in SAFE_METHODS and needed and not request.user.has_perm(needed):
            raise PermissionDenied(self.refusal)
        return True


class MayChangeEquipment(MayWrite):
    permission_of_method = {
        "POST": "equipment.add_equipment",
        "PATCH": "equipment.change_equipment",
        "DELETE": "equipment.delete_equipment",
    }
    refusal = "You may look at the equipment, but not change it. Ask a manager."


class MayChangeBatches(MayWrite):
    permission_of_method = {
        "POST": "equipment.add_batch",
        "PUT": "equipment.add_batch",
        "PATCH": "equipment.change_batch",
    }
    refusal = "You may look at batches, but not start, end or change them. Ask a manager."


class MayChangeBakeries(MayWrite):
    """Who is a member is a part of the bakery, so that adding one is a change of it."""

    permission_of_method = {
        "POST": "equipment.add_bakery",
        **dict.fromkeys(("PUT", "PATCH", "DELETE"), "equipment.change_bakery"),
    }
    refusal = "You may look at your bakeries, but not change them and who belongs to them. Ask a manager."


class MaySendReadings(MayWrite):
    permission_of_method = {"POST": "equipment.send_readings"}
    refusal = "You may not send readings in a machine's name. Ask a manager for the permission to do so."


class CanConfigureIoT(BelongsToABakery):
    """A permission of its own: whoever sets an endpoint makes our server dial an address in the bakery's network."""

    def has_permission(self, request: Request, view: Any) -> bool:
        super().has_permission(request, view)
        check_may_configure_iot(request)
        return True


def check_may_configure_iot(request: Request) -> None:
    if not request.user.has_perm(CONFIGURE_IOT):
        raise PermissionDenied("You may not set or test how machines are connected. Ask a manager.")
