"""Shapes of the API's requests and answers about machines. Credentials go in and never come out."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from connectors import Reading
from connectors.preset import list_presets
from connectors.reading import CycleStage, DoorStatus, OperationalStatus
from equipment.models import Bakery, Equipment, EquipmentType, IoTConnectionStatus
from equipment.selectors import bakeries_for
from equipment.validators import check_storable_json

# Python would take 0 for "0" and "yes" for true; whoever sends them means something else.
JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str], ...] = (
    (serializers.CharField, (str,), "This must be text, in quotation marks."),
    (serializers.DateTimeField, (str,), "This must be text: 2025-01-12T10:30:00Z."),
    (serializers.BooleanField, (bool,), "This must be true or false."),
    (serializers.IntegerField, (int, float), "This must be a whole number."),
    (serializers.FloatField, (int, float), "This must be a number."),
)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys it does not know, and values of another type: a slip is an error, not a silent default."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = [name for name, field in self.fields.items() if not field.read_only]
            refused = {key: self.explain(str(key), writable) for key in data if key not in writable}
            refused |= {key: text for key in writable if key in data and (text := self.find_misfit(key, data[key]))}
            if refused:
                raise ValidationError(refused)
        return super().to_internal_value(data)

    def find_misfit(self, key: str, value: Any) -> str | None:
        """What is wrong with the type of a value, in a sentence. Null is the field's own matter."""
        for field_class, types, sentence in JSON_TYPES:
            if isinstance(self.fields[key], field_class):
                fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
                return None if value is None or fits else sentence
        return None

    def explain(self, key: str, writable: list[str]) -> str:
        if key in self.fields:
            return "This can be read, but not set."
        near = get_close_matches(key, writable, n=1)
        hint = f"Do you mean {near[0]}?" if near else f"There are: {', '.join(writable)}."
        return f"There is no field of this name. {hint}"


class QuerySerializer(StrictSerializer):
    """What stands behind the question mark of an address, where everything is text."""

    def find_misfit(self, key: str, value: Any) -> str | None:
        return None


class OwnBakeries(serializers.SlugRelatedField[Bakery]):
    def to_internal_value(self, data: Any) -> Bakery:
        # Few enough to compare here; the database refuses some texts with an error.
        for bakery in bakeries_for(self.context["request"].user):
            if bakery.slug == data:
                return bakery
        raise ValidationError("None of your bakeries has this slug.")


