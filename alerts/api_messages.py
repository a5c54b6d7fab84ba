"""A person's own messages over HTTP: what they want to hear of, their devices, and what was sent to them."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from alerts import devices, preferences
from alerts.kinds import EventType
from alerts.models import Notification, NotificationPreference, PushSubscription
from alerts.notification_models import Channel, Circle, Lowest
from alerts.push_identity import get_push_identity
from equipment.api import EquipmentPagination
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.selectors import bakeries_for
from equipment.serializers import StrictSerializer

BAKERY = OpenApiParameter("bakery", OpenApiTypes.STR, OpenApiParameter.PATH, description="The bakery's slug")
DEVICE_ID = OpenApiParameter("device_id", UUID, OpenApiParameter.PATH, description="The device's `id`")
MESSAGE_ID = OpenApiParameter("notification_id", UUID, OpenApiParameter.PATH, description="The message's `id`")


class PreferenceSerializer(serializers.ModelSerializer[NotificationPreference], StrictSerializer):
    bakery = serializers.CharField(source="bakery.slug", read_only=True)
    circle = serializers.ChoiceField(choices=Circle.choices, read_only=True, help_text="Set by managers in the admin")
    email_from = serializers.ChoiceField(choices=Lowest.choices, required=False)
    push_from = serializers.ChoiceField(choices=Lowest.choices, required=False)

    class Meta:
        model = NotificationPreference
        fields = [
            "bakery",
            "circle",
            "email_from",
            "push_from",
            "quiet_starts",
            "quiet_ends",
            "criticals_pass",
        ]


class KeysSerializer(StrictSerializer):
    p256dh = serializers.CharField(max_length=200)
    auth = serializers.CharField(max_length=100)


class NewDeviceSerializer(StrictSerializer):
    """As a browser's `PushSubscription.toJSON()` has it, and a name for the person's own list."""

    endpoint = serializers.CharField(max_length=2000)
    keys = KeysSerializer()
    device = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class DeviceSerializer(serializers.ModelSerializer[PushSubscription]):
    id = serializers.UUIDField(source="uuid")

    class Meta:
        model = PushSubscription
        fields = ["id", "device", "created_at"]


class DevicesSerializer(serializers.Serializer[Any]):
    public_key = serializers.CharField(help_text="The `applicationServerKey` to subscribe with")
    devices = DeviceSerializer(many=True)


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    id = serializers.UUIDField(source="uuid")
    event = serializers.ChoiceField(source="event.event", choices=EventType.choices, default=None, allow_null=True)
    alert_id = serializers.UUIDField(source="event.alert.uuid", default=None, allow_null=True)
    device = serializers.CharField(source="subscription.device", default=None, allow_null=True)

    class Meta:
        model = Notification
        fields = [
            "id",
            "channel",
            "device",
            "event",
            "alert_id",
            "created_at",
            "attempts",
            "next_try_at",
            "sent_at",
            "result",
        ]


class NotificationPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = NotificationSerializer(many=True)


class TestMessageSerializer(StrictSerializer):
    channel = serializers.ChoiceField(choices=[Channel.EMAIL.value, Channel.PUSH.value])


class PreferenceListView(APIView):
    @extend_schema(operation_id="list_notification_preferences", responses=PreferenceSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Yours, one for each of your bakeries."""
        return Response(PreferenceSerializer(preferences.list_preferences(request.user), many=True).data)


@extend_schema(parameters=[BAKERY])
class PreferenceDetailView(APIView):
    @extend_schema(
        operation_id="change_notification_preference", request=PreferenceSerializer, responses=PreferenceSerializer
    )
    def patch(self, request: Request, bakery: str) -> Response:
        found = bakeries_for(request.user).filter(slug=bakery).first()
        if found is None:
            raise NotFound("None of your bakeries has this slug.")
        posted = PreferenceSerializer(data=request.data, partial=True)
        posted.is_valid(raise_exception=True)
        try:
            row = preferences.set_preference(request.user, found, posted.validated_data)
        except preferences.PreferenceError as error:
            raise ValidationError({"quiet_starts": str(error)}) from None
        return Response(PreferenceSerializer(row).data)


class DeviceListView(APIView):
    @extend_schema(operation_id="list_push_subscriptions", responses=DevicesSerializer)
    def get(self, request: Request) -> Response:
        """Your devices that show messages, and the key with which a browser subscribes."""
        found = {"public_key": get_push_identity().public_key, "devices": devices.devices_for(request.user)}
        return Response(DevicesSerializer(found).data)

    @extend_schema(
        operation_id="create_push_subscription",
        parameters=[IDEMPOTENCY_KEY],
        request=NewDeviceSerializer,
        responses={201: DeviceSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        posted = NewDeviceSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        try:
            made = devices.subscribe(request.user, **posted.validated_data)
        except devices.DeviceError as error:
            raise ValidationError(str(error)) from None
        made.refresh_from_db()
        return Response(DeviceSerializer(made).data, status.HTTP_201_CREATED)


@extend_schema(parameters=[DEVICE_ID])
class DeviceDetailView(APIView):
    @extend_schema(operation_id="delete_push_subscription", responses={204: None})
    def delete(self, request: Request, device_id: str) -> Response:
        try:
            device = devices.devices_for(request.user).get(uuid=UUID(device_id))
        except (ValueError, PushSubscription.DoesNotExist):
            raise NotFound("You have no device of this id.") from None
        devices.end(device)
        return Response(status=status.HTTP_204_NO_CONTENT)


class NotificationListView(APIView):
    @extend_schema(operation_id="list_notifications", responses=NotificationPageSerializer)
    def get(self, request: Request) -> Response:
        """What was sent or tried to you, the newest first."""
        pagination = EquipmentPagination()
        rows = preferences.notifications_for(request.user)
        page: Any = pagination.paginate_queryset(rows, request, view=self)
        return pagination.get_paginated_response(NotificationSerializer(page, many=True).data)


@extend_schema(parameters=[MESSAGE_ID])
class NotificationDetailView(APIView):
    @extend_schema(operation_id="get_notification", responses=NotificationSerializer)
    def get(self, request: Request, notification_id: str) -> Response:
        try:
            row = preferences.notifications_for(request.user).get(uuid=UUID(notification_id))
        except (ValueError, Notification.DoesNotExist):
            raise NotFound("You have no message of this id.") from None
        return Response(NotificationSerializer(row).data)


class TestMessageView(APIView):
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "test-message"

    @extend_schema(
        operation_id="send_test_notification",
        request=TestMessageSerializer,
        responses={202: NotificationSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        """Send yourself a test. Ask for the answer's messages again to see what came of it."""
        posted = TestMessageSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        try:
            rows = preferences.send_test(request.user, posted.validated_data["channel"])
        except preferences.PreferenceError as error:
            raise ValidationError(str(error)) from None
        return Response(NotificationSerializer(rows, many=True).data, status.HTTP_202_ACCEPTED)
