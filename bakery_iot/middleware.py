"""What happens around every request: where an audit trail's entry came from, and what browsers may let pages do."""

from collections.abc import Callable

from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest, HttpResponseBase

# What no page of ours uses. Sound, full screen and the wake lock stay: a wall needs them.
UNUSED_FEATURES = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)


READING = ("GET", "HEAD", "OPTIONS")


class AuditTrailMiddleware(AuditlogMiddleware):  # type: ignore[misc]
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Who only reads leaves nothing in the trail that would have to say from where."""
        response: HttpResponseBase = (
            self.get_response(request) if request.method in READING else super().__call__(request)
        )
        return response

    @staticmethod
    def _get_remote_addr(request: HttpRequest) -> str | None:
        """The socket's, which uvicorn corrects where a proxy is trusted; the header that auditlog reads anybody can
        write."""
        return request.META.get("REMOTE_ADDR") or None


class PermissionsPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", self.policy)
        return response
