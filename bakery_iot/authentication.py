"""API tokens in the `Authorization` header.

It must not import `rest_framework.views`, which imports this while it is being imported itself.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …`, and `Bearer …` for clients that know nothing else."""

    def authenticate(self, request: Request) -> tuple[Any, AuthToken] | None:
        scheme, *rest = get_authorization_header(request).split() or [b""]
        if scheme.lower() not in (b"token", b"bearer"):
            return None
        if len(rest) != 1 or not rest[0].isascii():
            raise AuthenticationFailed("The header must be `Authorization: Token`, a space and the API token.")
        try:
            user, token = self.authenticate_credentials(rest[0])
        except AuthenticationFailed:
            # The same words for unknown, expired and blocked: a finder of a token learns nothing from us.
            raise AuthenticationFailed("This API token is not valid (any more). Get a new one.") from None
        return user, token


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "bakery_iot.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token from POST /api/v1/auth/token."}
