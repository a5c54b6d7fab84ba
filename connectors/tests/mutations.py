"""JSON for fuzzing: anything at all, and real documents in which something has gone wrong."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from connectors import Reading

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "NaN", "-1", "1e999", "\x00", "\ud800", "2025-01-12T10:30:00Z", "9999-12-31T23:59:59-12:00"])
)
anything = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield node, key
        yield from _places(item)


@st.composite
def damaged(draw: st.DrawFn, *documents: Any) -> Any:
    """One of the documents with up to four places replaced or taken out."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()) or isinstance(holder, list):
            holder[key] = draw(anything)
        else:
            del holder[key]
    return document


def assert_sound(reading: Reading) -> None:
    """Whatever came in: what is bad is None, and times are aware."""
    assert reading.data_points >= 0
    assert reading.reading_time.utcoffset() is not None
    for name, doubt in reading.quality.items():
        field, _, key = name.partition(".")
        value = getattr(reading, field)
        assert doubt != "bad" or field == "reading_time" or (value.get(key) if key else value) is None, name
