"""The bakeries over HTTP, and who belongs to them."""

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db import IntegrityError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from equipment import bakeries
from equipment.api_errors import Conflict
from equipment.idempotency import IDEMPOTENCY_KEY, idempotent
from equipment.models import Bakery
from equipment.permissions import MayChangeBakeries
from equipment.selectors import bakeries_for
from equipment.serializers_bakeries import BakerySerializer, MemberSerializer, MembershipSerializer

SLUG = OpenApiParameter("bakery", OpenApiTypes.STR, OpenApiParameter.PATH, description="The bakery's `slug`")
USERNAME = OpenApiParameter("username", OpenApiTypes.STR, OpenApiParameter.PATH)


def get_bakery(request: Request, slug: str) -> Bakery:
    """Few enough to compare here; the database refuses some texts with an error."""
    for bakery in bakeries_for(request.user).select_related("gateway"):
        if bakery.slug == slug:
            return bakery
    raise NotFound("None of your bakeries has this slug.")


class BakeryListView(APIView):
    permission_classes = [MayChangeBakeries]

    @extend_schema(operation_id="list_bakeries", responses=BakerySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Those you belong to, by name."""
        rows: Any = bakeries_for(request.user).select_related("gateway")
        return Response(BakerySerializer(rows, many=True).data)

    @extend_schema(
        operation_id="create_bakery",
        parameters=[IDEMPOTENCY_KEY],
        request=BakerySerializer,
        responses={201: BakerySerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Whoever makes a bakery is its first member."""
        posted = BakerySerializer(data=request.data, context={"request": request})
        posted.is_valid(raise_exception=True)
        try:
            bakery = bakeries.create_bakery(request.user, posted.validated_data)
        except IntegrityError:
            raise ValidationError({"slug": "There is a bakery of this slug already. Choose another one."}) from None
        address = f"{request.build_absolute_uri(request.path).rstrip('/')}/{bakery.slug}"
        return Response(BakerySerializer(bakery).data, status.HTTP_201_CREATED, headers={"Location": address})


@extend_schema(parameters=[SLUG])
class BakeryDetailView(APIView):
    permission_classes = [MayChangeBakeries]

    @extend_schema(operation_id="get_bakery", responses=BakerySerializer)
    def get(self, request: Request, bakery: str) -> Response:
        return Response(BakerySerializer(get_bakery(request, bakery)).data)

    @extend_schema(operation_id="change_bakery", request=BakerySerializer, responses=BakerySerializer)
    def patch(self, request: Request, bakery: str) -> Response:
        found = get_bakery(request, bakery)
        posted = BakerySerializer(found, data=request.data, partial=True, context={"request": request})
        posted.is_valid(raise_exception=True)
        return Response(BakerySerializer(bakeries.change_bakery(found, posted.validated_data)).data)


@extend_schema(parameters=[SLUG])
class MemberListView(APIView):
    permission_classes = [MayChangeBakeries]

    @extend_schema(operation_id="list_members", responses=MemberSerializer(many=True))
    def get(self, request: Request, bakery: str) -> Response:
        """Those who belong to it today."""
        return Response(MemberSerializer(bakeries.list_memberships(get_bakery(request, bakery)), many=True).data)


@extend_schema(parameters=[SLUG, USERNAME])
class MemberView(APIView):
    permission_classes = [MayChangeBakeries]

    @extend_schema(operation_id="set_member", request=MembershipSerializer, responses=MemberSerializer)
    def put(self, request: Request, bakery: str, username: str) -> Response:
        """Somebody of your bakeries belongs to this one too. New people are added in the administration."""
        found = get_bakery(request, bakery)
        posted = MembershipSerializer(data=request.data)
        posted.is_valid(raise_exception=True)
        colleague = bakeries.find_colleague(request.user, username)
        if colleague is None:
            raise NotFound("Nobody in your bakeries has this user name. Add new people in the administration.")
        try:
            membership = bakeries.set_membership(found, colleague, posted.validated_data["until"])
        except ModelError as error:
            raise ValidationError(error.message_dict) from None
        return Response(MemberSerializer(membership).data)

    @extend_schema(operation_id="remove_member", responses={204: None})
    def delete(self, request: Request, bakery: str, username: str) -> Response:
        """They see nothing of the bakery any more; open pages within half a minute."""
        found = get_bakery(request, bakery)
        membership = next((one for one in bakeries.list_memberships(found) if one.user.username == username), None)
        if membership is None:
            raise NotFound("No member of this bakery has this user name.")
        try:
            bakeries.end_membership(membership)
        except bakeries.LastMemberError:
            raise Conflict("Nobody would be left who sees this bakery. Add somebody else first.") from None
        return Response(status=status.HTTP_204_NO_CONTENT)
