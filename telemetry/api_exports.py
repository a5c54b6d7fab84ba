"""All readings of a range as a file: CSV, NDJSON or Parquet, streamed."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.module_loading import import_string
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from equipment.api import EQUIPMENT_ID, get_equipment
from equipment.streaming import begun, in_parts
from telemetry.export_formats import write_csv, write_ndjson
from telemetry.history import iter_sensor_history
from telemetry.metrics import FIELDS
from telemetry.serializers import RangeQuery

WRITE_PARQUET = "telemetry.parquet.write_parquet"


class ParquetNotInstalled(APIException):
    status_code = HTTPStatus.NOT_IMPLEMENTED
    default_detail = (
        "This server cannot write Parquet: its optional extra pyarrow is not installed. Ask whoever runs it for "
        "`pip install pyarrow`, or take CSV or NDJSON."
    )


class CsvQuery(RangeQuery):
    separator = serializers.ChoiceField(
        [",", ";"], default=",", help_text="Semicolons, with decimal commas, suit spreadsheets of most of Europe"
    )
    decimal = serializers.ChoiceField([".", ","], default=".", help_text="The sign before decimals")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["separator"] == attrs["decimal"]:
            raise ValidationError({"decimal": "Decimal commas need the separator ;, or a number would be two cells."})
        return super().validate(attrs)


class ExportView(APIView):
    """`write` turns rows into parts of the file, of which the first is made before the answer begins."""

    query_class: type[RangeQuery] = RangeQuery
    media_type: str
    suffix: str

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The address says what comes; what the client accepts is for it to decide. Errors are JSON as ever."""
        return JSONRenderer(), JSONRenderer.media_type

    def get(self, request: Request, equipment_id: str) -> StreamingHttpResponse:
        equipment = get_equipment(request, equipment_id)
        query = self.query_class(data=request.query_params.dict(), time_zone=equipment.bakery.time_zone)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        fields = [name for name in FIELDS if name in wanted.get("fields", FIELDS)]
        rows = iter_sensor_history(equipment, wanted["start_time"], wanted["end_time"], fields)
        days = f"{wanted['start_time']:%Y-%m-%d}_{wanted['end_time']:%Y-%m-%d}"
        name = f"{slugify(equipment.name) or 'readings'}_{days}.{self.suffix}"
        return StreamingHttpResponse(
            in_parts(begun(self.write(rows, fields, wanted))),
            content_type=self.media_type,
            headers={
                "Content-Disposition": content_disposition_header(True, name) or "attachment",
                "Cache-Control": "private, no-store",
                "X-Accel-Buffering": "no",
            },
        )

    def write(self, rows: Iterator[dict[str, Any]], fields: list[str], wanted: dict[str, Any]) -> Iterator[bytes]:
        raise NotImplementedError


def _file(media_type: str, kind: OpenApiTypes = OpenApiTypes.STR) -> dict[Any, Any]:
    return {(200, media_type): OpenApiResponse(kind, description="The file, sent while it is made")}


class CsvExportView(ExportView):
    query_class = CsvQuery
    media_type = "text/csv; charset=utf-8"
    suffix = "csv"

    @extend_schema(operation_id="export_csv", parameters=[EQUIPMENT_ID, CsvQuery], responses=_file("text/csv"))
    def get(self, request: Request, equipment_id: str) -> StreamingHttpResponse:
        """Every reading of the range as CSV. No cell begins like a formula, whatever a machine has sent."""
        return super().get(request, equipment_id)

    def write(self, rows: Iterator[dict[str, Any]], fields: list[str], wanted: dict[str, Any]) -> Iterator[bytes]:
        return write_csv(rows, fields, wanted["separator"], wanted["decimal"])


class NdjsonExportView(ExportView):
    media_type = "application/x-ndjson"
    suffix = "ndjson"

    @extend_schema(
        operation_id="export_ndjson", parameters=[EQUIPMENT_ID, RangeQuery], responses=_file("application/x-ndjson")
    )
    def get(self, request: Request, equipment_id: str) -> StreamingHttpResponse:
        """Every reading of the range, one JSON object on each line."""
        return super().get(request, equipment_id)

    def write(self, rows: Iterator[dict[str, Any]], fields: list[str], wanted: dict[str, Any]) -> Iterator[bytes]:
        return write_ndjson(rows)


class ParquetExportView(ExportView):
    media_type = "application/vnd.apache.parquet"
    suffix = "parquet"

    @extend_schema(
        operation_id="export_parquet",
        parameters=[EQUIPMENT_ID, RangeQuery],
        responses=_file("application/vnd.apache.parquet", OpenApiTypes.BINARY),
    )
    def get(self, request: Request, equipment_id: str) -> StreamingHttpResponse:
        """Every reading of the range as Parquet. 501 where the server lacks the optional extra for it."""
        return super().get(request, equipment_id)

    def write(self, rows: Iterator[dict[str, Any]], fields: list[str], wanted: dict[str, Any]) -> Iterator[bytes]:
        try:
            write_parquet = import_string(WRITE_PARQUET)
        except ImportError:
            raise ParquetNotInstalled from None
        parts: Iterator[bytes] = write_parquet(rows, fields)
        return parts
