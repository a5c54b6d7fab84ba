"""Every address of the site. Pages end in a slash; the API takes both."""

from django.contrib import admin
from django.urls import include, path, re_path

from bakery_iot import api, figures, sign_in, views

urlpatterns = [
    path("", views.DashboardView.as_view(), name="dashboard"),
    path("sign-in/", sign_in.SignInView.as_view(), name="sign_in"),
    path("sign-in/code/", sign_in.SecondFactorView.as_view(), name="second_factor"),
    path("sign-in/second-step/", sign_in.SetUpSecondFactorView.as_view(), name="set_up_second_factor"),
    path("sign-out/", sign_in.SignOutView.as_view(), name="sign_out"),
    path("health", views.health, name="health"),
    path("metrics", figures.metrics, name="metrics"),
    path("alerts/", include("alerts.urls")),
    path("equipment/", include("equipment.urls")),
    path("admin/", admin.site.urls),
    re_path(r"^api/v1/auth/token/?$", api.TokenView.as_view(), name="api_token"),
    re_path(r"^api/v1/schema/?$", views.SchemaView.as_view(), name="api_schema"),
    re_path(r"^api/v1/docs/?$", views.ApiDocsView.as_view(), name="api_docs"),
    path("api/v1/", include("alerts.api_urls")),
    path("api/v1/", include("telemetry.api_urls")),
    path("api/v1/", include("equipment.api_urls")),
]

handler404 = "bakery_iot.views.not_found"
handler500 = "bakery_iot.views.failed"
