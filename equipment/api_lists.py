"""What all lists of the API share: pages that a growing list does not shift, and filters that refuse what they do not
know.
"""

from difflib import get_close_matches
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

PAGE_SIZES = range(1, 501)


class TimeCursorPagination(CursorPagination):
    """Pages of what happened, newest first. `ordering` comes from the view: a moment first, then the key."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = PAGE_SIZES[-1]
    cursor_query_description = "Where to go on: taken from `next` or `previous` of the page before"
    page_size_query_description = f"Rows on a page, {PAGE_SIZES[0]} to {PAGE_SIZES[-1]}; 100 unless told"

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get(self.page_size_query_param, str(self.page_size))
        # By length first: int() of a text without end takes without end.
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if size not in PAGE_SIZES:
            raise ValidationError({"page_size": f"This must be a number from {PAGE_SIZES[0]} to {PAGE_SIZES[-1]}."})
        return size

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering
        return ordering

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_moment(str(cursor.position)):
            raise NotFound("This is no page of the list. Begin again without `cursor`.")
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in found:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": PAGE_SIZES[0], "maximum": PAGE_SIZES[-1], "default": self.page_size}
        return found


def _is_moment(text: str) -> bool:
    try:
        return parse_datetime(text) is not None
    except ValueError:
        return False


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, but a misspelt filter is an error and not a longer list."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        known = [*view.filterset_class.base_filters, *_page_parameters(view)]
        refused = {name: _explain(name, known) for name in request.query_params if name not in known}
        refused |= {name: "This must not be empty." for name, text in request.query_params.items() if not text}
        if refused:
            raise ValidationError(refused)
        found: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found


def _page_parameters(view: Any) -> list[str]:
    return [parameter["name"] for parameter in view.paginator.get_schema_operation_parameters(view)]


def _explain(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"Do you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    return f"There is no filter of this name. {hint}"
