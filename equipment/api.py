"""The machines over HTTP: list and change them, set and test their connection. Shapes are the integration guide's."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from connectors import ConnectionTest
from equipment import services
from equipment.allowed_lately import recall, remember, who
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.inventory import COLUMNS, save_equipment
from equipment.models import Equipment
from equipment.permissions import CanConfigureIoT, MayChangeEquipment, check_may_configure_iot
from equipment.selectors import equipment_for
from equipment.serializers import (
    ConnectionTestSerializer,
    EquipmentFilterSerializer,
    EquipmentPageSerializer,
    EquipmentSerializer,
    IoTConfigAnswerSerializer,
    IoTConfigSerializer,
)

EQUIPMENT_ID = OpenApiParameter("equipment_id", UUID, OpenApiParameter.PATH, description="The machine's `id`")
CONNECTION_COLUMNS = {"iot_enabled", "supports_realtime", "poll_interval_seconds"}


def get_equipment(request: Request, equipment_id: str) -> Equipment:
    """One of the user's machines. What is no id, is archived or belongs to others is not found."""
    try:
        return equipment_for(request.user).select_related("bakery__gateway").get(uuid=UUID(equipment_id))
    except (ValueError, Equipment.DoesNotExist):
        raise no_such_equipment() from None


def no_such_equipment() -> NotFound:
    return NotFound("There is no equipment of this id in your bakeries.")


def find_equipment(request: Request, equipment_id: str) -> int:
    """The primary key of what `get_equipment` gives, for an endpoint that is asked many times a second.

    All machines of the user are remembered together: who asks often asks for each of them.
    """
    machines: dict[str, int] | None = recall("machines", who(request.user))
    if machines is None:
        rows = equipment_for(request.user).order_by().values_list("uuid", "pk")
        machines = {str(uuid): pk for uuid, pk in rows}
        remember("machines", who(request.user), value=machines)
    return machines.get(equipment_id) or get_equipment(request, equipment_id).pk


class EquipmentPagination(PageNumberPagination):
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500


class EquipmentListView(APIView):
    permission_classes = [MayChangeEquipment]

    @extend_schema(
        operation_id="list_equipment",
        parameters=[EquipmentFilterSerializer],
        responses=EquipmentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        query = EquipmentFilterSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        columns = {"bakery": "bakery__slug", "type": "type", "connection_status": "iot_connection_status"}
        wanted = {columns[key]: value for key, value in query.validated_data.items() if key in columns}
        machines = equipment_for(request.user).filter(**wanted).order_by("bakery__name", "name", "pk")
        pagination = EquipmentPagination()
        page = pagination.paginate_queryset(machines, request, view=self)
        return pagination.get_paginated_response(EquipmentSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_equipment",
        parameters=[IDEMPOTENCY_KEY],
        request=EquipmentSerializer,
        responses={201: EquipmentSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        posted = EquipmentSerializer(data=request.data, context={"request": request})
        posted.is_valid(raise_exception=True)
        equipment = _save(Equipment(**posted.validated_data))
        address = f"{request.build_absolute_uri().rstrip('/')}/{equipment.uuid}"
        return Response(EquipmentSerializer(equipment).data, status.HTTP_201_CREATED, headers={"Location": address})


def _save(equipment: Equipment, columns: Collection[str] = COLUMNS) -> Equipment:
    try:
        save_equipment(equipment, columns)
    except IntegrityError:
        # Somebody else took the name between the check and now.
        raise ValidationError({"name": "This bakery already has equipment of this name."}) from None
    return equipment


@extend_schema(parameters=[EQUIPMENT_ID])
class EquipmentDetailView(APIView):
    permission_classes = [MayChangeEquipment]

    @extend_schema(operation_id="get_equipment", responses=EquipmentSerializer)
    def get(self, request: Request, equipment_id: str) -> Response:
        return Response(EquipmentSerializer(get_equipment(request, equipment_id)).data)

    @extend_schema(operation_id="change_equipment", request=EquipmentSerializer, responses=EquipmentSerializer)
    def patch(self, request: Request, equipment_id: str) -> Response:
        equipment = get_equipment(request, equipment_id)
        posted = EquipmentSerializer(equipment, data=request.data, partial=True, context={"request": request})
        posted.is_valid(raise_exception=True)
        if CONNECTION_COLUMNS & posted.validated_data.keys():
            check_may_configure_iot(request)
        for name, value in posted.validated_data.items():
            setattr(equipment, name, value)
        return Response(EquipmentSerializer(_save(equipment, posted.validated_data)).data)

    @extend_schema(operation_id="archive_equipment", responses={204: None})
    def delete(self, request: Request, equipment_id: str) -> Response:
        """The machine is archived: it is no longer read and shown; what it has told stays for the records."""
        services.archive_equipment(get_equipment(request, equipment_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DialingView(APIView):
    """Makes our server dial a machine: with a permission of its own, and not without end."""

    permission_classes = [CanConfigureIoT]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "test-connection"


@extend_schema(parameters=[EQUIPMENT_ID])
class IoTConfigView(DialingView):
    @extend_schema(operation_id="configure_iot", request=IoTConfigSerializer, responses=IoTConfigAnswerSerializer)
    def post(self, request: Request, equipment_id: str) -> Response:
        """Save the connection, then test it. The settings are kept even if the machine does not answer."""
        equipment = get_equipment(request, equipment_id)
        posted = IoTConfigSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        services.configure_equipment_iot(equipment, posted.validated_data)
        return Response(
            {
                "success": True,
                "message": "IoT configuration saved successfully",
                "equipment_id": str(equipment.uuid),
                "connection_test_result": _in_short(services.test_connection(equipment)),
            }
        )


def _in_short(result: ConnectionTest) -> dict[str, Any]:
    told = ["success", "status", "response_time_ms"]
    if not result.success:
        told += ["message", "error_details", "error_code"]
    answer = ConnectionTestSerializer(result).data
    return {key: answer[key] for key in told}


@extend_schema(parameters=[EQUIPMENT_ID])
class TestConnectionView(DialingView):
    @extend_schema(
        operation_id="test_connection",
        request=IoTConfigSerializer(partial=True),
        responses=ConnectionTestSerializer,
    )
    def post(self, request: Request, equipment_id: str) -> Response:
        """Try the posted settings, or the saved ones if the body is empty. 200 also if the machine did not answer."""
        equipment = get_equipment(request, equipment_id)
        posted = IoTConfigSerializer(data=request.data, partial=True)
        posted.is_valid(raise_exception=True)
        if not posted.validated_data and not equipment.iot_protocol:
            raise ValidationError({"protocol": "Nothing is saved yet. Post the settings to test, or save them first."})
        result = services.test_connection(equipment, posted.validated_data or None)
        return Response(ConnectionTestSerializer(result).data)
