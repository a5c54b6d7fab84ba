"""The API's addresses of this app, each with and without a slash at its end."""

from django.urls import re_path

from equipment import api

ONE = r"^equipment/(?P<equipment_id>[^/]+)"

urlpatterns = [
    re_path(r"^equipment/?$", api.EquipmentListView.as_view(), name="api_equipment_list"),
    re_path(rf"{ONE}/?$", api.EquipmentDetailView.as_view(), name="api_equipment"),
    re_path(rf"{ONE}/iot-config/?$", api.IoTConfigView.as_view(), name="api_iot_config"),
    re_path(rf"{ONE}/test-connection/?$", api.TestConnectionView.as_view(), name="api_test_connection"),
]
