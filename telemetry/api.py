"""What machines say now and what they said, over HTTP. Shapes are the integration guide's."""

from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, find_equipment, get_equipment, no_such_equipment
from equipment.api_batches import BATCH_ID, get_batch
from telemetry.capabilities import get_capabilities
from telemetry.history import get_sensor_history
from telemetry.selectors import get_realtime_data
from telemetry.serializers import RealtimeDataSerializer, SensorHistoryQuery, SensorHistorySerializer
from telemetry.serializers_tracking import BatchTrackingSerializer, CapabilitiesSerializer, TrackingQuery
from telemetry.tracking import get_batch_tracking

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of the answer you have. 304 without a body while nothing has changed",
)


@method_decorator(conditional_page, name="dispatch")
@extend_schema(parameters=[EQUIPMENT_ID, IF_NONE_MATCH])
class RealtimeDataView(APIView):
    @extend_schema(operation_id="get_realtime_data", responses={200: RealtimeDataSerializer, 304: None})
    def get(self, request: Request, equipment_id: str) -> Response:
        data = get_realtime_data(find_equipment(request, equipment_id))
        if data is None:
            raise no_such_equipment()
        return Response(data, headers={"Cache-Control": "private, no-cache"})


@extend_schema(parameters=[BATCH_ID])
class BatchTrackingView(APIView):
    @extend_schema(operation_id="get_batch_tracking", parameters=[TrackingQuery], responses=BatchTrackingSerializer)
    def get(self, request: Request, batch_id: str) -> Response:
        """How far the batch is, what its machine says now, and the curve from its start to its end or to now."""
        batch = get_batch(request, batch_id)
        query = TrackingQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return Response(get_batch_tracking(batch, query.validated_data["points"], query.validated_data.get("fields")))


@extend_schema(parameters=[EQUIPMENT_ID])
class CapabilitiesView(APIView):
    @extend_schema(operation_id="get_capabilities", responses=CapabilitiesSerializer)
    def get(self, request: Request, equipment_id: str) -> Response:
        """What the machine can tell: by its newest reading, and by what was entered about it."""
        return Response(get_capabilities(get_equipment(request, equipment_id)))


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
