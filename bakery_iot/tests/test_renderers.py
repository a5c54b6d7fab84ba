"""The same JSON as the framework's own renderer, whatever is in it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer

from bakery_iot.renderers import OrjsonRenderer

CONTENT: list[Any] = [
    {},
    [1, 2.5, 1e300, -0.0, None, True, 'Käse\u2028 "x" </script>', []],
    {"at": datetime(2026, 11, 30, 3, 4, 5, tzinfo=UTC), "exact": datetime(2026, 11, 30, 3, 4, 5, 6000, tzinfo=UTC)},
    {"here": datetime(2026, 11, 30, 3, 4, tzinfo=timezone(timedelta(hours=1)))},
    {"id": UUID(int=7), "price": Decimal("1.50"), "for": timedelta(minutes=3), "word": gettext_lazy("Name")},
    {1: "one", 2: {"deep": (1, 2)}},
    2**80,
]


@pytest.mark.parametrize("content", CONTENT)
def test_it_writes_what_the_framework_writes(content: Any) -> None:
    assert json.loads(OrjsonRenderer().render(content)) == json.loads(JSONRenderer().render(content))


def test_nothing_is_no_bytes_and_indented_is_indented() -> None:
    assert OrjsonRenderer().render(None) == b""
    assert OrjsonRenderer().render({"a": 1}, "application/json; indent=2") == b'{\n  "a": 1\n}'
