"""The pages of alerts, under /alerts/."""

from django.urls import path

from alerts import views, views_messages

urlpatterns = [
    path("", views.AlertListView.as_view(), name="alert_list"),
    path("messages/", views_messages.MessagesView.as_view(), name="my_messages"),
    path("<uuid:alert_id>/", views.AlertDetailView.as_view(), name="alert_detail"),
]
