import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import ConfigurationError, ResponseError
from connectors.mqtt_formats import (
    LARGEST_MESSAGE,
    Sample,
    StructLayout,
    decode_json,
    decode_object,
    decode_senml,
    decode_struct,
    decode_value,
    number_in,
)

from .mutations import damaged
from .test_mqtt_cases import RECEIVED


@pytest.mark.parametrize("payload", [b"", b"  ", b"{", b"\xff\xfe", b"temperature=5", b"[" * 100_000])
def test_what_is_not_json_is_a_response_error(payload: bytes) -> None:
    with pytest.raises(ResponseError, match="topic"):
        decode_json(payload)


def test_a_byte_order_mark_and_utf_16_are_forgiven() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert decode_json('{"t": "°"}'.encode(encoding)) == {"t": "°"}


def test_a_single_value_is_no_object_and_the_message_says_how_to_read_it() -> None:
    with pytest.raises(ResponseError, match="format to raw"):
        decode_object(b"180.5")


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"180.5", "180.5"),
        (b" 180,5\n", "180,5"),
        (b"", None),
        (b"\x00", None),
        (b'{"a": 1}', {"a": 1}),
        (b"[1, 2]", [1, 2]),
        (b"{oops", "{oops"),
        (b"\xff", "\ufffd"),
    ],
)
def test_values_are_texts_or_json_objects(payload: bytes, value: Any) -> None:
    assert decode_value(payload) == value


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), ("-2.5", -2.5), ("3,5", 3.5), ("007", "007"), ("1e5", "1e5"), ("on", "on"), (True, True), (None, None)],
)
def test_what_is_plainly_a_number_is_one(value: Any, number: Any) -> None:
    assert number_in(value) == number
    assert type(number_in(value)) is type(number)


@pytest.mark.parametrize(
    "decode", [decode_json, decode_value, lambda data: decode_struct(data, layout(("a", "int8", 0)))]
)
def test_what_is_longer_than_a_reading_can_be_is_refused(decode: Any) -> None:
    with pytest.raises(ResponseError, match="longer") as caught:
        decode(b" " * (LARGEST_MESSAGE + 1))
    assert caught.value.code == "too_large"


def layout(*fields: tuple[str, str, int | None], order: str = "big") -> StructLayout:
    rows = [{"name": name, "type": kind, "offset": offset} for name, kind, offset in fields]
    return StructLayout.model_validate({"byte_order": order, "fields": rows})


def test_bytes_are_read_from_where_they_are() -> None:
    fields = layout(
        ("a", "int16", None), ("b", "float32", None), ("c", "uint8", 0), ("d", "bool", 6), ("e", "uint64", 7)
    )
    data = struct.pack(">hf?Q", -5, 180.1, True, 2**63)
    assert decode_struct(data, fields) == {"a": -5, "b": 180.1, "c": 255, "d": True, "e": 2**63}
    with pytest.raises(ResponseError, match="too few for 'e' at byte 7"):
        decode_struct(data[:10], fields)


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        layout(("a", "int8", None), ("a", "int8", None))
    assert list(caught.value.fields) == ["additional_config.struct.fields"]


def senml(*records: Any, device: str | None = None) -> list[Sample]:
    return decode_senml(json.dumps(list(records)).encode(), device, received_at=RECEIVED)


def test_records_without_a_time_are_of_now() -> None:
    assert senml({"n": "t", "v": 1.5}) == [Sample(None, {"t": 1.5})]


def test_base_values_count_from_where_they_stand() -> None:
    pack = senml(
        {"n": "a", "v": 1}, {"bn": "x/", "bv": 10, "bu": "g", "n": "b", "v": 500}, {"n": "c", "v": 1, "u": "Cel"}
    )
    assert pack == [Sample(None, {"a": 1.0, "x/b": 0.51, "x/c": 11.0})]


def test_times_near_zero_are_counted_from_now_and_others_from_1970() -> None:
    past, now = senml({"n": "a", "v": 1, "t": -60}, {"n": "a", "v": 2})
    assert (past.at, now.at) == (RECEIVED.replace(minute=30), None)
    (absolute,) = senml({"bt": 1736677800, "n": "a", "v": 1})
    assert absolute.at == RECEIVED.replace(minute=30)


def test_other_machines_of_a_pack_are_passed_over() -> None:
    records = [{"n": "oven1:t", "v": 1}, {"n": "oven2:t", "v": 2}]
    assert senml(*records, device="oven2") == [Sample(None, {"t": 2.0})]
    assert senml(*records, device="oven3") == []


@pytest.mark.parametrize(
    ("unit", "value", "ours"),
    [("K", 345.15, 72.0), ("/", 0.61, 61.0), ("J", 3.6e6, 1.0), ("s", 90, 1.5), ("Cel", 7, 7.0)],
)
def test_units_become_ours(unit: str, value: float, ours: float) -> None:
    assert senml({"n": "x", "u": unit, "v": value}) == [Sample(None, {"x": ours})]


@pytest.mark.parametrize("pack", [{}, "x", [1], [None], 5])
def test_what_is_no_pack_is_a_response_error(pack: Any) -> None:
    with pytest.raises(ResponseError, match="SenML"):
        decode_senml(json.dumps(pack).encode(), None, received_at=RECEIVED)
    with pytest.raises(ResponseError, match="more than"):
        senml(*[{"n": "a", "v": 1}] * 1001)


_PACK = [
    {"bn": "a", "bt": 1736677800.5, "bu": "Cel", "bv": 1, "n": "t", "v": 1.5},
    {"n": "b", "vs": "x", "t": -5, "u": "K"},
    {"n": "c", "vb": True, "s": 5},
]  # fmt: skip


@given(st.binary(max_size=60) | damaged(_PACK).map(lambda document: json.dumps(document).encode()))
@settings(max_examples=100, deadline=None)
def test_whatever_comes_is_decoded_or_a_response_error(payload: bytes) -> None:
    fields = layout(("a", "float32", None), ("b", "int64", 3), order="little")
    for decode in (decode_object, lambda data: decode_senml(data, "a", received_at=RECEIVED)):
        try:
            assert decode(payload) is not None
        except ResponseError:
            continue
    decode_value(payload)
    with suppress(ResponseError):
        decode_struct(payload, fields)
