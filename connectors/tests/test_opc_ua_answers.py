"""Answers to reads: read straight from their bytes they give what asyncua makes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from connectors.opc_ua_answers import READ_RESPONSE, parse_plain, parse_samples, parse_values
from connectors.opc_ua_values import Sample, sample_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
WHOLE = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}


def answer_of(*values: ua.DataValue, **header: Any) -> bytes:
    response = ua.ReadResponse(Results=list(values))
    for name, value in header.items():
        setattr(response.ResponseHeader, name, value)
    return bytes(struct_to_binary(response))


plain_variants = st.one_of(
    st.none().map(lambda _: ua.Variant(None, ua.VariantType.Null)),
    st.booleans().map(lambda value: ua.Variant(value, ua.VariantType.Boolean)),
    *(st.builds(ua.Variant, st.integers(*bounds), st.just(kind)) for kind, bounds in WHOLE.items()),
    st.floats(width=32, allow_nan=False).map(lambda value: ua.Variant(value, ua.VariantType.Float)),
    st.floats(allow_nan=False).map(lambda value: ua.Variant(value, ua.VariantType.Double)),
    st.text(max_size=20).map(lambda value: ua.Variant(value, ua.VariantType.String)),
    st.just(ua.Variant(None, ua.VariantType.String)),
)
other_variants = st.sampled_from(
    [
        ua.Variant([1, 2], ua.VariantType.Int32),
        ua.Variant(ua.LocalizedText("Heating"), ua.VariantType.LocalizedText),
        ua.Variant(NOON, ua.VariantType.DateTime),
        ua.Variant(ua.NodeId(5), ua.VariantType.NodeId),
        ua.Variant(b"\0\1", ua.VariantType.ByteString),
    ]
)
moments = st.none() | st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds))
statuses = st.sampled_from([0, 0x40000000, 0x40900000, 0x80050000, 0x808C0000])


def data_values(variants: st.SearchStrategy[ua.Variant]) -> st.SearchStrategy[ua.DataValue]:
    return st.builds(
        ua.DataValue, variants, statuses.map(ua.StatusCode), SourceTimestamp=moments, ServerTimestamp=moments
    )


@given(st.lists(data_values(plain_variants), max_size=15))
def test_a_plain_answer_is_read_as_asyncua_reads_it(values: list[ua.DataValue]) -> None:
    body = answer_of(*values)
    assert parse_plain(body) == [sample_of(value) for value in parse_values(body)]


@given(st.lists(data_values(plain_variants | other_variants), max_size=15))
def test_every_answer_gives_the_same_samples(values: list[ua.DataValue]) -> None:
    body = answer_of(*values)
    # As texts: two errors are never equal.
    assert repr(parse_samples(body)) == repr([sample_of(value) for value in parse_values(body)])


@pytest.mark.parametrize(
    "other",
    [
        {"ServiceResult": ua.StatusCode(ua.StatusCodes.BadTooManyOperations)},
        {"ServiceDiagnostics": ua.DiagnosticInfo(LocalizedText=0)},
        {"StringTable": ["more"]},
    ],
)
def test_an_answer_that_says_more_is_not_plain(other: dict[str, Any]) -> None:
    assert parse_plain(answer_of(ua.DataValue(ua.Variant(1.5)), **other)) is None


def test_a_refusal_is_raised() -> None:
    refusal = answer_of(ServiceResult=ua.StatusCode(ua.StatusCodes.BadTooManyOperations))
    with pytest.raises(ua.UaStatusCodeError):
        parse_samples(refusal)


@given(st.data())
def test_what_was_cut_off_is_not_plain(data: st.DataObject) -> None:
    body = answer_of(*[ua.DataValue(ua.Variant("text", ua.VariantType.String))] * 3)
    cut = data.draw(st.integers(0, len(body) - 5))  # its last four bytes only say that no diagnostics follow
    assert parse_plain(body[:cut]) is None


@given(st.binary(max_size=80))
def test_noise_is_not_plain_or_gives_samples(noise: bytes) -> None:
    found = parse_plain(READ_RESPONSE + noise)
    assert found is None or all(isinstance(sample, Sample) for sample in found)
