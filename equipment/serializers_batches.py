"""Shapes of the API's requests and answers about batches."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from equipment.models import Batch, Equipment
from equipment.moments import MomentField
from equipment.selectors import equipment_for
from equipment.serializers import StrictSerializer

COLDEST, HOTTEST = -100, 1500


@extend_schema_field(OpenApiTypes.UUID)
class OwnEquipmentField(serializers.Field[Equipment, Any, str, Any]):
    """The id of one of the user's machines in the body; the machine itself inside."""

    def to_internal_value(self, data: Any) -> Equipment:
        uuid = serializers.UUIDField().to_internal_value(data)
        machine = equipment_for(self.context["request"].user).filter(uuid=uuid).first()
        if machine is None:
            raise ValidationError("There is no equipment of this id in your bakeries.")
        return machine

    def to_representation(self, value: Equipment) -> str:
        return str(value.uuid)


class BatchValuesSerializer(StrictSerializer):
    """What an ERP says of its own batch. What is left out stays as it is."""

    product = serializers.CharField(max_length=100)
    number = serializers.CharField(
        max_length=50, required=False, allow_blank=True, help_text="As the bakery counts its batches"
    )
    started_at = MomentField(required=False, help_text="Now, if a new batch leaves it out")
    ended_at = MomentField(required=False, allow_null=True, help_text="null: it is still in the machine")
    target_temperature = serializers.FloatField(
        required=False, allow_null=True, min_value=COLDEST, max_value=HOTTEST, help_text="°C"
    )
    expected_minutes = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=20_160)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance
        if before is None:
            attrs.setdefault("started_at", timezone.now())
        start = attrs.get("started_at") or before.started_at  # type: ignore[union-attr]
        end = attrs["ended_at"] if "ended_at" in attrs else getattr(before, "ended_at", None)
        if end is not None and end < start:
            raise ValidationError({"ended_at": "A batch cannot end before it starts. Are the two mixed up?"})
        return attrs


class BatchSerializer(BatchValuesSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True, help_text="As the pages show it")
    bakery = serializers.CharField(source="equipment.bakery.slug", read_only=True)
    equipment_id = OwnEquipmentField(source="equipment")
    external_id = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="The batch's id in your ERP or till"
    )

    class Meta:
        model = Batch

    def validate_equipment_id(self, equipment: Equipment) -> Equipment:
        if self.instance is not None and equipment != self.instance.equipment:
            raise ValidationError("A batch stays in its machine. Start another one there.")
        return equipment


class BatchEndSerializer(StrictSerializer):
    ended_at = MomentField(required=False, help_text="Now, if left out")
