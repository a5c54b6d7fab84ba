"""The API's addresses of this app, each with and without a slash at its end."""

from django.urls import re_path

from equipment import api, api_bakeries, api_batches, api_catalogue, api_logs, api_records

ONE = r"^equipment/(?P<equipment_id>[^/]+)"
BATCH = r"^batches/(?P<batch_id>[^/]+)"
BAKERY = r"^bakeries/(?P<bakery>[^/]+)"

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
    re_path(rf"{ONE}/connection-logs/?$", api_logs.ConnectionLogListView.as_view(), name="api_connection_logs"),
    re_path(
        rf"{ONE}/batches/(?P<external_id>[^/]+)/?$", api_batches.ExternalBatchView.as_view(), name="api_external_batch"
    ),
    re_path(r"^batches/?$", api_batches.BatchListView.as_view(), name="api_batches"),
    re_path(rf"{BATCH}/?$", api_batches.BatchDetailView.as_view(), name="api_batch"),
    re_path(rf"{BATCH}/end/?$", api_batches.BatchEndView.as_view(), name="api_batch_end"),
    re_path(r"^bakeries/?$", api_bakeries.BakeryListView.as_view(), name="api_bakeries"),
    re_path(rf"{BAKERY}/?$", api_bakeries.BakeryDetailView.as_view(), name="api_bakery"),
    re_path(rf"{BAKERY}/members/?$", api_bakeries.MemberListView.as_view(), name="api_members"),
    re_path(rf"{BAKERY}/members/(?P<username>[^/]+)/?$", api_bakeries.MemberView.as_view(), name="api_member"),
]
