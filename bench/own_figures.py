"""What the poll worker counts of itself for Prometheus, read as Prometheus does."""

from collections import defaultdict

import httpx
from prometheus_client.parser import text_string_to_metric_families


def read_figures(port: int) -> dict[str, float]:
    """By the name of the sample, of all labels together; but no buckets. Empty where nobody serves them."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=10).text
    except httpx.TransportError:
        return {}
    found: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" not in sample.labels:
                found[sample.name] += sample.value
    return dict(found)


def growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0.0) for name, value in after.items()}
