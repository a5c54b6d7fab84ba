"""API tokens in the `Authorization` header.

It must not import `rest_framework.views`, which imports this while it is being imported itself.
"""

import contextlib
from typing import Any

from auditlog.context import auditlog_value
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from equipment.api_clients import find_token_owner, may_write


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …`, and `Bearer …` for clients that know nothing else.

    Here, and not in each endpoint, a client that may only read is kept from everything else. A view may be open to
    it with `is_open_to_readers`.
    """

    def authenticate(self, request: Request) -> tuple[Any, AuthToken] | None:
        scheme, *rest = get_authorization_header(request).split() or [b""]
        if scheme.lower() not in (b"token", b"bearer"):
            return None
        if len(rest) != 1 or not rest[0].isascii():
            raise AuthenticationFailed("The header must be `Authorization: Token`, a space and the API token.")
        user, token = find_token_owner(rest[0], lately=request.method in SAFE_METHODS)
        is_open = request.method in SAFE_METHODS or getattr(request.parser_context["view"], "is_open_to_readers", False)
        if not is_open and not may_write(user):
            raise PermissionDenied("This API client may only read. Ask a manager for one that may write.")
        _name_in_the_audit_trail(user)
        return user, token


def _name_in_the_audit_trail(user: Any) -> None:
    """The trail's middleware looks for the actor before the token is read, and knows sessions alone."""
    with contextlib.suppress(LookupError):
        auditlog_value.get()["actor"] = user


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "bakery_iot.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token from POST /api/v1/auth/token."}
