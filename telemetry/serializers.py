"""Shapes of the API's requests and answers about what machines said. Units: °C, %, kWh, kg, minutes."""

from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from equipment.models import IoTConnectionStatus
from equipment.moments import MomentField
from equipment.serializers import QuerySerializer
from telemetry.history import AGGREGATES, RAW
from telemetry.metrics import FIELDS, METRICS, Kind
from telemetry.models import STATES
from telemetry.rollup_models import NUMBERS
from telemetry.rollups import LEVELS

DEFAULT_RANGE = timedelta(hours=24)


def _field(name: str, kind: Kind) -> serializers.Field[Any, Any, Any, Any]:
    if kind is Kind.JSON:
        return serializers.DictField(required=False)
    if kind is Kind.STATE:
        return serializers.ChoiceField([str(word) for word in STATES[name]], allow_null=True, required=False)
    number = serializers.IntegerField if kind is Kind.SMALLINT else serializers.FloatField
    return number(allow_null=True, required=False)


class RealtimeDataSerializer(serializers.Serializer[Any]):
    """The guide's answer. Unknown is null, and never 0."""

    equipment_id = serializers.UUIDField()
    equipment_name = serializers.CharField()
    timestamp = serializers.DateTimeField(allow_null=True)
    connection_status = serializers.ChoiceField(IoTConnectionStatus.choices)
    temperature = serializers.FloatField(allow_null=True)
    temperature_zones = serializers.DictField()
    humidity = serializers.FloatField(allow_null=True)
    operational_status = serializers.ChoiceField([str(w) for w in STATES["operational_status"]], allow_null=True)
    cycle_stage = serializers.ChoiceField([str(word) for word in STATES["cycle_stage"]], allow_null=True)
    cycle_progress_percentage = serializers.FloatField(allow_null=True)
    time_remaining_minutes = serializers.IntegerField(allow_null=True)
    energy_consumption_kwh = serializers.FloatField(allow_null=True)
    active_batch_id = serializers.UUIDField(allow_null=True)
    active_batch_name = serializers.CharField(allow_null=True)


class GapSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class HistoryReadingSerializer(serializers.Serializer[Any]):
    reading_time = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Where readings are gathered, each number comes with its peaks."""
        peaks = {f"{number.field}_{part}": number.kind for number in NUMBERS for part in ("min", "max")}
        kinds = {metric.field: metric.kind for metric in METRICS} | peaks
        return super().get_fields() | {name: _field(name, kind) for name, kind in kinds.items()}


class SensorHistorySerializer(serializers.Serializer[Any]):
    equipment_id = serializers.UUIDField()
    equipment_name = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    level = serializers.ChoiceField([RAW, *(level.key for level in LEVELS)], help_text="What the readings come from")
    total_readings = serializers.IntegerField(help_text="How many readings lie in the range")
    step_seconds = serializers.FloatField(allow_null=True, help_text="null: single readings, not gathered")
    readings = HistoryReadingSerializer(many=True)
    gaps = GapSerializer(many=True)


_NAME = f"({'|'.join(FIELDS)})"


@extend_schema_field({"type": "string", "pattern": f"^{_NAME}(,{_NAME})*$"})
class NamesField(serializers.CharField):
    pass


class FieldsQuery(QuerySerializer):
    """A query that may name the values it wants."""

    fields_ = NamesField(required=False, help_text="Names with commas between them; all, if left out")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `fields` itself is taken: it is where a serializer keeps its fields.
        found = super().get_fields()
        return {("fields" if name == "fields_" else name): field for name, field in found.items()}

    def validate_fields(self, names: str) -> list[str]:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        for name in wanted:
            if name not in FIELDS:
                near = get_close_matches(name, FIELDS, n=1)
                hint = f"Do you mean {near[0]!r}?" if near else f"There are: {', '.join(FIELDS)}."
                raise ValidationError(f"There is no value of the name {name[:50]!r}. {hint}")
        return wanted


@extend_schema_serializer(exclude_fields=["start_time", "end_time"])
class RangeQuery(FieldsQuery):
    """Without times it is the last 24 hours."""

    start_time = MomentField(required=False)
    end_time = MomentField(required=False)
    start = MomentField(
        required=False,
        help_text="ISO 8601; without an offset it is the bakery's local time. `start_time` is understood too",
    )
    end = MomentField(required=False, help_text="Like start; now, if left out. `end_time` is understood too")

    def __init__(self, *args: Any, time_zone: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, MomentField):
                field.timezone = time_zone

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for alias, name in (("start", "start_time"), ("end", "end_time")):
            if alias in attrs and name in attrs:
                raise ValidationError({alias: f"This is the same as {name}; leave one of them out."})
            if alias in attrs:
                attrs[name] = attrs.pop(alias)
        end = attrs.setdefault("end_time", timezone.now())
        start = attrs.setdefault("start_time", end - DEFAULT_RANGE)
        if end <= start:
            raise ValidationError({"end_time": "The end must come after the start. Are the two mixed up?"})
        return attrs


class SensorHistoryQuery(RangeQuery):
    """The query of `sensor-history`."""

    points = serializers.IntegerField(min_value=1, max_value=5000, default=500, help_text="At most about so many")
    aggregate = serializers.ChoiceField(AGGREGATES, default="avg", help_text="What becomes of the readings of one step")
