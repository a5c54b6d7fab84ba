"""Shapes of the API's answers about batches under way, and about what machines can tell."""

from typing import Any

from rest_framework import serializers

from telemetry.serializers import FieldsQuery, RealtimeDataSerializer, SensorHistorySerializer
from telemetry.tracking import FINISHED, PLANNED, RUNNING


class TrackingQuery(FieldsQuery):
    """The query of `realtime-tracking`: how fine the curve is, and what is in it."""

    points = serializers.IntegerField(min_value=1, max_value=5000, default=500, help_text="At most about so many")


class BatchTrackingSerializer(serializers.Serializer[Any]):
    batch_id = serializers.UUIDField()
    batch_name = serializers.CharField()
    product = serializers.CharField()
    number = serializers.CharField()
    external_id = serializers.CharField()
    equipment_id = serializers.UUIDField()
    equipment_name = serializers.CharField()
    status = serializers.ChoiceField([PLANNED, RUNNING, FINISHED])
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    target_temperature = serializers.FloatField(allow_null=True, help_text="°C")
    expected_minutes = serializers.IntegerField(allow_null=True)
    elapsed_minutes = serializers.FloatField()
    progress_percentage = serializers.FloatField(allow_null=True)
    time_remaining_minutes = serializers.IntegerField(allow_null=True)
    progress_source = serializers.ChoiceField(
        ["machine", "clock"], allow_null=True, help_text="Who says so: the machine's programme, or the expected minutes"
    )
    expected_end_at = serializers.DateTimeField(allow_null=True)
    realtime_data = RealtimeDataSerializer(allow_null=True, help_text="null unless the batch is running")
    curve = SensorHistorySerializer(allow_null=True, help_text="null before the batch begins")


class CapabilitiesSerializer(serializers.Serializer[Any]):
    equipment_id = serializers.UUIDField()
    equipment_name = serializers.CharField()
    protocol = serializers.CharField(help_text="Empty where nobody has said how it is connected")
    supported_features = serializers.ListField(
        child=serializers.CharField(), help_text="Values that its newest reading holds"
    )
    temperature_zones = serializers.ListField(child=serializers.CharField())
    additional_sensors = serializers.ListField(child=serializers.CharField())
    supports_realtime = serializers.BooleanField()
    supports_humidity = serializers.BooleanField()
    supports_energy_monitoring = serializers.BooleanField()
    supports_remote_control = serializers.BooleanField()
    verified = serializers.ChoiceField(
        ["hardware", "specification", "unverified"], allow_null=True, help_text="Of its preset; null without one"
    )
