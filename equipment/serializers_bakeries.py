"""Shapes of the API's requests and answers about bakeries and the people who belong to them."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from timezone_field.rest_framework import TimeZoneSerializerField

from equipment.access_models import BakeryMembership
from equipment.models import Bakery, Gateway
from equipment.moments import MomentField
from equipment.selectors import bakeries_for
from equipment.serializers import StrictSerializer


class ZoneField(TimeZoneSerializerField):  # type: ignore[misc]
    default_error_messages = {"invalid": "This is no time zone. Write it like Europe/Madrid."}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except (ValueError, OSError):  # what is no name of a file either
            self.fail("invalid")


class OwnGatewayField(serializers.SlugRelatedField[Gateway]):
    """The slug of a gateway that serves one of the user's bakeries: those of others are not theirs to choose."""

    def to_internal_value(self, data: Any) -> Gateway:
        for gateway in Gateway.objects.filter(bakeries__in=bakeries_for(self.context["request"].user)):
            if gateway.slug == data:
                return gateway
        raise ValidationError("None of your bakeries is reached from a gateway of this slug.")


class BakerySerializer(StrictSerializer, serializers.ModelSerializer[Bakery]):
    slug = serializers.SlugField(max_length=50, help_text="Its address here; it cannot be changed later")
    time_zone = ZoneField(use_pytz=False, required=False, help_text="Europe/Madrid unless told")
    gateway = OwnGatewayField(
        slug_field="slug", queryset=Gateway.objects.none(), help_text="From where its machines are reached: a slug"
    )

    class Meta:
        model = Bakery
        fields = ["slug", "name", "time_zone", "gateway"]

    def validate_slug(self, slug: str) -> str:
        if self.instance is not None and slug != self.instance.slug:
            raise ValidationError("The slug stays: other programs know the bakery by it.")
        if self.instance is None and Bakery.objects.filter(slug=slug).exists():
            raise ValidationError("There is a bakery of this slug already. Choose another one.")
        return slug


class MemberSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.get_full_name", help_text="Empty where nobody has entered it")
    groups = serializers.SerializerMethodField(help_text="What they may do: manager, staff and others")
    until = serializers.DateTimeField(allow_null=True, help_text="From then on they see nothing of it. null: no end")

    def get_groups(self, membership: BakeryMembership) -> list[str]:
        return sorted(group.name for group in membership.user.groups.all())


class MembershipSerializer(StrictSerializer):
    until = MomentField(required=False, allow_null=True, default=None, help_text="Left out or null: no end")

    def validate_until(self, until: datetime | None) -> datetime | None:
        if until is not None and until <= timezone.now():
            raise ValidationError("This lies in the past. To end a membership now, DELETE it.")
        return until
