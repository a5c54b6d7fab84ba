"""Moments as the API takes them: in a body, and in a query. Only years that every store and language can hold."""

import re
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as FormError
from django_filters import filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

YEARS = range(1970, 2101)
_WRONG_YEAR = f"The year must lie between {YEARS[0]} and {YEARS[-1]}."


def _mend_plus(text: str) -> str:
    """A plus sign in a query that was not escaped arrives as a space."""
    return re.sub(r"(T\S+) (\d\d:?\d\d)$", r"\1+\2", text)


class MomentField(serializers.DateTimeField):
    """ISO 8601. Without an offset it is local time: UTC, unless `timezone` is set. The answer is in UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(_mend_plus(value) if isinstance(value, str) else value)
        if moment.year not in YEARS:
            raise ValidationError(_WRONG_YEAR)
        return moment.astimezone(UTC)


class _MomentFormField(IsoDateTimeField):  # type: ignore[misc]
    def to_python(self, value: Any) -> datetime | None:
        try:
            moment = super().to_python(_mend_plus(value) if isinstance(value, str) else value)
        except (FormError, OverflowError):
            raise FormError("This is no moment. Write it like 2025-01-12T10:30:00Z.") from None
        if moment is not None and moment.year not in YEARS:
            raise FormError(_WRONG_YEAR)
        return None if moment is None else moment.astimezone(UTC)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    """A moment in a list's query; without an offset it is UTC."""

    field_class: type[forms.Field] = _MomentFormField
