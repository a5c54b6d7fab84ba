"""How the user's machines are being read: each gateway of their bakeries, and its load."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from telemetry.gateways import describe_state, list_gateway_troubles, list_gateways_with_machines
from telemetry.load_models import GatewayLoad


class GatewayLoadSerializer(serializers.ModelSerializer[GatewayLoad]):
    class Meta:
        model = GatewayLoad
        fields = (
            "measured_at",
            "readings_per_second",
            "lateness_p99_seconds",
            "missed_percentage",
            "busy_percentage",
            "waiting_readings",
        )


class GatewaySerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(
        ["well", "overloaded", "stalled", "unknown"],
        help_text="stalled: nothing is read although machines are due; overloaded: more is due than can be read",
    )
    machines = serializers.IntegerField(help_text="Those of your bakeries that are switched on")
    load = GatewayLoadSerializer(allow_null=True, help_text="Of all its machines, at most a few seconds old")


class GatewayListView(APIView):
    @extend_schema(operation_id="list_gateways", responses=GatewaySerializer(many=True))
    def get(self, request: Request) -> Response:
        troubles = list_gateway_troubles()
        shown = [
            {
                "slug": gateway.slug,
                "name": gateway.name,
                "state": describe_state(gateway, troubles),
                "machines": machines,
                "load": getattr(gateway, "load", None),
            }
            for gateway, machines in list_gateways_with_machines(request.user)
        ]
        return Response(GatewaySerializer(shown, many=True).data)
