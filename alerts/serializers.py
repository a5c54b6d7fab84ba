"""Shapes of the API's requests and answers about alerts."""

from typing import Any

from rest_framework import serializers

from alerts.kinds import AlertStatus, AlertType, EventType, Severity
from alerts.models import Alert, AlertEvent
from equipment.serializers import QuerySerializer, StrictSerializer

STATUSES = [*AlertStatus.choices, ("open", "Active or acknowledged"), ("all", "All")]
ORDERS = ("worst", "opened_at", "-opened_at", "severity", "status")


class AlertSerializer(serializers.ModelSerializer[Alert]):
    id = serializers.UUIDField(source="uuid")
    bakery = serializers.CharField(source="bakery.slug")
    equipment_id = serializers.UUIDField(source="equipment.uuid", default=None, allow_null=True)
    equipment_name = serializers.CharField(source="equipment.name", default=None, allow_null=True)
    acknowledged_by = serializers.SerializerMethodField()
    assigned_to = serializers.SerializerMethodField()
    resolved_by = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = [
            "id",
            "bakery",
            "equipment_id",
            "equipment_name",
            "alert_type",
            "cause",
            "severity",
            "status",
            "is_food_safety",
            "message",
            "details",
            "occurrences",
            "worst_value",
            "opened_at",
            "acknowledged_at",
            "acknowledged_by",
            "acknowledged_until",
            "assigned_to",
            "recovered_at",
            "resolved_at",
            "resolved_by",
            "corrective_action",
            "suppressed_by",
            "automated_response",
            "automated_response_at",
        ]

    def get_acknowledged_by(self, alert: Alert) -> str | None:
        return _name(alert.acknowledged_by)

    def get_assigned_to(self, alert: Alert) -> str | None:
        return _name(alert.assigned_to)

    def get_resolved_by(self, alert: Alert) -> str | None:
        return _name(alert.resolved_by)


class AlertEventSerializer(serializers.ModelSerializer[AlertEvent]):
    event = serializers.ChoiceField(choices=EventType.choices)
    actor = serializers.SerializerMethodField()

    class Meta:
        model = AlertEvent
        fields = ["event", "at", "actor", "text"]

    def get_actor(self, event: AlertEvent) -> str | None:
        return _name(event.actor)


class AlertDetailSerializer(AlertSerializer):
    events = AlertEventSerializer(many=True)

    class Meta(AlertSerializer.Meta):
        fields = [*AlertSerializer.Meta.fields, "events"]


def _name(user: Any) -> str | None:
    return str(user.get_full_name() or user.get_username()) if user else None


class AlertPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AlertSerializer(many=True)


class AlertFilterSerializer(QuerySerializer):
    bakery = serializers.CharField(required=False, max_length=50)
    equipment_id = serializers.UUIDField(required=False)
    alert_type = serializers.ChoiceField(choices=AlertType.choices, required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    status = serializers.ChoiceField(
        choices=STATUSES,
        default="open",
        help_text="`open` is what is not resolved, and the default",
    )
    suppressed = serializers.BooleanField(required=False, help_text="Whether people are not told of it now")
    opened_after = serializers.DateTimeField(required=False)
    opened_before = serializers.DateTimeField(required=False)
    order = serializers.ChoiceField(
        choices=ORDERS, default="worst", help_text="`worst` is unseen, severe and new first"
    )
    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=500)


class AcknowledgeSerializer(StrictSerializer):
    hours = serializers.FloatField(required=False, min_value=0.25, max_value=72, help_text="4 where nothing is said")


class ResolveSerializer(StrictSerializer):
    corrective_action = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class NoteSerializer(StrictSerializer):
    text = serializers.CharField(max_length=2000)


class SnoozeSerializer(StrictSerializer):
    until = serializers.DateTimeField()
    reason = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class AssignSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150, allow_null=True, help_text="A member of the bakery; null: nobody")
