"""Webhooks over HTTP, for managers: set them up, look at what was sent, and have it sent again."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from alerts import webhooks
from alerts.kinds import EventType, Severity
from alerts.models import Notification, Webhook
from equipment.api import EquipmentPagination
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.models import Bakery
from equipment.serializers import OwnBakeries, StrictSerializer

WEBHOOK_ID = OpenApiParameter("webhook_id", UUID, OpenApiParameter.PATH, description="The webhook's `id`")
DELIVERY_ID = OpenApiParameter("delivery_id", UUID, OpenApiParameter.PATH, description="The delivery's `id`")
PERMISSIONS = {"GET": "alerts.view_webhook", "DELETE": "alerts.delete_webhook"}
TO_CREATE, TO_CHANGE = "alerts.add_webhook", "alerts.change_webhook"


class WebhookSerializer(serializers.ModelSerializer[Webhook], StrictSerializer):
    id = serializers.UUIDField(source="uuid", read_only=True)
    bakery = OwnBakeries(slug_field="slug", queryset=Bakery.objects.none(), help_text="The bakery's slug")
    url = serializers.CharField(max_length=2000, help_text="http or https")
    severity_from = serializers.ChoiceField(choices=Severity.choices, default=Severity.INFO)

    class Meta:
        model = Webhook
        fields = ["id", "bakery", "name", "url", "severity_from", "enabled", "created_at"]
        read_only_fields = ["created_at"]

    def validate_url(self, url: str) -> str:
        try:
            return webhooks.check_url(url)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(read_only=True, help_text="Signs the messages. Shown only here and only once")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class DeliverySerializer(serializers.ModelSerializer[Notification]):
    id = serializers.UUIDField(source="uuid")
    event = serializers.ChoiceField(source="event.event", choices=EventType.choices, default=None, allow_null=True)
    alert_id = serializers.UUIDField(source="event.alert.uuid", default=None, allow_null=True)
    replay_of = serializers.UUIDField(source="replay_of.uuid", default=None, allow_null=True)

    class Meta:
        model = Notification
        fields = [
            "id",
            "event",
            "alert_id",
            "message_id",
            "created_at",
            "attempts",
            "next_try_at",
            "sent_at",
            "result",
            "replay_of",
        ]


class DeliveryPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = DeliverySerializer(many=True)


def check_may(request: Request, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied("Webhooks are for managers. Ask one.")


def get_webhook(request: Request, webhook_id: str, permission: str) -> Webhook:
    """One of the user's bakeries. What is no id or belongs to others is not found."""
    try:
        found = webhooks.webhooks_for(request.user).get(uuid=UUID(webhook_id))
    except (ValueError, Webhook.DoesNotExist):
        raise NotFound("There is no webhook of this id in your bakeries.") from None
    check_may(request, permission)
    return found


class WebhookListView(APIView):
    @extend_schema(operation_id="list_webhooks", responses=WebhookSerializer(many=True))
    def get(self, request: Request) -> Response:
        check_may(request, PERMISSIONS["GET"])
        return Response(WebhookSerializer(webhooks.webhooks_for(request.user), many=True).data)

    @extend_schema(
        operation_id="create_webhook",
        parameters=[IDEMPOTENCY_KEY],
        request=WebhookSerializer,
        responses={status.HTTP_201_CREATED: NewWebhookSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        check_may(request, TO_CREATE)
        posted = WebhookSerializer(data=request.data, context={"request": request})
        posted.is_valid(raise_exception=True)
        made = posted.save(secret=webhooks.make_secret(), created_by=request.user)
        return Response(NewWebhookSerializer(made).data, status.HTTP_201_CREATED)


@extend_schema(parameters=[WEBHOOK_ID])
class WebhookDetailView(APIView):
    @extend_schema(operation_id="get_webhook", responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: str) -> Response:
        return Response(WebhookSerializer(get_webhook(request, webhook_id, PERMISSIONS["GET"])).data)

    @extend_schema(operation_id="change_webhook", request=WebhookSerializer, responses=WebhookSerializer)
    def patch(self, request: Request, webhook_id: str) -> Response:
        found = get_webhook(request, webhook_id, TO_CHANGE)
        posted = WebhookSerializer(found, data=request.data, partial=True, context={"request": request})
        posted.is_valid(raise_exception=True)
        return Response(WebhookSerializer(posted.save()).data)

    @extend_schema(operation_id="delete_webhook", responses={204: None})
    def delete(self, request: Request, webhook_id: str) -> Response:
        get_webhook(request, webhook_id, PERMISSIONS["DELETE"]).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(parameters=[WEBHOOK_ID])
class WebhookSecretView(APIView):
    @extend_schema(operation_id="renew_webhook_secret", request=None, responses=NewWebhookSerializer)
    def post(self, request: Request, webhook_id: str) -> Response:
        """A new secret, which signs from now on. It is shown only in this answer."""
        found = webhooks.renew_secret(get_webhook(request, webhook_id, TO_CHANGE))
        return Response(NewWebhookSerializer(found).data)


@extend_schema(parameters=[WEBHOOK_ID])
class WebhookTestView(APIView):
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "test-message"

    @extend_schema(operation_id="test_webhook", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, webhook_id: str) -> Response:
        """Send a message of type `test`. What comes of it is in the deliveries, some seconds later."""
        row = webhooks.send_test(get_webhook(request, webhook_id, TO_CHANGE))
        row.refresh_from_db()
        return Response(DeliverySerializer(row).data, status.HTTP_202_ACCEPTED)


@extend_schema(parameters=[WEBHOOK_ID])
class DeliveryListView(APIView):
    @extend_schema(operation_id="list_webhook_deliveries", responses=DeliveryPageSerializer)
    def get(self, request: Request, webhook_id: str) -> Response:
        """Everything that was sent or tried, the newest first."""
        found = get_webhook(request, webhook_id, PERMISSIONS["GET"])
        rows = found.notifications.select_related("event__alert", "replay_of")
        pagination = EquipmentPagination()
        page: Any = pagination.paginate_queryset(rows, request, view=self)
        return pagination.get_paginated_response(DeliverySerializer(page, many=True).data)


@extend_schema(parameters=[WEBHOOK_ID, DELIVERY_ID])
class ReplayView(APIView):
    @extend_schema(operation_id="replay_webhook_delivery", request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        """Send it once more, under the `webhook-id` it had. What still waits is sent at once instead."""
        found = get_webhook(request, webhook_id, TO_CHANGE)
        try:
            row = found.notifications.get(uuid=UUID(delivery_id))
        except (ValueError, Notification.DoesNotExist):
            raise NotFound("This webhook has no delivery of this id.") from None
        (again,) = webhooks.replay([row])
        again.refresh_from_db()
        return Response(DeliverySerializer(again).data, status.HTTP_202_ACCEPTED)
