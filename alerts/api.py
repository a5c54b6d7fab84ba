"""The alerts over HTTP: list them, and do with them what the pages do."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts import lifecycle
from alerts.kinds import AlertStatus
from alerts.models import Alert
from alerts.selectors import alerts_for, worst_first
from alerts.serializers import (
    AcknowledgeSerializer,
    AlertDetailSerializer,
    AlertFilterSerializer,
    AlertPageSerializer,
    AlertSerializer,
    AssignSerializer,
    NoteSerializer,
    ResolveSerializer,
    SnoozeSerializer,
)
from equipment.api import EquipmentPagination
from equipment.selectors import members_of

ALERT_ID = OpenApiParameter("alert_id", UUID, OpenApiParameter.PATH, description="The alert's `id`")
COLUMNS = {
    "bakery": "bakery__slug",
    "equipment_id": "equipment__uuid",
    "alert_type": "alert_type",
    "severity": "severity",
    "opened_after": "opened_at__gte",
    "opened_before": "opened_at__lt",
}
MAY_SNOOZE = "alerts.change_alert"


def get_alert(request: Request, alert_id: str) -> Alert:
    """One of the user's alerts. What is no id or belongs to others is not found."""
    try:
        return alerts_for(request.user).get(uuid=UUID(alert_id))
    except (ValueError, Alert.DoesNotExist):
        raise NotFound("There is no alert of this id in your bakeries.") from None


class AlertListView(APIView):
    @extend_schema(operation_id="list_iot_alerts", parameters=[AlertFilterSerializer], responses=AlertPageSerializer)
    def get(self, request: Request) -> Response:
        query = AlertFilterSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        pagination = EquipmentPagination()
        page: Any = pagination.paginate_queryset(list_wanted(request.user, query.validated_data), request, view=self)
        return pagination.get_paginated_response(AlertSerializer(page, many=True).data)


def list_wanted(user: Any, wanted: dict[str, Any]) -> Any:
    """The user's alerts of an `AlertFilterSerializer`, in the order it asks for."""
    alerts = alerts_for(user).filter(**{COLUMNS[key]: value for key, value in wanted.items() if key in COLUMNS})
    if wanted["status"] == "open":
        alerts = alerts.exclude(status=AlertStatus.RESOLVED)
    elif wanted["status"] != "all":
        alerts = alerts.filter(status=wanted["status"])
    if "suppressed" in wanted:
        alerts = alerts.exclude(suppressed_by="") if wanted["suppressed"] else alerts.filter(suppressed_by="")
    return worst_first(alerts) if wanted["order"] == "worst" else alerts.order_by(wanted["order"], "-pk")


@extend_schema(parameters=[ALERT_ID])
class AlertDetailView(APIView):
    @extend_schema(operation_id="get_iot_alert", responses=AlertDetailSerializer)
    def get(self, request: Request, alert_id: str) -> Response:
        return Response(AlertDetailSerializer(get_alert(request, alert_id)).data)


class AlertActionView(APIView):
    """One thing that people do with an alert; the answer is the alert as it is then, with its history."""

    serializer: type[serializers.Serializer[Any]]

    def post(self, request: Request, alert_id: str) -> Response:
        alert = get_alert(request, alert_id)
        posted = self.serializer(data=request.data)
        posted.is_valid(raise_exception=True)
        try:
            self.act(alert, request.user, **posted.validated_data)
        except lifecycle.AlertError as error:
            raise ValidationError(str(error)) from None
        return Response(AlertDetailSerializer(get_alert(request, alert_id)).data)

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        raise NotImplementedError


def _documented(operation_id: str, request: type[serializers.Serializer[Any]]) -> Any:
    described = extend_schema(
        operation_id=operation_id, request=request, responses=AlertDetailSerializer, parameters=[ALERT_ID]
    )
    return extend_schema_view(post=described)


@_documented("acknowledge_iot_alert", AcknowledgeSerializer)
class AcknowledgeView(AlertActionView):
    serializer = AcknowledgeSerializer

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        lifecycle.acknowledge_alert(alert, user, **values)


@_documented("resolve_iot_alert", ResolveSerializer)
class ResolveView(AlertActionView):
    serializer = ResolveSerializer

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        lifecycle.resolve_alert(alert, user, **values)


@_documented("note_iot_alert", NoteSerializer)
class NoteView(AlertActionView):
    serializer = NoteSerializer

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        lifecycle.add_note(alert, user, **values)


@_documented("snooze_iot_alert", SnoozeSerializer)
class SnoozeView(AlertActionView):
    """Whoever keeps an alert quiet keeps it quiet for everybody: that is for managers."""

    serializer = SnoozeSerializer

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        if not user.has_perm(MAY_SNOOZE):
            raise PermissionDenied("You may acknowledge alerts, but not snooze them. Ask a manager.")
        lifecycle.snooze_alert(alert, user, values["until"], reason=values["reason"])


@_documented("assign_iot_alert", AssignSerializer)
class AssignView(AlertActionView):
    serializer = AssignSerializer

    def act(self, alert: Alert, user: Any, **values: Any) -> None:
        username = values["username"]
        assignee = None if username is None else members_of(alert.bakery).filter(username=username).first()
        if username is not None and assignee is None:
            raise ValidationError({"username": "No member of the alert's bakery has this user name."})
        lifecycle.assign_alert(alert, user, assignee)
