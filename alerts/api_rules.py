"""The rules over HTTP: those that somebody has set, and all that hold for one machine."""

from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.compiling import compile_machines, with_plans
from alerts.kinds import AlertType, Severity
from alerts.models import AlertRule
from equipment.api import EQUIPMENT_ID, get_equipment
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.models import Bakery, Equipment
from equipment.selectors import bakeries_for, equipment_for
from equipment.serializers import OwnBakeries, StrictSerializer

RULE_ID = OpenApiParameter("rule_id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The rule's `id`")
PERMISSIONS = {"POST": "alerts.add_alertrule", "PATCH": "alerts.change_alertrule", "DELETE": "alerts.delete_alertrule"}
SEVERITY_OR_NOTHING = [("", "As inherited"), *Severity.choices]


class OwnEquipment(serializers.SlugRelatedField[Equipment]):
    def to_internal_value(self, data: Any) -> Equipment:
        found = [one for one in equipment_for(self.context["request"].user) if str(one.uuid) == data]
        if not found:
            raise ValidationError("There is no equipment of this id in your bakeries.")
        return found[0]


class AlertRuleSerializer(serializers.ModelSerializer[AlertRule], StrictSerializer):
    bakery = OwnBakeries(slug_field="slug", queryset=Bakery.objects.all(), required=False, allow_null=True)
    equipment_id = OwnEquipment(
        slug_field="uuid", source="equipment", queryset=Equipment.objects.all(), required=False, allow_null=True
    )
    alert_type = serializers.ChoiceField(choices=AlertType.choices)
    severity = serializers.ChoiceField(choices=SEVERITY_OR_NOTHING, required=False)

    class Meta:
        model = AlertRule
        fields = [
            "id",
            "bakery",
            "equipment_id",
            "alert_type",
            "metric",
            "enabled",
            "severity",
            "upper",
            "lower",
            "deadband",
            "on_delay_seconds",
            "clear_delay_seconds",
            "only_in_plan",
            "is_food_safety",
            "escalate_after_seconds",
        ]
        validators: list[Any] = []  # the constraints' own sentences come from validate()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        said = {name: attrs.get(name, getattr(self.instance, name, None)) for name in ("bakery", "equipment")}
        if bool(said["bakery"]) == bool(said["equipment"]):
            raise ValidationError("Name either a bakery or a machine. A machine knows its bakery.")
        alert_type = attrs.get("alert_type", getattr(self.instance, "alert_type", None))
        metric = attrs.get("metric", getattr(self.instance, "metric", ""))
        if bool(metric) != (alert_type == AlertType.LIMIT):
            raise ValidationError({"metric": "A limit needs a measured value, and only a limit has one."})
        return attrs


def rules_for(request: Request) -> Any:
    """The rules of the user's bakeries and machines; those of the whole chain are in the admin."""
    own = bakeries_for(request.user)
    rules = AlertRule.objects.filter(Q(bakery__in=own) | Q(equipment__bakery__in=own))
    return rules.select_related("bakery", "equipment").order_by("pk")


def check_may_set(request: Request) -> None:
    if not request.user.has_perm(PERMISSIONS[request.method or ""]):
        raise PermissionDenied("You may look at alerts, but not set their rules. Ask a manager.")


def _save(posted: AlertRuleSerializer) -> AlertRule:
    posted.is_valid(raise_exception=True)
    try:
        with transaction.atomic():
            return posted.save()
    except IntegrityError:
        raise ValidationError("There is already a rule for this here. Change that one.") from None


class AlertRuleListView(APIView):
    @extend_schema(operation_id="list_alert_rules", responses=AlertRuleSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(AlertRuleSerializer(rules_for(request), many=True).data)

    @extend_schema(
        operation_id="create_alert_rule",
        parameters=[IDEMPOTENCY_KEY],
        request=AlertRuleSerializer,
        responses={201: AlertRuleSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        check_may_set(request)
        rule = _save(AlertRuleSerializer(data=request.data, context={"request": request}))
        return Response(AlertRuleSerializer(rule).data, status.HTTP_201_CREATED)


@extend_schema(parameters=[RULE_ID])
class AlertRuleDetailView(APIView):
    @extend_schema(operation_id="get_alert_rule", responses=AlertRuleSerializer)
    def get(self, request: Request, rule_id: str) -> Response:
        return Response(AlertRuleSerializer(self._get(request, rule_id)).data)

    @extend_schema(operation_id="change_alert_rule", request=AlertRuleSerializer, responses=AlertRuleSerializer)
    def patch(self, request: Request, rule_id: str) -> Response:
        rule = self._get(request, rule_id)
        check_may_set(request)
        changed = AlertRuleSerializer(rule, data=request.data, partial=True, context={"request": request})
        return Response(AlertRuleSerializer(_save(changed)).data)

    @extend_schema(operation_id="delete_alert_rule", responses={204: None})
    def delete(self, request: Request, rule_id: str) -> Response:
        rule = self._get(request, rule_id)
        check_may_set(request)
        rule.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _get(self, request: Request, rule_id: str) -> AlertRule:
        found: AlertRule | None = rules_for(request).filter(pk=int(rule_id)).first()
        if found is None:
            raise NotFound("There is no alert rule of this id in your bakeries.")
        return found


class EffectiveRuleSerializer(serializers.Serializer[Any]):
    cause = serializers.CharField()
    alert_type = serializers.CharField()
    severity = serializers.CharField()
    metric = serializers.CharField()
    upper = serializers.FloatField(allow_null=True)
    lower = serializers.FloatField(allow_null=True)
    deadband = serializers.FloatField()
    on_delay = serializers.FloatField(help_text="Seconds")
    clear_delay = serializers.FloatField(help_text="Seconds")
    only_in_plan = serializers.BooleanField()
    is_food_safety = serializers.BooleanField()
    escalate_after = serializers.FloatField(help_text="Seconds; 0 is never")


@extend_schema(parameters=[EQUIPMENT_ID])
class EffectiveRulesView(APIView):
    @extend_schema(operation_id="list_effective_alert_rules", responses=EffectiveRuleSerializer(many=True))
    def get(self, request: Request, equipment_id: str) -> Response:
        """All that is watched at one machine, with defaults and inheritance."""
        machine = get_equipment(request, equipment_id)
        (watched,) = compile_machines(with_plans(Equipment.objects.filter(pk=machine.pk)))
        return Response(EffectiveRuleSerializer([asdict(rule) for rule in watched.rules], many=True).data)
