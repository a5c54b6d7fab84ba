"""Percentiles, as everywhere in the bench: the value at that place in the order, none in between."""

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """NaN of nothing."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else math.nan


def ranks(values: Sequence[float]) -> dict[str, float]:
    """Median and p99 in ms, of seconds in any order."""
    ordered = sorted(values)
    return {"p50": 1000 * percentile(ordered, 0.5), "p99": 1000 * percentile(ordered, 0.99)}
