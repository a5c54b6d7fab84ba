"""Rubbish in, a reading or a ResponseError out: whatever a machine sends, and whatever path somebody writes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors import DoorStatus, Reading, ResponseError
from connectors.mapping import parse_document
from connectors.mapping_settings import DocumentMapping, compile_path

from .test_mapping import parse
from .test_reading import NOON


@pytest.mark.parametrize(
    "path", ["", "  ", "a[", "a b", "nofunction(a)[", "a" * 1001, "(" * 900, "|".join(["[@,@][]"] * 9)]
)
def test_an_expression_that_cannot_work_is_refused_when_it_is_saved(path: str) -> None:
    with pytest.raises(ValidationError):
        DocumentMapping.model_validate({"temperature": path})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=20,
)
FIELDS = [*DocumentMapping.model_fields, "reading_time", "quality", "a", "b"]
DOCUMENTS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8) | JSON
PATHS = st.sampled_from(
    ["a", "b[0]", "a.b", "*.a", "length(a)", "max(b)", "sum(values(@))", "@", "keys(@)[0]", "b[?a>`1`]"]
)


def assert_sound(reading: Reading) -> None:
    numbers = [
        reading.temperature,
        reading.humidity,
        reading.time_remaining_minutes,
        *reading.temperature_zones.values(),
    ]
    assert all(number is None or abs(number) < 1e10 for number in numbers)
    assert reading.reading_time.utcoffset() == timedelta(0)
    assert set(reading.quality.values()) <= {"uncertain", "bad", "stale"}
    repr(reading).encode()  # neither lone surrogates ...
    assert "\\x00" not in repr(reading.additional_sensors)  # ... nor NUL reach the database


@given(DOCUMENTS)
def test_any_document_gives_a_reading_or_a_response_error(document: Any) -> None:
    try:
        assert_sound(parse(document))
    except ResponseError as error:
        str(error).encode()


@given(DOCUMENTS, st.dictionaries(st.sampled_from(list(DocumentMapping.model_fields)), PATHS, max_size=5))
def test_any_document_and_mapping_give_a_reading_or_a_response_error(document: Any, paths: dict[str, str]) -> None:
    nested = ("temperature_zones", "target_temperature_zones", "additional_sensors")
    mapping = {name: {"z": path} if name in nested else path for name, path in paths.items()}
    try:
        assert_sound(parse(document, mapping))
    except ResponseError as error:
        str(error).encode()


@given(st.text(max_size=30))
def test_any_text_as_a_path_compiles_or_is_refused(path: str) -> None:
    try:
        mapping = DocumentMapping.model_validate({"temperature": path, "door_status": "d"})
    except ValidationError:
        return
    assert compile_path(path)
    assert parse_document({"a": 1, "d": "open"}, mapping, received_at=NOON).door_status == DoorStatus.OPEN
