"""The pages of alerts, under /alerts/."""

from django.urls import path

from alerts import views

urlpatterns = [
    path("", views.AlertListView.as_view(), name="alert_list"),
    path("<uuid:alert_id>/", views.AlertDetailView.as_view(), name="alert_detail"),
]
