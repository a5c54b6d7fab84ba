"""The pages of single machines, under /equipment/."""

from django.urls import path

from equipment import views

urlpatterns = [path("<uuid:equipment_id>/", views.EquipmentDetailView.as_view(), name="equipment_detail")]
