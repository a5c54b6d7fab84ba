"""What all of the API shares: getting a token, and how an error looks (RFC 9457)."""

import math
from http import HTTPStatus
from typing import Any

from django.contrib.auth import authenticate
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError, Throttled, ValidationError
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView, exception_handler

from bakery_iot.authentication import ApiTokenAuthentication
from bakery_iot.second_factor import check_code, has_second_factor, must_have_second_factor
from connectors import ConfigurationError
from equipment.serializers import StrictSerializer


class SignInThrottle(SimpleRateThrottle):
    """Counts tries per address, whoever they are for.

    The address of the socket, which uvicorn corrects where a proxy is trusted; a header anybody can write.
    """

    scope = "sign-in"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.method != "POST":
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.META.get("REMOTE_ADDR", "")}


class SignInSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150, write_only=True)
    password = serializers.CharField(max_length=4096, write_only=True, trim_whitespace=False)
    one_time_password = serializers.CharField(
        max_length=20, write_only=True, required=False, help_text="Of people with a second factor: the code of now"
    )
    token = serializers.CharField(read_only=True, help_text="Shown only here and only once")
    expiry = serializers.DateTimeField(read_only=True)


class TokenView(APIView):
    """API tokens: get one for a user name and password, give it back when it is not needed any more."""

    authentication_classes = [ApiTokenAuthentication]
    is_open_to_readers = True  # whoever may only read may give the token back
    throttle_classes = [SignInThrottle]

    def get_permissions(self) -> list[BasePermission]:
        return [IsAuthenticated() if self.request.method == "DELETE" else AllowAny()]

    def perform_authentication(self, request: Request) -> None:
        """Not when signing in: whoever comes with an expired token in the header wants a new one."""
        if request.method == "DELETE":
            super().perform_authentication(request)

    @extend_schema(request=SignInSerializer, responses=SignInSerializer, auth=[], operation_id="sign_in")
    def post(self, request: Request) -> Response:
        posted = SignInSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        code = posted.validated_data.pop("one_time_password", "")
        user = authenticate(request._request, **posted.validated_data)
        if user is None:
            raise AuthenticationFailed("User name and password do not belong together. Check both.")
        _check_second_factor(user, code)
        instance, token = AuthToken.objects.create(user=user)
        return Response(SignInSerializer({"token": token, "expiry": instance.expiry}).data)

    @extend_schema(request=None, responses={204: None}, operation_id="sign_out")
    def delete(self, request: Request) -> Response:
        request.auth.delete()
        return Response(status=HTTPStatus.NO_CONTENT)


def _check_second_factor(user: Any, code: str) -> None:
    if has_second_factor(user):
        if check_code(user, code) is None:
            raise AuthenticationFailed("Send the code that the app on your phone shows now as `one_time_password`.")
    elif must_have_second_factor(user):
        raise AuthenticationFailed("Set up your second factor first: sign in on the sign-in page of this server.")


class Unavailable(APIException):
    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "The server cannot reach its database or Redis. Try again in a minute."


class TooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "This is more than the server takes at once. Send less."


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal as `application/problem+json`. None for our own faults: a 500."""
    response = exception_handler(_as_api_exception(error), context)
    if response is None:
        return None
    fields: dict[str, str] = {}
    if isinstance(error, ValidationError | ConfigurationError):
        fields = _flatten(response.data)
        detail = fields.pop("", "Please correct what is listed under `fields`.")
    else:
        detail = str(response.data["detail"])
    if isinstance(error, Throttled):
        detail = (
            f"Too many requests of this kind at once. Try again in {math.ceil(getattr(error, 'wait', None) or 1)} s."
        )
    response.data = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
        "detail": detail,
        **({"fields": fields} if fields else {}),
    }
    response.content_type = "application/problem+json"
    return response


def _as_api_exception(error: Exception) -> Exception:
    if isinstance(error, ConfigurationError):
        return ValidationError(error.fields or str(error))
    if isinstance(error, OperationalError | InterfaceError | RedisError):
        return Unavailable()
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, RecursionError):
        return ParseError("The JSON is nested too deeply.")
    return error


def _flatten(errors: Any, path: str = "") -> dict[str, str]:
    """JSON path -> sentences. What concerns the whole body is under the empty path."""
    if isinstance(errors, dict):
        found: dict[str, str] = {}
        for key, inner in errors.items():
            here = "" if key == "non_field_errors" else str(key)
            found |= _flatten(inner, ".".join(filter(None, (path, here))))
        return found
    if isinstance(errors, list) and any(isinstance(inner, dict | list) for inner in errors):
        return _flatten({str(number): inner for number, inner in enumerate(errors) if inner}, path)
    text = " ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
    return {_sendable(path): _sendable(text)}


def _sendable(text: str) -> str:
    """Sentences repeat what was sent, and JSON can carry halves of characters that UTF-8 cannot."""
    return text.encode(errors="replace").decode()
