"""HACCP batches and cooking programmes over HTTP, newest first, as the maker's cloud documented them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, EquipmentPagination, get_equipment
from equipment.record_models import CookingProgramme, HaccpRecord
from equipment.serializers import QuerySerializer


class HaccpRecordSerializer(serializers.ModelSerializer[HaccpRecord]):
    batch_id = serializers.CharField(source="external_id", help_text="The batch's id on the device")

    class Meta:
        model = HaccpRecord
        fields = [
            "batch_id",
            "serial_number",
            "device_name",
            "group_name",
            "name",
            "started_at",
            "total_seconds",
            "finished",
            "core_temperature_reached",
            "temperature_unit",
            "software_versions",
            "source_updated_at",
            "first_seen_at",
            "updated_at",
            "document",
        ]


class CookingProgrammeSerializer(serializers.ModelSerializer[CookingProgramme]):
    programme_id = serializers.CharField(source="external_id", help_text="Its id in the maker's cloud")

    class Meta:
        model = CookingProgramme
        fields = [
            "programme_id",
            "uuid",
            "name",
            "kind",
            "status",
            "group",
            "device_family",
            "first_seen_at",
            "updated_at",
            "document",
        ]


class _PageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class HaccpRecordPageSerializer(_PageSerializer):
    results = HaccpRecordSerializer(many=True)


class CookingProgrammePageSerializer(_PageSerializer):
    results = CookingProgrammeSerializer(many=True)


class PageQuerySerializer(QuerySerializer):
    page = serializers.IntegerField(min_value=1, required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=500, required=False, help_text="100 unless told")


def _answer_page(view: APIView, request: Request, rows: Any, serializer: Any) -> Response:
    PageQuerySerializer(data=request.query_params.dict()).is_valid(raise_exception=True)
    pagination = EquipmentPagination()
    page: Any = pagination.paginate_queryset(rows, request, view=view)
    return pagination.get_paginated_response(serializer(page, many=True).data)


@extend_schema(parameters=[EQUIPMENT_ID, PageQuerySerializer])
class HaccpRecordListView(APIView):
    @extend_schema(operation_id="list_haccp_records", responses=HaccpRecordPageSerializer)
    def get(self, request: Request, equipment_id: str) -> Response:
        """`document` holds every key as the cloud sent it, its temperatures in `temperature_unit`."""
        rows = get_equipment(request, equipment_id).haccp_records.order_by("-started_at", "-id")
        return _answer_page(self, request, rows, HaccpRecordSerializer)


@extend_schema(parameters=[EQUIPMENT_ID, PageQuerySerializer])
class CookingProgrammeListView(APIView):
    @extend_schema(operation_id="list_cooking_programmes", responses=CookingProgrammePageSerializer)
    def get(self, request: Request, equipment_id: str) -> Response:
        rows = get_equipment(request, equipment_id).cooking_programmes.order_by("name", "id")
        return _answer_page(self, request, rows, CookingProgrammeSerializer)
