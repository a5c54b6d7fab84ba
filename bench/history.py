"""What a look back costs: the time in the database of each question, beside the bare SQL of the same answer."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from knox.models import AuthToken
from rich.console import Console

from bench.figures import Figure
from bench.generate import fill, make_ovens
from bench.house import House
from bench.options import Options
from bench.ranks import ranks
from equipment.models import Equipment
from telemetry.history import get_sensor_history
from telemetry.models import LatestReading
from telemetry.partitions import WEEK, drop_partitions, list_partitions, partition_name

READINGS_A_YEAR = 364 * 24 * 60
TIMES = 30
API_TIMES = 300
API_P99_MS = 100
RATIO = 2.0
DROP_MS = 100
FIELDS = ("temperature", "target_temperature", "humidity")


@dataclass(frozen=True)
class Question:
    name: str
    most_ms: float
    ours: Callable[[Equipment], Any]
    bare: str
    parameters: Callable[[Equipment], list[Any]]


def measure(options: Options, house: House) -> Iterator[Figure]:
    """As many ovens have a year behind them as fit into the readings asked for; latest values have all of them."""
    console = Console()
    ovens = make_ovens()
    now = timezone.now().replace(second=0, microsecond=0)
    full = max(1, min(len(ovens), round(options.readings_million * 1e6 / READINGS_A_YEAR)))
    count = fill(ovens, full, now, lambda words: console.print(f"  {words}", highlight=False))
    yield Figure(part="history", name="readings", value=count / 1e6, unit="million")
    for question in _questions(now):
        ours, bare, whole = _ask(question, ovens[:full])
        yield Figure(part="history", name=question.name, value=ours, unit="ms", target=question.most_ms)
        yield Figure(
            part="history", name=f"{question.name}, beside the bare SQL", value=ours, unit="ms", floor="bare SQL",
            floor_value=bare, target=RATIO,
        )  # fmt: skip
        yield Figure(part="history", name=f"{question.name}, with Python", value=whole, unit="ms")
    took = ranks(_ask_api(ovens[:full], now, house))
    yield Figure(part="history", name="30 days at 500 points, over the API p50", value=took["p50"], unit="ms")
    name = "30 days at 500 points, over the API p99"
    yield Figure(part="history", name=name, value=took["p99"], unit="ms", target=API_P99_MS)
    oldest, next_oldest, *_ = list_partitions()
    _put_out_of_memory(partition_name(oldest))
    yield Figure(part="history", name="forgetting a week", value=_forget(oldest), unit="ms", target=DROP_MS)
    name = "forgetting a week that is still in memory"
    yield Figure(part="history", name=name, value=_forget(next_oldest), unit="ms")
    Equipment.objects.filter(pk__in=[oven.pk for oven in ovens]).update(archived_at=timezone.now())


def _questions(now: datetime) -> Iterator[Question]:
    columns = ", ".join(str(field.column) for field in LatestReading._meta.concrete_fields)
    yield Question(
        "latest of all ovens",
        3,
        lambda oven: list(LatestReading.objects.all()),
        f"SELECT {columns} FROM equipment_latest_readings",
        lambda oven: [],
    )
    raw = ", ".join(f"avg({field}), min({field}), max({field})" for field in FIELDS)
    rolled = ", ".join(
        f"sum({field}_sum)::float8 / (1000 * sum({field}_count)), min({field}_min), max({field}_max)"
        for field in FIELDS
    )
    plain = ", ".join(f"{field}_sum::float8 / (1000 * {field}_count), {field}_min, {field}_max" for field in FIELDS)
    within = "WHERE equipment_id = %s AND {} BETWEEN %s AND %s"
    for name, days, points, most_ms, bare in (
        (
            "24 h at 300 points",
            1,
            300,
            10,
            f"SELECT date_bin('288 seconds', reading_time, '2000-01-01'), {raw} FROM equipment_sensor_readings"
            f" {within.format('reading_time')} GROUP BY 1 ORDER BY 1",
        ),
        (
            "30 days at 500 points",
            30,
            500,
            10,
            f"SELECT date_bin('2 hours', bucket, '2000-01-01'), {rolled} FROM equipment_hour_rollups"
            f" {within.format('bucket')} GROUP BY 1 ORDER BY 1",
        ),
        (
            "1 year at 500 points",
            364,
            500,
            15,
            f"SELECT bucket, {plain} FROM equipment_day_rollups {within.format('bucket')} ORDER BY 1",
        ),
    ):
        start = now - timedelta(days=days)
        yield Question(
            name,
            most_ms,
            # A loop's variables are looked up when the function is called: they are bound here.
            lambda oven, start=start, points=points: get_sensor_history(oven, start, now, points, FIELDS),  # type: ignore[misc]
            bare,
            lambda oven, start=start: [oven.pk, start, now],  # type: ignore[misc]
        )


def _ask(question: Question, ovens: list[Equipment]) -> tuple[float, float, float]:
    """Medians in ms: ours in the database, the bare SQL, and ours with all that Python does."""
    ours, bare, whole = [], [], []
    for number in range(TIMES):
        # Each asks for other ovens than the other, or it would find in memory what the other has brought from the disk.
        oven, other = (half[number * 7 % len(half)] for half in (ovens[::2], ovens[1::2] or ovens))
        with _time_in_database() as statements:
            begin = time.perf_counter()
            question.ours(oven)
            whole.append(time.perf_counter() - begin)
        ours.append(sum(statements))
        with _time_in_database() as statements, connection.cursor() as cursor:
            cursor.execute(question.bare, question.parameters(other))
        bare.append(sum(statements))
    return tuple(1000 * statistics.median(times) for times in (ours, bare, whole))  # type: ignore[return-value]


def _put_out_of_memory(table: str) -> None:
    """As it is with a week that nobody has looked at for as long as readings are kept."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(oid)"
            " FROM pg_class WHERE relname IN (%s, %s)",
            [table, f"{table}_pkey"],
        )
        paths = [path for (path,) in cursor.fetchall()]
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def _forget(week: datetime) -> float:
    begin = time.perf_counter()
    drop_partitions(week + WEEK)
    return 1000 * (time.perf_counter() - begin)


def _ask_api(ovens: list[Equipment], now: datetime, house: House) -> list[float]:
    """Seconds of each answer; one question at a time."""
    user = User.objects.create_user("looks-back")
    ovens[0].bakery.members.add(user)
    _, token = AuthToken.objects.create(user)
    query = {"start": (now - timedelta(days=30)).isoformat(), "end": now.isoformat(), "points": "500"}
    took = []
    with httpx.Client(headers={"Authorization": f"Token {token}"}, trust_env=False) as client:
        for number in range(API_TIMES):
            oven = ovens[number * 7 % len(ovens)]
            begin = time.perf_counter()
            answer = client.get(f"http://{house.address}/api/v1/equipment/{oven.uuid}/sensor-history", params=query)
            took.append(time.perf_counter() - begin)
            answer.raise_for_status()
    return took


@contextmanager
def _time_in_database() -> Iterator[list[float]]:
    """Seconds of each statement until its answer is here."""
    spent: list[float] = []

    def timed(execute: Any, sql: Any, parameters: Any, many: Any, context: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            spent.append(time.perf_counter() - begin)

    with connection.execute_wrapper(timed):
        yield spent
