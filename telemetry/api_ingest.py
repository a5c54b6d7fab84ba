"""The door for gateways and machines that send by themselves. A repeated post stores nothing twice."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, get_equipment
from equipment.permissions import MaySendReadings
from telemetry.ingest import ingest_messages, ingest_readings
from telemetry.ingest_models import MOST_MESSAGES, MOST_READINGS, IngestAnswer, MessagesBody, ReadingsBody
from telemetry.parsers import LargeJSONParser


class IngestView(APIView):
    permission_classes = [MaySendReadings]
    parser_classes = [LargeJSONParser]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "ingest"


@extend_schema(parameters=[EQUIPMENT_ID])
class ReadingsView(IngestView):
    @extend_schema(operation_id="send_readings", request=ReadingsBody, responses=IngestAnswer)
    def post(self, request: Request, equipment_id: str) -> Response:
        """Readings in our own shape. Late ones go to the history, and neither change what is shown nor alert as now.

        A moment that is stored already stays as it is, so that a post can be repeated. What is wrong with single
        readings is told under `errors`, and the others are stored; 400 if none is right. The body may be packed, with
        `Content-Encoding: gzip`; unpacked it may have 8 MiB.
        """
        equipment = get_equipment(request, equipment_id)
        items = _take_list(request.data, "readings", MOST_READINGS)
        return Response(ingest_readings(equipment, items).model_dump())


@extend_schema(parameters=[EQUIPMENT_ID])
class MessagesView(IngestView):
    @extend_schema(operation_id="send_messages", request=MessagesBody, responses=IngestAnswer)
    def post(self, request: Request, equipment_id: str) -> Response:
        """The machine's own messages, read by the `additional_config.mapping` of its connection.

        Messages of the same moment make one reading: some machines send one for each chamber.
        """
        equipment = get_equipment(request, equipment_id)
        items = _take_list(request.data, "messages", MOST_MESSAGES)
        return Response(ingest_messages(equipment, items).model_dump())


def _take_list(body: Any, name: str, most: int) -> list[Any]:
    if not isinstance(body, Mapping):
        raise ValidationError(f'The body must be an object with {name} in it: {{"{name}": [ … ]}}.')
    if unknown := {key: f"There is only {name} here." for key in body if key != name}:
        raise ValidationError(unknown)
    items = body.get(name)
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise ValidationError({name: f"This must be a list of 1 to {most} items. Send more in several posts."})
    return items
