"""The pages of single machines, and the letters to their makers, under /equipment/."""

from django.urls import path

from equipment import data_request, views

urlpatterns = [
    path("<uuid:equipment_id>/", views.EquipmentDetailView.as_view(), name="equipment_detail"),
    path(
        "<uuid:equipment_id>/data-request/",
        data_request.EquipmentDataRequestView.as_view(),
        name="equipment_data_request",
    ),
    path("data-request/<slug:preset>/", data_request.PresetDataRequestView.as_view(), name="preset_data_request"),
]
