"""Who may look, who may change, who may set where our server connects to.

What is not yours does not exist: 404. What is yours, but not for you to change: 403.
It must not import `rest_framework.views`, which imports this while it is being imported itself.
"""

from typing import Any

from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from equipment.selectors import bakeries_for

CONFIGURE_IOT = "equipment.configure_iot"
PERMISSION_OF_METHOD = {
    "POST": "equipment.add_equipment",
    "PATCH": "equipment.change_equipment",
    "DELETE": "equipment.delete_equipment",
}


class BelongsToABakery(BasePermission):
    """Members of at least one bakery. For everyone else who is signed in, no endpoint exists."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated("Sign in, or send an API token in the header `Authorization: Token …`.")
        if not bakeries_for(request.user).exists():
            raise NotFound("There is nothing here for you yet. Ask a manager to make you a member of a bakery.")
        return True


class MayChangeEquipment(BelongsToABakery):
    """Members may look; who may create, change and archive depends on the permissions of their group."""

    def has_permission(self, request: Request, view: Any) -> bool:
        super().has_permission(request, view)
        needed = PERMISSION_OF_METHOD.get(request.method or "")
        if request.method not in SAFE_METHODS and needed and not request.user.has_perm(needed):
            raise PermissionDenied("You may look at the equipment, but not change it. Ask a manager.")
        return True


class CanConfigureIoT(BelongsToABakery):
    """A permission of its own: whoever sets an endpoint makes our server dial an address in the bakery's network."""

    def has_permission(self, request: Request, view: Any) -> bool:
        super().has_permission(request, view)
        check_may_configure_iot(request)
        return True


def check_may_configure_iot(request: Request) -> None:
    if not request.user.has_perm(CONFIGURE_IOT):
        raise PermissionDenied("You may not set or test how machines are connected. Ask a manager.")
