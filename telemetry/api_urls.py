"""The API's addresses of this app, each with and without a slash at its end."""

from django.urls import re_path

from telemetry import api, api_exports, api_gateways, api_ingest

ONE = r"^equipment/(?P<equipment_id>[^/]+)"

urlpatterns = [
    re_path(r"^gateways/?$", api_gateways.GatewayListView.as_view(), name="api_gateways"),
    re_path(rf"{ONE}/realtime-data/?$", api.RealtimeDataView.as_view(), name="api_realtime_data"),
    re_path(rf"{ONE}/sensor-history/?$", api.SensorHistoryView.as_view(), name="api_sensor_history"),
    re_path(rf"{ONE}/readings/?$", api_ingest.ReadingsView.as_view(), name="api_readings"),
    re_path(rf"{ONE}/readings\.csv$", api_exports.CsvExportView.as_view(), name="api_export_csv"),
    re_path(rf"{ONE}/readings\.ndjson$", api_exports.NdjsonExportView.as_view(), name="api_export_ndjson"),
    re_path(rf"{ONE}/readings\.parquet$", api_exports.ParquetExportView.as_view(), name="api_export_parquet"),
    re_path(rf"{ONE}/messages/?$", api_ingest.MessagesView.as_view(), name="api_messages"),
    re_path(rf"{ONE}/capabilities/?$", api.CapabilitiesView.as_view(), name="api_capabilities"),
    re_path(
        r"^batches/(?P<batch_id>[^/]+)/realtime-tracking/?$",
        api.BatchTrackingView.as_view(),
        name="api_batch_tracking",
    ),
]