class EquipmentSerializer(StrictSerializer, serializers.ModelSerializer[Equipment]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    bakery = OwnBakeries(slug_field="slug", queryset=Bakery.objects.none(), help_text="The bakery's slug")
    iot_enabled = serializers.BooleanField(required=False, help_text="Read this machine at its interval")
    preset = serializers.CharField(
        max_length=50, required=False, allow_blank=True, help_text="Key of the preset that it was set up from"
    )
    iot_config = serializers.DictField(read_only=True, help_text="additional_config of the connection")
    iot_credentials_set = serializers.SerializerMethodField(help_text="Which credentials are stored; never their text")

    class Meta:
        model = Equipment
        writable = [
            "name",
            "type",
            "bakery",
            "place",
            "manufacturer",
            "model",
            "serial_number",
            "firmware_version",
            "preset",
            "iot_enabled",
            "supports_realtime",
            "poll_interval_seconds",
            "temperature_zones",
            "supports_humidity",
            "supports_energy_monitoring",
            "supports_remote_control",
        ]
        read_only_fields = [
            "iot_protocol",
            "iot_endpoint",
            "iot_port",
            "iot_config",
            "iot_credentials_set",
            "iot_connection_status",
            "iot_connection_error",
            "iot_connection_error_code",
            "iot_last_connected",
        ]
        fields = ["id", *writable, *read_only_fields]
        # The model's own constraint says it better, and knows about archived machines.
        validators: list[Any] = []

    def get_iot_credentials_set(self, equipment: Equipment) -> list[str]:
        return sorted(key for key, value in (equipment.iot_credentials or {}).items() if value)

    def explain(self, key: str, writable: list[str]) -> str:
        if key.startswith("iot_"):
            return "Set the connection with POST /api/v1/equipment/{id}/iot-config."
        return super().explain(key, writable)

    def validate_preset(self, key: str) -> str:
        if key and key not in list_presets() and key != getattr(self.instance, "preset", ""):
            raise ValidationError("There is no preset of this name. GET /api/v1/equipment/presets lists them.")
        return key

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance or Equipment()
        bakery_id = attrs["bakery"].pk if "bakery" in attrs else before.bakery_id
        trial = Equipment(pk=before.pk, bakery_id=bakery_id, name=attrs.get("name", before.name))
        trial._state.adding = before._state.adding
        try:
            trial.validate_constraints()
        except ModelError as error:
            raise ValidationError({"name": error.messages}) from None
        if attrs.get("iot_enabled") and not before.iot_protocol:
            raise ValidationError({"iot_enabled": "Say first how the machine is connected, with POST iot-config."})
        return attrs


class EquipmentPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EquipmentSerializer(many=True)


class EquipmentFilterSerializer(QuerySerializer):
    """The query of the list."""

    bakery = serializers.CharField(required=False, help_text="A bakery's slug")
    type = serializers.ChoiceField(EquipmentType.choices, required=False)
    connection_status = serializers.ChoiceField(IoTConnectionStatus.choices, required=False)
    page = serializers.IntegerField(min_value=1, required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=500, required=False, help_text="100 unless told")


class IoTConfigSerializer(StrictSerializer):
    """The guide's request body. What is right inside depends on the protocol, and is the connector's to say."""

    protocol = serializers.CharField(max_length=50)
    endpoint = serializers.CharField(max_length=Equipment._meta.get_field("iot_endpoint").max_length)
    port = serializers.IntegerField(min_value=1, max_value=65_535, allow_null=True, required=False)
    credentials = serializers.DictField(
        required=False, write_only=True, help_text="Left out: the stored ones stay, while the host is the same"
    )
    additional_config = serializers.DictField(required=False, validators=[check_storable_json])
    supports_realtime = serializers.BooleanField(required=False)
    poll_interval_seconds = serializers.IntegerField(min_value=1, max_value=86_400, required=False)


class ConnectionTestResultSerializer(serializers.Serializer[Any]):
    """The guide's three keys; the others only where the test failed."""

    success = serializers.BooleanField()
    status = serializers.ChoiceField(["connected", "disconnected", "error"])
    response_time_ms = serializers.IntegerField()
    message = serializers.CharField(required=False)
    error_details = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)


class IoTConfigAnswerSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    equipment_id = serializers.UUIDField()
    connection_test_result = ConnectionTestResultSerializer()


class ReadingSerializer(serializers.Serializer[Reading]):
    """Units: °C, %, kWh, kg, minutes. Unknown is null."""

    reading_time = serializers.DateTimeField()
    temperature = serializers.FloatField(allow_null=True)
    target_temperature = serializers.FloatField(allow_null=True)
    temperature_zones = serializers.DictField()
    target_temperature_zones = serializers.DictField()
    humidity = serializers.FloatField(allow_null=True)
    energy_consumption_kwh = serializers.FloatField(allow_null=True)
    operational_status = serializers.ChoiceField(list(OperationalStatus), allow_null=True)
    cycle_stage = serializers.ChoiceField(list(CycleStage), allow_null=True)
    cycle_progress_percentage = serializers.FloatField(allow_null=True)
    time_remaining_minutes = serializers.IntegerField(allow_null=True)
    motor_speed = serializers.FloatField(allow_null=True)
    door_status = serializers.ChoiceField(list(DoorStatus), allow_null=True)
    steam_level = serializers.FloatField(allow_null=True)
    product_weight = serializers.FloatField(allow_null=True)
    moisture_content = serializers.FloatField(allow_null=True)
    additional_sensors = serializers.DictField()
    quality = serializers.DictField()


class ConnectionTestSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    status = serializers.ChoiceField(["connected", "disconnected", "error"])
    response_time_ms = serializers.IntegerField()
    message = serializers.CharField(help_text="A sentence for people, in either case")
    supported_features = serializers.ListField(child=serializers.CharField())
    error_details = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)
    reading = ReadingSerializer(allow_null=True)
    details = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField()),
        help_text="Tables by name for whoever sets the machine up: `devices` of a server, `points` with raw registers "
        "in all word orders, and others. Which columns there are depends on the protocol",
    )
