"""The API's addresses of this app, each with and without a slash at its end."""

from django.urls import re_path

from telemetry import api, api_gateways

ONE = r"^equipment/(?P<equipment_id>[^/]+)"

urlpatterns = [
    re_path(r"^gateways/?$", api_gateways.GatewayListView.as_view(), name="api_gateways"),
    re_path(rf"{ONE}/realtime-data/?$", api.RealtimeDataView.as_view(), name="api_realtime_data"),
    re_path(rf"{ONE}/sensor-history/?$", api.SensorHistoryView.as_view(), name="api_sensor_history"),
]
