"""The figures that operations watch, for Prometheus. Names begin with `bakery_`; docs/scaling.md lists them.

Nothing is counted here per reading: batches are timed, and what the collectors have counted is read when asked for.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import REGISTRY, Counter, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector as Source

from telemetry.load import LATENESS_BOUNDS_SECONDS, Counts
from telemetry.load_models import GatewayLoad

BATCHES = Histogram(
    "bakery_batch_readings", "Readings stored by one statement", buckets=(1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)
)
STORE = Histogram(
    "bakery_store_seconds", "One statement that stores a batch", buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
)
PUSH = Histogram(
    "bakery_push_seconds",
    "Making and sending the states of a batch to the pages",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2),
)
EVALUATION = Counter("bakery_evaluation_seconds", "Processor time of judging readings by the alert rules")
EVALUATED = Counter("bakery_evaluated_readings", "Readings judged by the alert rules")


@contextmanager
def evaluating(readings: int) -> Iterator[None]:
    """Around the judging of a batch: its processor time, of this thread."""
    began = time.thread_time()
    try:
        yield
    finally:
        EVALUATION.inc(time.thread_time() - began)
        EVALUATED.inc(readings)


def serve_figures(address: str, port: int) -> None:
    """For processes without pages. On a thread; the address is to be reachable for Prometheus alone."""
    start_http_server(port, addr=address)


class CollectorFigures(Source):
    """What this process's collectors have counted. `list_collectors` gives them at the moment of the question."""

    def __init__(self, list_collectors: Any) -> None:
        self._list_collectors = list_collectors

    def collect(self) -> Iterable[Metric]:
        lines = GaugeMetricFamily("bakery_lines", "Machines with a line", labels=["gateway"])
        polling = GaugeMetricFamily("bakery_polling", "1: this process polls it; 0: stand-by", labels=["gateway"])
        waiting = GaugeMetricFamily("bakery_waiting", "Not stored yet, by queue", labels=["gateway", "queue"])
        polls = CounterMetricFamily("bakery_polls", "Reads that were begun", labels=["gateway"])
        readings = CounterMetricFamily("bakery_readings", "Readings that arrived", labels=["gateway"])
        missed = CounterMetricFamily("bakery_missed_polls", "Reads left out: still busy", labels=["gateway"])
        failures = CounterMetricFamily("bakery_failures", "Failures, by kind", labels=["gateway", "kind"])
        lateness = HistogramMetricFamily("bakery_poll_lateness_seconds", "Begun after due", labels=["gateway"])
        for collector in self._list_collectors():
            gateway, outbox, counts = [collector.gateway], collector.outbox, collector.load.counts.copy()
            lines.add_metric(gateway, len(collector.lines))
            polling.add_metric(gateway, float(collector.active))
            queues = {"readings": outbox.readings, "unconfirmed": outbox.unconfirmed, "events": outbox.events}
            for name, queue in queues.items():
                waiting.add_metric([*gateway, name], len(queue))
            polls.add_metric(gateway, counts.polls)
            readings.add_metric(gateway, counts.readings)
            missed.add_metric(gateway, counts.missed)
            for kind, count in counts.failures.items():
                failures.add_metric([*gateway, kind], count)
            lateness.add_metric(gateway, _buckets(counts), counts.lateness_seconds)
        return (lines, polling, waiting, polls, readings, missed, failures, lateness)


class GatewayFigures(Source):
    """The gateways' load, from the rows that their poll workers keep: of every gateway, wherever it is polled."""

    def collect(self) -> Iterable[Metric]:
        shown = {
            "machines": "Lines that are kept",
            "readings_per_second": "Readings that arrived",
            "lateness_p99_seconds": "99 of 100 reads began at most this late",
            "missed_percentage": "Reads left out, because the machine was still busy",
            "busy_percentage": "Of one processor, in the loop that talks to the machines",
            "waiting_readings": "Readings that are not stored yet",
        }
        gauges = {
            name: GaugeMetricFamily(f"bakery_gateway_{name}", text, labels=["gateway"]) for name, text in shown.items()
        }
        seen = GaugeMetricFamily("bakery_gateway_measured_timestamp_seconds", "When it said so", labels=["gateway"])
        for load in GatewayLoad.objects.select_related("gateway"):
            for name, gauge in gauges.items():
                if (value := getattr(load, name)) is not None:
                    gauge.add_metric([load.gateway.slug], value)
            seen.add_metric([load.gateway.slug], load.measured_at.timestamp())
        return (*gauges.values(), seen)


def _buckets(counts: Counts) -> list[tuple[str, float]]:
    """As Prometheus wants them: each with all that is below it."""
    below, buckets = 0, []
    for bound, count in zip((*map(str, LATENESS_BOUNDS_SECONDS), "+Inf"), counts.lateness, strict=True):
        below += count
        buckets.append((bound, float(below)))
    return buckets


def watch_collectors(list_collectors: Any) -> None:
    """From now on this process tells what its collectors do."""
    REGISTRY.register(CollectorFigures(list_collectors))
