"""What machines say now and what they said, over HTTP. Shapes are the integration guide's."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, get_equipment
from telemetry.history import get_sensor_history
from telemetry.selectors import get_realtime_data
from telemetry.serializers import RealtimeDataSerializer, SensorHistoryQuery, SensorHistorySerializer


@extend_schema(parameters=[EQUIPMENT_ID])
class RealtimeDataView(APIView):
    @extend_schema(operation_id="get_realtime_data", responses=RealtimeDataSerializer)
    def get(self, request: Request, equipment_id: str) -> Response:
        return Response(get_realtime_data(get_equipment(request, equipment_id)))


@extend_schema(parameters=[EQUIPMENT_ID])
class SensorHistoryView(APIView):
    @extend_schema(
        operation_id="get_sensor_history", parameters=[SensorHistoryQuery], responses=SensorHistorySerializer
    )
    def get(self, request: Request, equipment_id: str) -> Response:
        equipment = get_equipment(request, equipment_id)
        query = SensorHistoryQuery(data=request.query_params.dict(), time_zone=equipment.bakery.time_zone)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        history = get_sensor_history(
            equipment,
            wanted["start_time"],
            wanted["end_time"],
            wanted["points"],
            wanted.get("fields"),
            wanted["aggregate"],
        )
        return Response(history)
