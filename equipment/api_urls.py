"""The API's addresses of this app, each with and without a slash at its end."""

from django.urls import re_path

from equipment import api, api_catalogue, api_records

ONE = r"^equipment/(?P<equipment_id>[^/]+)"

urlpatterns = [
    re_path(r"^equipment/?$", api.EquipmentListView.as_view(), name="api_equipment_list"),
    # Before the machines' own addresses: these names are no ids.
    re_path(r"^equipment/protocols/?$", api_catalogue.ProtocolListView.as_view(), name="api_protocols"),
    re_path(r"^equipment/presets/?$", api_catalogue.PresetListView.as_view(), name="api_presets"),
    re_path(rf"{ONE}/?$", api.EquipmentDetailView.as_view(), name="api_equipment"),
    re_path(rf"{ONE}/iot-config/?$", api.IoTConfigView.as_view(), name="api_iot_config"),
    re_path(rf"{ONE}/test-connection/?$", api.TestConnectionView.as_view(), name="api_test_connection"),
    re_path(rf"{ONE}/haccp-records/?$", api_records.HaccpRecordListView.as_view(), name="api_haccp_records"),
    re_path(
        rf"{ONE}/cooking-programmes/?$", api_records.CookingProgrammeListView.as_view(), name="api_cooking_programmes"
    ),
]
