"""What happened to a machine's connection, over HTTP."""

from django_filters import filters
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from equipment.api import EQUIPMENT_ID, get_equipment
from equipment.api_lists import StrictFilterBackend, TimeCursorPagination
from equipment.models import ConnectionEventType, ConnectionLog, IoTConnectionStatus
from equipment.moments import MomentFilter


class ConnectionLogSerializer(serializers.ModelSerializer[ConnectionLog]):
    class Meta:
        model = ConnectionLog
        fields = [
            "event_type",
            "event_time",
            "connection_status",
            "error_message",
            "error_code",
            "response_time_ms",
            "data_points_received",
        ]


class ConnectionLogFilters(FilterSet):  # type: ignore[misc]
    event_type = filters.ChoiceFilter(choices=ConnectionEventType.choices)
    connection_status = filters.ChoiceFilter(choices=IoTConnectionStatus.choices)
    after = MomentFilter("event_time", lookup_expr="gte", help_text="Inclusive")
    before = MomentFilter("event_time", lookup_expr="lt", help_text="Exclusive")


@extend_schema(parameters=[EQUIPMENT_ID])
class ConnectionLogListView(generics.GenericAPIView[ConnectionLog]):
    serializer_class = ConnectionLogSerializer
    pagination_class = TimeCursorPagination
    filter_backends = [StrictFilterBackend]
    filterset_class = ConnectionLogFilters
    ordering = ("-event_time", "-id")
    queryset = ConnectionLog.objects.none()

    @extend_schema(operation_id="list_connection_logs", responses=ConnectionLogSerializer(many=True))
    def get(self, request: Request, equipment_id: str) -> Response:
        """Changes and tests of the connection, newest first. Never one row per reading."""
        rows = get_equipment(request, equipment_id).connection_logs.all()
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
