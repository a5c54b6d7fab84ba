"""The batches over HTTP: list, start, change and end them, by our id or by that of an ERP."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import filters
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, get_equipment
from equipment.api_errors import Conflict
from equipment.api_lists import StrictFilterBackend, TimeCursorPagination
from equipment.batches import BatchExistsError, change_batch, end_batch, find_external_batch, start_batch
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.models import Batch
from equipment.moments import MomentFilter
from equipment.permissions import MayChangeBatches
from equipment.selectors import batches_for
from equipment.serializers_batches import BatchEndSerializer, BatchSerializer, BatchValuesSerializer

BATCH_ID = OpenApiParameter("batch_id", UUID, OpenApiParameter.PATH, description="The batch's `id`")
EXTERNAL_ID = OpenApiParameter(
    "external_id",
    {"type": "string", "minLength": 1, "maxLength": 100},
    OpenApiParameter.PATH,
    description="The batch's id in your ERP",
)
TAKEN = "This machine has a batch of this external_id already. Change that one: PUT to its address writes it again."


def get_batch(request: Request, batch_id: str) -> Batch:
    """One of the user's batches. What is no id or belongs to others is not found."""
    try:
        return batches_for(request.user).get(uuid=UUID(batch_id))
    except (ValueError, Batch.DoesNotExist):
        raise NotFound("There is no batch of this id in your bakeries.") from None


def check_external_id(external_id: str) -> None:
    if len(external_id) > 100 or "\0" in external_id:
        raise ValidationError({"external_id": "An external_id has 1 to 100 characters, and no NUL among them."})


class BatchFilters(FilterSet):  # type: ignore[misc]
    bakery = filters.CharFilter("equipment__bakery__slug", help_text="A bakery's slug")
    equipment_id = filters.UUIDFilter("equipment__uuid")
    external_id = filters.CharFilter("external_id", help_text="The batch's id in your ERP")
    product = filters.CharFilter("product")
    active = filters.BooleanFilter("ended_at", lookup_expr="isnull", help_text="true: not ended; false: ended")
    started_after = MomentFilter("started_at", lookup_expr="gte", help_text="Inclusive")
    started_before = MomentFilter("started_at", lookup_expr="lt", help_text="Exclusive")


class BatchListView(generics.GenericAPIView[Batch]):
    permission_classes = [MayChangeBatches]
    serializer_class = BatchSerializer
    pagination_class = TimeCursorPagination
    filter_backends = [StrictFilterBackend]
    filterset_class = BatchFilters
    ordering = ("-started_at", "-id")

    def get_queryset(self) -> QuerySet[Batch]:
        return batches_for(self.request.user)

    @extend_schema(operation_id="list_batches", responses=BatchSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="start_batch",
        parameters=[IDEMPOTENCY_KEY],
        request=BatchSerializer,
        responses={201: BatchSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        posted = BatchSerializer(data=request.data, context={"request": request})
        posted.is_valid(raise_exception=True)
        try:
            batch = start_batch(**posted.validated_data)
        except BatchExistsError:
            raise Conflict(TAKEN) from None
        address = f"{request.build_absolute_uri(request.path).rstrip('/')}/{batch.uuid}"
        return Response(BatchSerializer(batch).data, status.HTTP_201_CREATED, headers={"Location": address})


@extend_schema(parameters=[BATCH_ID])
class BatchDetailView(APIView):
    permission_classes = [MayChangeBatches]

    @extend_schema(operation_id="get_batch", responses=BatchSerializer)
    def get(self, request: Request, batch_id: str) -> Response:
        return Response(BatchSerializer(get_batch(request, batch_id)).data)

    @extend_schema(operation_id="change_batch", request=BatchSerializer, responses=BatchSerializer)
    def patch(self, request: Request, batch_id: str) -> Response:
        batch = get_batch(request, batch_id)
        posted = BatchSerializer(batch, data=request.data, partial=True, context={"request": request})
        posted.is_valid(raise_exception=True)
        try:
            change_batch(batch, posted.validated_data)
        except BatchExistsError:
            raise Conflict(TAKEN) from None
        return Response(BatchSerializer(batch).data)


@extend_schema(parameters=[BATCH_ID])
class BatchEndView(APIView):
    permission_classes = [MayChangeBatches]

    @extend_schema(operation_id="end_batch", request=BatchEndSerializer, responses=BatchSerializer)
    def post(self, request: Request, batch_id: str) -> Response:
        """A batch that has ended already stays as it is: the first who said so is right."""
        batch = get_batch(request, batch_id)
        posted = BatchEndSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        ended_at = posted.validated_data.get("ended_at", timezone.now())
        if ended_at < batch.started_at:
            raise ValidationError({"ended_at": "A batch cannot end before it starts."})
        end_batch(batch, ended_at)
        return Response(BatchSerializer(get_batch(request, batch_id)).data)


@extend_schema(parameters=[EQUIPMENT_ID, EXTERNAL_ID])
class ExternalBatchView(APIView):
    """A machine's batch by its id in an ERP, which may say the same again and again."""

    permission_classes = [MayChangeBatches]

    @extend_schema(operation_id="get_external_batch", responses=BatchSerializer)
    def get(self, request: Request, equipment_id: str, external_id: str) -> Response:
        check_external_id(external_id)
        batch = find_external_batch(get_equipment(request, equipment_id), external_id)
        if batch is None:
            raise NotFound("This machine has no batch of this external_id.")
        return Response(BatchSerializer(batch).data)

    @extend_schema(
        operation_id="put_external_batch",
        request=BatchValuesSerializer,
        responses={200: BatchSerializer, 201: BatchSerializer},
    )
    def put(self, request: Request, equipment_id: str, external_id: str) -> Response:
        """Make the batch, or write it again: 201 or 200. What is left out stays as it is."""
        equipment = get_equipment(request, equipment_id)
        check_external_id(external_id)
        batch = find_external_batch(equipment, external_id)
        posted = BatchValuesSerializer(batch, data=request.data)
        posted.is_valid(raise_exception=True)
        if batch is not None:
            return Response(BatchSerializer(change_batch(batch, posted.validated_data)).data)
        values: dict[str, Any] = {"external_id": external_id, **posted.validated_data}
        try:
            made = start_batch(equipment, **values)
        except BatchExistsError:
            raise Conflict("Another request has just made this batch. Send yours again.") from None
        return Response(BatchSerializer(made).data, status.HTTP_201_CREATED)
