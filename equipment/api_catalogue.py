"""What there is to choose from, over HTTP: protocols, and presets of makes and models. The same for everybody."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from connectors.preset import list_presets
from equipment.models import EquipmentType
from equipment.protocols import list_protocol_descriptions


class ProtocolSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The `protocol` of iot-config")
    label = serializers.CharField()  # type: ignore[assignment]
    schema = serializers.DictField(
        help_text="JSON Schema of endpoint, port, credentials and additional_config, as iot-config takes them"
    )
    example = serializers.DictField(help_text="Complete settings")


class PresetCapabilitiesSerializer(serializers.Serializer[Any]):
    """What can be expected of the machine by this road; false where no source promises it."""

    temperature_zones = serializers.IntegerField()
    humidity = serializers.BooleanField()
    energy = serializers.BooleanField()
    remote_control = serializers.BooleanField()


class PresetSourceSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    url = serializers.URLField()


class DataRequestSerializer(serializers.Serializer[Any]):
    """What to ask the maker, who publishes no interface, in three languages."""

    es = serializers.CharField()
    de = serializers.CharField()
    en = serializers.CharField()


class FaultSerializer(serializers.Serializer[Any]):
    meaning = serializers.CharField()
    what_to_do = serializers.CharField()


class PresetSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The `preset` of the equipment")
    label = serializers.CharField()  # type: ignore[assignment]
    group = serializers.ChoiceField(["maker", "standard", "any"])
    manufacturer = serializers.CharField(help_text="Empty where it fits any make")
    model = serializers.CharField()
    type = serializers.ChoiceField(EquipmentType.choices)
    protocol = serializers.CharField()
    endpoint = serializers.CharField(help_text="Pattern: put the machine's own address in place of {host}")
    port = serializers.IntegerField(allow_null=True)
    additional_config = serializers.DictField()
    credentials = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the credentials that will be needed"
    )
    fill_in = serializers.DictField(
        child=serializers.CharField(), help_text="Key of additional_config that only the bakery knows -> where to look"
    )
    poll_interval_seconds = serializers.IntegerField()
    capabilities = PresetCapabilitiesSerializer()
    verified = serializers.ChoiceField(
        ["hardware", "specification", "unverified"],
        help_text="hardware: seen at a real machine. specification: by a public description. unverified: assumed",
    )
    sources = PresetSourceSerializer(many=True)
    ports = serializers.ListField(child=serializers.CharField(), help_text="What the network must let through")
    notes = serializers.ListField(child=serializers.CharField(), help_text="For the technician")
    faults = serializers.DictField(child=FaultSerializer(), help_text="The machine's own fault codes -> what they mean")
    data_request = DataRequestSerializer(allow_null=True)


class ProtocolListView(APIView):
    @extend_schema(operation_id="list_protocols", responses=ProtocolSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every protocol that is installed, also those that other packages bring."""
        return Response(ProtocolSerializer(list_protocol_descriptions(), many=True).data)


class PresetListView(APIView):
    @extend_schema(operation_id="list_presets", responses=PresetSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What is known of makes and models: defaults for iot-config, what to ask, and how sure that is."""
        return Response(PresetSerializer(list_presets().values(), many=True).data)
