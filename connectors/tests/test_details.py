import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from connectors import CycleStage
from connectors.details import MOST_ROWS, plain_details

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.binary(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=5,
)


def plain(value: Any) -> Any:
    return plain_details({"points": [{"value": value}]})["points"][0]["value"]


def test_what_json_or_a_browser_cannot_carry_becomes_text() -> None:
    values = [1.5, math.nan, -math.inf, 2**60, CycleStage.BAKING, (1, None), "half \ud800", True]
    assert [plain(value) for value in values] == [
        1.5,
        "nan",
        "-inf",
        str(2**60),
        "baking",
        [1, None],
        "half ?",
        True,
    ]


def test_a_long_table_ends_with_how_much_is_missing() -> None:
    rows = plain_details({"devices": [{"name": number, "type": "oven"} for number in range(1234)]})["devices"]
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1] == {"name": f"… and {1234 - MOST_ROWS} more"}


@given(some.dictionaries(some.text(), some.lists(some.dictionaries(some.text(), VALUES, max_size=3), max_size=3)))
def test_anything_can_be_sent(details: dict[str, list[dict[str, Any]]]) -> None:
    text = json.dumps(plain_details(details), allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode()) is not None
