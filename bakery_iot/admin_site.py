"""The admin's door and its colours. Whoever is signed in and may not enter finds nothing there: 404.

The installed app must be `unfold.apps.BasicAppConfig`; unfold's default one would put its own site in place of this.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite
from unfold.utils import convert_color

from bakery_iot.content_policy import LIBRARY_NEEDS
from equipment.selectors import bakeries_for

# The paper, ink and ember of the pages, from light to dark.
PAPER = {
    "50": "#faf7f2",
    "100": "#f3ede4",
    "200": "#e6dfd5",
    "300": "#cfc5b8",
    "400": "#a89c8f",
    "500": "#6f655c",
    "600": "#57504a",
    "700": "#3f3832",
    "800": "#342d27",
    "900": "#1e1a17",
    "950": "#14110f",
}
EMBER = {
    "50": "#fff7ed",
    "100": "#ffedd5",
    "200": "#fed7aa",
    "300": "#fdba74",
    "400": "#fb923c",
    "500": "#ea580c",
    "600": "#c2410c",
    "700": "#9a3412",
    "800": "#7c2d12",
    "900": "#6b2810",
    "950": "#431407",
}
COLORS = {
    "base": {weight: convert_color(color) for weight, color in PAPER.items()},
    "primary": {weight: convert_color(color) for weight, color in EMBER.items()},
    "font": {
        "subtle-light": "var(--color-base-500)",
        "subtle-dark": "var(--color-base-400)",
        "default-light": "var(--color-base-700)",
        "default-dark": "var(--color-base-200)",
        "important-light": "var(--color-base-900)",
        "important-dark": "var(--color-base-100)",
    },
}

# In this order: what a manager comes for first.
APP_NAMES = {
    "equipment": "Bakeries and machines",
    "alerts": "Alerts",
    "telemetry": "Readings",
    "auth": "People",
    "knox": "API access",
    "auditlog": "Audit trail",
    "django_celery_beat": "Timetable",
}


class BakeryAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    site_title = "bakery_iot"
    index_title = "Settings"

    def has_permission(self, request: HttpRequest) -> bool:
        """Superusers, and those marked as staff who belong to a bakery: the others would see empty lists."""
        user = request.user
        return user.is_active and (user.is_superuser or (user.is_staff and bakeries_for(user).exists()))

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), reverse("sign_in"))
            if not self.has_permission(request):
                raise Http404
            return csp_update(LIBRARY_NEEDS)(guarded)(request, *args, **kwargs)

        return door

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """There is one page to sign in, and it is not the admin's."""
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("admin:index"), reverse("sign_in"))
        if not self.has_permission(request):
            raise Http404
        return redirect("admin:index")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        order = list(APP_NAMES)
        for app in apps:
            app["name"] = APP_NAMES.get(app["app_label"], app["name"])
        return sorted(apps, key=lambda app: order.index(app["app_label"]) if app["app_label"] in order else len(order))

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        return context | {
            "site_title": self.site_title,
            "site_header": "bakery_iot",
            "site_subheader": "Settings",
            "site_symbol": "bakery_dining",
            "site_url": reverse("dashboard"),
            "border_radius": "10px",
            "colors": COLORS,
        }
