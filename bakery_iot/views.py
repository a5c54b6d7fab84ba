"""The dashboard, which shows all apps together, and whether the site is well."""

import sys
from functools import cache
from http import HTTPStatus
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.defaults import page_not_found, server_error
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from redis.exceptions import RedisError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from bakery_iot.api import Unavailable
from equipment.selectors import bakeries_for
from equipment.views import BakeryPage, is_admin

REDIS_TIMEOUT_SECONDS = 2


class DashboardView(BakeryPage):
    """All machines of the user's bakeries, or of the one in `?bakery=`. `?wall` is for screens on a wall."""

    template_name = "bakery_iot/dashboard.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        bakeries = list(bakeries_for(user))
        chosen = self.request.GET.get("bakery", "")
        if chosen and chosen not in [bakery.slug for bakery in bakeries]:
            raise Http404(f"You have no bakery “{chosen}”. It may have been renamed: choose it again on the dashboard.")
        may_add = is_admin(user) and user.has_perm("equipment.add_equipment")
        return {
            **super().get_context_data(**kwargs),
            "bakeries": bakeries,
            "chosen": chosen,
            "add_url": reverse("admin:equipment_equipment_add") if may_add else "",
        }


class SchemaView(SpectacularAPIView):
    """The API's description. It is the same for everybody, and made once: that takes a second of the processor."""

    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        media_type = request.accepted_renderer.media_type or ""
        return HttpResponse(_write_schema(media_type), content_type=media_type)


@cache
def _write_schema(media_type: str) -> bytes | str:
    (renderer,) = [kind for kind in SchemaView.renderer_classes if kind.media_type == media_type]
    schema = SchemaGenerator(api_version="1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return renderer().render(schema, renderer_context={})


class ApiDocsView(TemplateView):
    """The schema as a page. It holds nothing of anybody's, so that everybody may read it."""

    template_name = "bakery_iot/api_docs.html"


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """For load balancers and supervisors: 200 when database and Redis answer, else 503. Needs no sign-in."""
    found = {"database": is_database_reachable(), "redis": is_redis_reachable()}
    well = all(found.values())
    return JsonResponse({"status": "ok" if well else "unavailable", **found}, status=200 if well else 503)


def is_database_reachable() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def is_redis_reachable() -> bool:
    limits = {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as client:
            return bool(client.ping())
    except RedisError:
        return False


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that does not exist: for people the page, for programs what they can read."""
    if not request.path.startswith("/api/"):
        return page_not_found(request, exception)
    return _problem(HTTPStatus.NOT_FOUND, "There is no such address. All of them are listed at /api/v1/schema.")


def failed(request: HttpRequest) -> HttpResponse:
    """What nobody expected, or a database that was away before a view was asked: its session is read before that."""
    if not request.path.startswith("/api/"):
        return server_error(request)
    if isinstance(sys.exception(), OperationalError | InterfaceError | RedisError):
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, str(Unavailable.default_detail))
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something failed on the server. Its log says what.")


def _problem(status: HTTPStatus, detail: str) -> JsonResponse:
    problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
